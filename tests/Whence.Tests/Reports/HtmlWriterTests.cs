using System.Globalization;
using System.Xml.Linq;
using FsCheck.Xunit;
using Whence.Reports;

namespace Whence.Tests.Reports;

public class HtmlWriterTests
{
    [Property]
    public bool Any_text_survives_as_text_and_attribute(string? text)
    {
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        new HtmlWriter(writer).Write($"<p title=\"{text}\">{text}</p>");

        var expected = ShownText.Clean(text ?? "");
        var parsed = XElement.Parse(writer.ToString(), LoadOptions.PreserveWhitespace);
        // XML turns line breaks in attributes into spaces.
        return parsed.Value == expected && parsed.Attribute("title")!.Value == expected.Replace('\n', ' ').Replace('\t', ' ');
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("two\nlines\t", "two\nlines\t")]
    [InlineData("e\u0301 \u05D0\u200F \u0645\u200C 👩\u200D🎨", "e\u0301 \u05D0\u200F \u0645\u200C 👩\u200D🎨")]
    [InlineData("a\u202Eb\u2066c", "a[U+202E]b[U+2066]c")]
    [InlineData("\u001B[31m\u0085\r", "[U+001B][31m[U+0085][U+000D]")]
    public void Hidden_characters_become_visible_and_scripts_keep_theirs(string text, string expected) =>
        Assert.Equal(expected, ShownText.Clean(text));

    [Fact]
    public void Half_characters_and_noncharacters_become_visible() => // Not as InlineData, which would mend them.
        Assert.Equal("[U+DC00][U+D83D][U+FFFE][U+FFFF]", ShownText.Clean("\uDC00\uD83D\uFFFE\uFFFF"));

    [Fact]
    public void Endless_text_is_cut_without_splitting_a_character()
    {
        Assert.Equal(new string('x', 2000) + "…", ShownText.Clean(new string('x', 1_000_000)));
        Assert.Equal(new string('x', 1999) + "…", ShownText.Clean(new string('x', 1999) + "😀😀"));
    }

    [Theory]
    [InlineData("a/b/c.png", "c.png")]
    [InlineData("C:\\pictures\\c.png", "c.png")]
    [InlineData("shard.tar::0001.jpg", "0001.jpg")]
    [InlineData("https://example.org/x/y.jpg", "y.jpg")]
    [InlineData("folder/", "folder")]
    [InlineData("c.png", "c.png")]
    [InlineData("/", "/")]
    [InlineData("", "")]
    public void A_locator_has_a_short_name(string locator, string expected) =>
        Assert.Equal(expected, QuerySection.ShortName(locator));
}
