using FsCheck.Xunit;
using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Prompts;

public class PromptAnswerTests
{
    [Theory]
    [InlineData("Sure! Here are 2 captions:\n\n1. A cat sleeps.\n2. \"A cat eats\"\n\nLet me know if you want more!")]
    [InlineData("1) A cat sleeps\r\n2) A cat eats\r\n")]
    [InlineData("(1) A cat sleeps\n(2) A cat eats")]
    [InlineData("- A cat sleeps\n- A cat eats")]
    [InlineData("* **A cat sleeps**\n* *A cat eats*")]
    [InlineData("• A cat sleeps\n• “A cat eats”")]
    [InlineData("**1.** A cat sleeps\n**2.** A cat eats")]
    [InlineData("## Captions\n1 - A cat sleeps\n2 - A cat eats")]
    [InlineData("A cat sleeps\nA cat eats")]
    [InlineData("Captions:\nA cat sleeps.\nA cat eats,")]
    [InlineData("<think>1. A dog? No.\n2. Cats.</think>\n1. A cat sleeps\n2. A cat eats")]
    [InlineData("[\"A cat sleeps\", \"A cat eats\"]")]
    [InlineData("```json\n[\n  \"A cat sleeps.\",\n  \"A cat eats\",\n]\n```")]
    [InlineData("Here you are: {\"title\": \"Cats\", \"captions\": [\"A cat sleeps\", \"A cat eats\"]}")]
    [InlineData("[{\"id\": 1, \"note\": \"a very long note about it\", \"caption\": \"A cat sleeps\"}, {\"n\": \"2\", \"sentence\": \"A cat eats\"}]")]
    [InlineData("{\"1\": \"A cat sleeps\", \"2\": \"A cat eats\"}")]
    [InlineData("[\n\"A cat sleeps\",\n\"A cat eats\"\n")]
    [InlineData("1. A cat\u200b sleeps\n2. A\tcat \u202eeats\u202c")]
    [InlineData("1. A cat sleeps\n2. A cat eats\n3. \n4. \"\"\n5. ...")]
    public void Captions_come_out_of_whatever_is_around_them(string answer) => Assert.Equal(["A cat sleeps", "A cat eats"], PromptAnswer.Parse(answer));

    [Theory]
    [InlineData("")]
    [InlineData("   \n \r\n")]
    [InlineData("Here are the captions:")]
    [InlineData("{}")]
    [InlineData("<think>1. A cat")]
    public void Nothing_comes_out_of_nothing(string answer) => Assert.Empty(PromptAnswer.Parse(answer));

    [Property(MaxTest = 300)]
    public bool Whatever_is_answered_gives_single_visible_lines(string? answer) =>
        PromptAnswer.Parse(answer ?? "").All(caption => caption.Length > 0 && caption.Trim() == caption && !caption.Any(char.IsControl));

    [Fact]
    public void An_answer_without_end_is_cut()
    {
        Assert.Equal(1000, PromptAnswer.Parse(string.Concat(Enumerable.Range(0, 300_000).Select(i => $"{i % 1000}. cat {i}\n"))).Count);
        Assert.True(PromptAnswer.Parse(new string('a', 3 << 20))[0].Length <= 2000);
        Assert.Empty(PromptAnswer.Parse(new string('[', 1 << 20)));
        Assert.Empty(PromptAnswer.Parse(new string('[', 1 << 18) + new string(']', 1 << 18)));
        Assert.Empty(PromptAnswer.Parse(new string('*', 1 << 20)));
    }
}
