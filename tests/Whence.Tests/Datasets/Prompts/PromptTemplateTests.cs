using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Prompts;

public class PromptTemplateTests
{
    [Theory]
    [InlineData("The <new1> {category} sleeps", "elephant", "<new1>", "The <new1> elephant sleeps")]
    [InlineData("A <new1> {category} sleeps", "elephant", null, "An elephant sleeps")]
    [InlineData("An <new1> {category} sleeps", "dog", "<style>", "A <style> dog sleeps")]
    [InlineData("an old <new1> {category}", "dog", null, "an old dog")]
    [InlineData("A picture in the style of <new1> art", null, "sks", "A picture in the style of sks art")]
    public void Places_are_filled_and_articles_fit(string text, string? category, string? token, string expected) =>
        Assert.Equal(expected, PromptTemplate.Parse(text).Fill(category, token));

    [Theory]
    [InlineData("The {category} sleeps", "has no place for the concept")]
    [InlineData("The <new1> {animal} sleeps", "'{animal}' is no placeholder")]
    [InlineData("The <new1> <new2> sleeps", "'<new2>' is no placeholder")]
    [InlineData("The <new1> sleeps }", "'}' is no placeholder")]
    [InlineData("The <new1> sleeps <", "'<' is no placeholder")]
    public void What_is_no_template_is_refused(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<WhenceException>(() => PromptTemplate.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_place_for_a_category_needs_one()
    {
        Assert.True(PromptTemplate.Parse("<new1> {category}").NeedsCategory);
        Assert.Throws<ArgumentException>(() => PromptTemplate.Parse("<new1> {category}").Fill());
    }
}
