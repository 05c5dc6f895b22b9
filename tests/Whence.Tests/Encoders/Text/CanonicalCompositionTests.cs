using FsCheck.Xunit;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

public class CanonicalCompositionTests
{
    [Theory]
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("\u212B \u2126", "\u00C5 \u03A9")] // singletons
    [InlineData("a\u0323\u0307 a\u0307\u0323", "\u1EA1\u0307 \u1EA1\u0307")] // marks are sorted by class
    [InlineData("a\u0307\u0301", "\u0227\u0301")] // equal classes: the nearer wins, the next is blocked
    [InlineData("\u0958 \u0915\u093C", "\u0915\u093C \u0915\u093C")] // excluded from composition
    [InlineData("\u0344 \u0308\u0301", "\u0308\u0301 \u0308\u0301")]
    [InlineData("\u1100\u1161\u11A8\uAC00\u11A8\u1100\u1161\u1161", "\uAC01\uAC01\uAC00\u1161")]
    [InlineData("\u0FB2\u0F71\u0F80", "\u0FB2\u0F71\u0F80")]
    [InlineData("\U000110A5\U000110BA \U0001D15E", "\U000110AB \U0001D157\U0001D165")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323")]
    [InlineData("\u0301a", "\u0301a")]
    public void Form_C(string text, string expected) => Assert.Equal(expected, CanonicalComposition.Compose(text));

    [Property(MaxTest = 500)]
    public bool What_is_composed_stays(string? text)
    {
        var once = CanonicalComposition.Compose(text ?? "");
        return CanonicalComposition.Compose(once) == once;
    }

    [Fact]
    public void Every_syllable_of_Hangul_comes_back_from_its_letters()
    {
        for (var i = 0; i < 11_172; i++)
        {
            var (lead, vowel, trail) = (i / 588, i / 28 % 21, i % 28);
            var letters = $"{(char)(0x1100 + lead)}{(char)(0x1161 + vowel)}{(trail > 0 ? ((char)(0x11A7 + trail)).ToString() : "")}";
            Assert.Equal(((char)(0xAC00 + i)).ToString(), CanonicalComposition.Compose(letters));
        }
    }
}
