using System.Text;
using FsCheck.Xunit;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

public class TextCleanerTests
{
    [Theory]
    [InlineData("  A  Photo\tof\r\nVincent van GOGH \u3000", "a photo of vincent van gogh")]
    [InlineData("\u201Cquoted\u201D \u2018single\u2019 \u201Elow\u201F o\u02BCclock", "\"quoted\" 'single' \"low\" o'clock")]
    [InlineData("\uFB03 \uFB01sh \u0132sselmeer \u01C5 \u0149", "ffi fish ijsselmeer d\u017E 'n")]
    [InlineData("\uFF26\uFF55\uFF4C\uFF4C\u3000\uFF11\uFF12 \uFF76\uFF9E\uFF77 \uFFE1\uFFE3", "full 12 \u30AC\u30AD \u00A3 \u0304")]
    [InlineData("\e[1;31mred\e[0m \e[text", "red ext")] // the second is an escape as well: "t" is its letter
    [InlineData("\e[31", "[31")]
    [InlineData("a\u0000b\u0007c\u007Fd\uFEFFe\u206Af\uFFFCg\vh", "abcdefgh")]
    [InlineData("a\u200Db\u00ADc", "a\u200Db\u00ADc")] // joiners and soft hyphens stay
    [InlineData("one\u2028two\u2029three\fi", "one two three i")]
    [InlineData("It\u0092s \u0093here\u0094\u0085", "it's \"here\"\u2026")] // Windows-1252 read as Latin-1
    [InlineData("cafe\u0301 \u1100\u1161\u11A8", "caf\u00E9 \uAC01")]
    [InlineData("\u039F\u0394\u039F\u03A3 \u0130stanbul STRASSE \u1E9E", "\u03BF\u03B4\u03BF\u03C2 i\u0307stanbul strasse \u00DF")]
    public void What_is_broken_or_ornamental_becomes_plain(string text, string cleaned) => Assert.Equal(cleaned, TextCleaner.Clean(text));

    [Theory]
    [InlineData("&amp;amp;amp; &lt;b&gt; &EACUTE; &amp;#39;", "& <b> \u00E9 '")]
    [InlineData("fish&ampchips &copy 2024 &notit;", "fish&chips \u00A9 2024 \u00ACit;")]
    [InlineData("<b>&amp;amp;amp;amp;</b>", "<b>&amp;amp;</b>")] // it may be HTML: only the two times that follow
    [InlineData("&amp;amp;amp;amp;\n<b>&amp;amp;amp;amp;", "& <b>&amp;amp;")]
    [InlineData("x &#0; &#128; &#xD800; &#x110000; &#99999999999999999999; &bogus; &", "x \uFFFD \u20AC \uFFFD \uFFFD \uFFFD &bogus; &")]
    [InlineData("&SZLIG; &FILIG; &NOTIN;", "ss fi \u2209")]
    public void Entities_are_replaced(string text, string cleaned) => Assert.Equal(cleaned, TextCleaner.Clean(text));

    [Theory]
    [InlineData("sch\u00F6n und gr\u00FCn, Stra\u00DFe")]
    [InlineData("l'\u00E9t\u00E9 \u00E0 la plage \u2014 d\u00E9j\u00E0 vu\u2026")]
    [InlineData("\u041C\u043E\u0441\u043A\u0432\u0430 \u0438 \u043C\u0438\u0440")]
    [InlineData("\u0395\u03BB\u03BB\u03AC\u03B4\u03B1")]
    [InlineData("\u65E5\u672C\u8A9E \u6771\u4EAC")]
    [InlineData("smile \U0001F600 rainbow \U0001F308")]
    [InlineData("20\u00B0C, 5 \u20AC, \u00BD \u2122 \u00A9")]
    [InlineData("\u0645\u0631\u062D\u0628\u0627")]
    public void Mojibake_is_undone_however_often_it_happened(string text)
    {
        var broken = text;
        for (var layer = 0; layer < 3; layer++)
        {
            broken = Misread(broken);
            Assert.Equal(TextCleaner.Clean(text), TextCleaner.Clean(broken));
        }
    }

    [Fact]
    public void Mojibake_beside_sound_letters_is_undone_alone()
    {
        Assert.Equal("\u65E5\u672C sch\u00F6n caf\u00E9", TextCleaner.Clean("\u65E5\u672C sch\u00C3\u00B6n caf\u00E9"));
        Assert.Equal("\u00E0 la r\u00E9flexion", TextCleaner.Clean("\u00C3\u00A0 la r\u00E9flexion"));
    }

    // Each could be decoded from beginning to end, and would be if that were all that is asked.
    [Theory]
    [InlineData("im caf\u00C9\u201D")]
    [InlineData("gul\u00E1\u0161\u201D")]
    [InlineData("bront\u00EB\u2026\u201D")]
    [InlineData("ah\u00C5\u2122, the sofa")]
    [InlineData("\u00E9t\u00E9\u00A0\u00BB")]
    [InlineData("gro\u00DF\u2122")]
    [InlineData("il y marqu\u00C9\u2026")]
    [InlineData("na\u00EFve fa\u00E7ade jalape\u00F1o z\u00FCrich \u00E6sir \u00F8re")]
    public void Letters_before_quotes_dashes_and_marks_are_no_mojibake(string text) =>
        Assert.Equal(text.Replace('\u201D', '"').Replace('\u00A0', ' ').ToLowerInvariant(), TextCleaner.Clean(text));

    [Fact]
    public void Halves_of_surrogate_pairs_become_the_replacement_character() => Assert.Equal("\uFFFD x \uFFFDy\uFFFD", TextCleaner.Clean("\uD83D x \uDE00y\uD800"));

    [Property(MaxTest = 2000)]
    public bool It_never_throws_and_leaves_only_single_spaces_and_whole_characters(string? text)
    {
        var cleaned = TextCleaner.Clean(text ?? "");
        return cleaned == cleaned.Trim() && !cleaned.Contains("  ", StringComparison.Ordinal) && !cleaned.Any(c => char.IsWhiteSpace(c) && c != ' ')
            && Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(cleaned)) == cleaned;
    }

    [Property(MaxTest = 500)]
    public bool Mixtures_of_all_that_it_handles_do_not_throw(int seed)
    {
        var random = new Random(seed);
        string[] parts =
        [
            "&", "#", "x", ";", "amp", "&amp;", "&NOT", "12", "<", "\n", "\r", "\e[", "m", "\u00C3", "\u00A9", "\u00E2\u20AC", "\u0153", "\u0301", "\u1100", "\u1161", "\uFF76", "\uFF9E",
            "\uD83D", "\uDE00", "\u03A3", "\u0130", "'", " ", "a", "\uFEFF", "\u0085", "\U0001D15E",
        ];
        var text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => parts[random.Next(parts.Length)]));
        return TextCleaner.Clean(text).Length <= text.Length * 3;
    }

    // UTF-8 read as Windows-1252.
    private static string Misread(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(Windows1252.Character));
}
