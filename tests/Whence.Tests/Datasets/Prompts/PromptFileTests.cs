using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Prompts;

public sealed class PromptFileTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Lines_have_a_split_and_a_state()
    {
        var file = PromptFile.Parse("f", "# remark\nfor: dog, wild dog\n\n[train]\na\n? b\n-c\n[val]\n  d  \n[TEST]\n?\n");
        Assert.Equal(["dog", "wild dog"], file.Categories);
        PromptLine[] expected =
            [new(5, PromptSplit.Train, PromptState.Approved, "a"), new(6, PromptSplit.Train, PromptState.Waiting, "b"), new(7, PromptSplit.Train, PromptState.Rejected, "c"), new(9, PromptSplit.Validation, PromptState.Approved, "d")];
        Assert.Equal(expected, file.Lines);
    }

    [Theory]
    [InlineData("a\n[train]\n", "line 1 'a' stands above the first section")]
    [InlineData("for: a\nfor: b\n", "line 2 'for: b'")]
    [InlineData("[train]\n[trian]\n", "line 2 '[trian]' is no section")]
    [InlineData("[train]\na\u0007b\n", "line 2 holds a control character")]
    public void What_is_not_understood_is_named_with_its_line(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<WhenceException>(() => PromptFile.Parse("f", text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("[train]\na # not a remark\n\n# at the end\n\n[test]\nb", "[train]\na # not a remark\n\n# at the end\n? x\n? y\n\n[test]\nb\n? z\n")]
    [InlineData("# only a remark\r\n[test]\r\n", "# only a remark\r\n[test]\r\n? z\r\n\r\n[train]\r\n? x\r\n? y\r\n")]
    [InlineData("[train]\n[test]\nb\n[train]\nc\n", "[train]\n[test]\nb\n? z\n[train]\nc\n? x\n? y\n")]
    public void More_lines_leave_all_others_as_they_are(string before, string after)
    {
        var file = PromptFile.Parse(_temp["f.txt"], before).With([(PromptSplit.Train, "x"), (PromptSplit.Test, "z"), (PromptSplit.Train, "y")]);
        Assert.Equal(after.Replace("\r", "", StringComparison.Ordinal), file.Text.Replace("\r", "", StringComparison.Ordinal));
        Assert.Equal(before.Contains('\r'), file.Text.Contains("? x\r\n", StringComparison.Ordinal));
        file.Save();
        Assert.Equal(file.Text, File.ReadAllText(_temp["f.txt"]));
        Assert.Equal(file.Lines, PromptFile.Load(_temp["f.txt"]).Lines);
    }

    [Fact]
    public void A_text_that_is_not_UTF_8_is_refused_rather_than_written_back_with_holes()
    {
        File.WriteAllBytes(_temp["f.txt"], [.. "[train]\ncaf"u8, 0xE9, .. "\n"u8]);
        Assert.Contains("no UTF-8", Assert.Throws<WhenceException>(() => PromptFile.Load(_temp["f.txt"])).Message, StringComparison.Ordinal);
        File.WriteAllBytes(_temp["f.txt"], [0xEF, 0xBB, 0xBF, .. "[train]\na\n"u8]);
        Assert.Equal("a", PromptFile.Load(_temp["f.txt"]).Lines.Single().Text);
    }
}
