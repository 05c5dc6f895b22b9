using FsCheck.Xunit;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

public class TextSplitterTests
{
    [Theory]
    [InlineData("a photo of 2024's dogs", "a photo of 2 0 2 4 's dogs")]
    [InlineData("they'll i'd we've you're i'm don't it's", "they 'll i 'd we 've you 're i 'm don 't it 's")]
    [InlineData("rock'n'roll o'clock", "rock ' n ' roll o ' clock")]
    [InlineData("'Tis IT'S o'\u017Fo", "'T is IT 'S o '\u017F o")] // the long s is an s where case is ignored
    [InlineData("wow!'s", "wow !' s")] // a run of signs takes the apostrophe
    [InlineData("<|endoftext|>x!<|endoftext|>", "<|endoftext|> x !<| endoftext |>")]
    [InlineData("<|StartOfText|><|endoftext", "<|StartOfText|> <| endoftext")]
    [InlineData("cafe\u0301s", "cafe \u0301 s")] // a mark is no letter
    [InlineData("\u0663\u2167\u00BD x\u00B2", "\u0663 \u2167 \u00BD x \u00B2")]
    [InlineData("a\u00A0b\u3000c\u0085d", "a b c d")]
    [InlineData("\u65E5\u672C\u8A9E\u3001\u6771\u4EAC", "\u65E5\u672C\u8A9E \u3001 \u6771\u4EAC")]
    [InlineData("\U00010330\U00010331\U0001D54F x", "\U00010330\U00010331\U0001D54F x")] // Gothic, mathematical: letters beyond 16 bits
    [InlineData("\U00020000a\U0001D7D8\U0001D7D9", "\U00020000a \U0001D7D8 \U0001D7D9")] // a character of CJK extension B; mathematical digits
    [InlineData("\U0001F600\U0001F308! \U0001F600", "\U0001F600\U0001F308! \U0001F600")]
    [InlineData(" \t\n", "")]
    public void Words_are_those_of_CLIPs_pattern(string text, string words) => Assert.Equal(words, string.Join(' ', Split(text)));

    [Fact]
    public void Halves_of_surrogate_pairs_are_signs() =>
        Assert.Equal(["a", "\uD800!", "b", "\uDC00"], Split("a\uD800!b \uDC00"));

    [Property(MaxTest = 500)]
    public bool Nothing_is_lost_but_white_space(string? text) =>
        string.Concat(Split(text ?? "")) == string.Concat((text ?? "").Where(c => !char.IsWhiteSpace(c)));

    private static List<string> Split(string text)
    {
        var words = new List<string>();
        for (var splitter = new TextSplitter(text); splitter.MoveNext();)
        {
            words.Add(splitter.Current.ToString());
        }

        return words;
    }
}
