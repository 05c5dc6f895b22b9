using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

/// <summary>Values are Python's <c>str.lower</c>.</summary>
public class LowerCaseTests
{
    [Theory]
    [InlineData("ABC", "abc")]
    [InlineData("\u00C4\u00D6\u00DC \u1E9E \u212B", "\u00E4\u00F6\u00FC \u00DF \u00E5")]
    [InlineData("\u0130\u0049\u0131", "i\u0307i\u0131")]
    [InlineData("\u01C5 \u2160 \u24B6 \U00010400", "\u01C6 \u2170 \u24D0 \U00010428")]
    [InlineData("\u039F\u03A3 \u03A3 \u03A3\u0391 \u0391\u03A3\u0391", "\u03BF\u03C2 \u03C3 \u03C3\u03B1 \u03B1\u03C3\u03B1")]
    [InlineData("\u0391'\u03A3' \u0391\u03A3.\u0391 A\u0301\u03A3\u0301", "\u03B1'\u03C2' \u03B1\u03C3.\u03B1 a\u0301\u03C2\u0301")] // marks and apostrophes are ignored
    [InlineData("\u00AA\u03A3 \u2167\u03A3 1\u03A3 \u4E00\u03A3", "\u00AA\u03C2 \u2177\u03C2 1\u03C3 \u4E00\u03C3")]
    public void Full_mapping(string text, string expected) => Assert.Equal(expected, LowerCase.Of(text));
}
