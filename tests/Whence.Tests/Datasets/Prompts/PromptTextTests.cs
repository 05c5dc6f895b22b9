using FsCheck.Xunit;
using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Prompts;

public class PromptTextTests
{
    [Theory]
    [InlineData("The V* cat, asleep!", "v cat asleep")]
    [InlineData("A cat and the cat", "cat and cat")]
    [InlineData("the cat’s  NAP - an idyll", "cats nap idyll")]
    [InlineData("Crème brûlée 2", "crème brûlée 2")]
    [InlineData("cafe\u0301", "cafe")]
    [InlineData("A, an; the...", "")]
    [InlineData("\ud800", "")]
    public void Case_punctuation_and_articles_do_not_count(string text, string expected) => Assert.Equal(expected, PromptText.Normalize(text));

    [Property]
    public bool The_form_of_a_form_is_itself(string? text) => PromptText.Normalize(text ?? "") is var form && PromptText.Normalize(form) == form;

    [Theory]
    [InlineData("A {medium} of it", "ink drawing", "An ink drawing of it")]
    [InlineData("an {medium} of it", "photo", "a photo of it")]
    [InlineData("A {medium} of it", "ultrafine detailed painting", "An ultrafine detailed painting of it")]
    [InlineData("a {medium}", "unicorn", "a unicorn")]
    [InlineData("a {medium}", "hour", "an hour")]
    [InlineData("extra {medium} {medium}", "ink", "extra ink ink")]
    [InlineData("a {medium}", "", "a ")]
    [InlineData("a {medium}", "$& $1", "a $& $1")]
    public void An_article_before_a_hole_becomes_the_one_that_the_text_takes(string text, string value, string expected) =>
        Assert.Equal(expected, PromptText.Put(text, "{medium}", value));

    [Fact]
    public void What_is_drawn_follows_from_the_seed_and_the_text()
    {
        Assert.Equal(PromptText.Draw("a", 1), PromptText.Draw("a", 1));
        Assert.NotEqual(PromptText.Draw("a", 1), PromptText.Draw("a", 2));
        Assert.NotEqual(PromptText.Draw("a", 1), PromptText.Draw("b", 1));
    }
}
