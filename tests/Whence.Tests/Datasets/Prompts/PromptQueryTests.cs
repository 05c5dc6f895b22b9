using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Prompts;

public class PromptQueryTests
{
    [Theory]
    [InlineData("A cat sleeps", "A <new1> {category} sleeps")]
    [InlineData("The Cat's cat flap", "The <new1> {category}'s <new1> {category} flap")]
    [InlineData("Cats sleep", null)]
    [InlineData("A caterpillar eats", null)]
    [InlineData("A dog sleeps", null)]
    [InlineData("A cat", null)]
    [InlineData("", null)]
    [InlineData("A {red} cat sleeps", null)]
    [InlineData("A <b>cat</b> sleeps", null)]
    [InlineData("# cat pictures", null)]
    [InlineData("? cat pictures", null)]
    public void The_word_of_the_category_becomes_the_concept_or_there_is_no_prompt(string caption, string? expected) =>
        Assert.Equal(expected, PromptQuery.Objects("cat").PromptOf(caption));

    [Fact]
    public void A_category_may_be_words_and_a_style_gets_its_ending()
    {
        Assert.Equal("An <new1> {category} on a stage", PromptQuery.Objects("electric guitar").PromptOf("An Electric  guitar on a stage"));
        Assert.Equal("The magic of the forest in the style of <new1> art", PromptQuery.Styles().PromptOf("The magic of the forest"));
        Assert.Null(PromptQuery.Styles().PromptOf(new string('a', 301)));
        Assert.All(["", " cat", "cat ", "a  b", "../cat", "cat/dog", "cat\n", "{category}", new string('a', 61)], name => Assert.Throws<WhenceException>(() => PromptQuery.Objects(name)));
    }

    [Fact]
    public void The_question_names_count_category_and_what_is_there()
    {
        var question = PromptQuery.Objects("owl").Ask(25, []);
        Assert.Contains("Write 25 different captions of pictures in which an owl is the subject", question, StringComparison.Ordinal);
        Assert.DoesNotContain("{", question, StringComparison.Ordinal);
        Assert.Equal("List 7 scenes\nThese are there already; write none of them again:\n- A river", PromptQuery.Styles("List {count} scenes").Ask(7, ["A river"]));
        Assert.Contains("no place for {count}", Assert.Throws<WhenceException>(() => PromptQuery.Styles("List scenes")).Message, StringComparison.Ordinal);
        Assert.Contains("no place for {category}", Assert.Throws<WhenceException>(() => PromptQuery.Objects("owl", "List {count}")).Message, StringComparison.Ordinal);
        Assert.Contains("'{style}' is no placeholder", Assert.Throws<WhenceException>(() => PromptQuery.Styles("List {count} {style}")).Message, StringComparison.Ordinal);
    }
}
