using Whence.Datasets.Emoji;
using Whence.Images;

namespace Whence.Tests.Datasets.Emoji;

public class SvgRendererTests
{
    [Fact]
    public void A_drawing_stands_in_the_middle_of_white_within_its_margin()
    {
        var image = Render("""<path fill="#f00" d="M0 0h20v10H0z"/>""", width: 20, height: 10, side: 48, margin: 4);
        Assert.Equal((255, 255, 255), image[24, 13]);
        Assert.Equal((255, 0, 0), image[24, 15]);
        Assert.Equal((255, 0, 0), image[5, 24]);
        Assert.Equal((255, 255, 255), image[3, 24]);
        Assert.Equal((255, 0, 0), image[24, 32]);
        Assert.Equal((255, 255, 255), image[24, 35]);
    }

    [Fact]
    public void Edges_are_antialiased()
    {
        var image = Render("""<circle cx="8" cy="8" r="7"/>""", 16, 16, 32, 0);
        var grey = Enumerable.Range(0, 32 * 32).Count(i => image[i % 32, i / 32].R is > 20 and < 235);
        Assert.InRange(grey, 20, 200);
    }

    [Theory]
    [InlineData("""<image href="file:///etc/passwd" width="9" height="9"/>""")]
    [InlineData("""<use href="https://example.org/a.svg#b"/>""")]
    [InlineData("""<path fill="url(https://example.org/a#b)" d="M0 0h9v9z"/>""")]
    [InlineData("""<path style="fill:url('file:///a')" d="M0 0h9v9z"/>""")]
    [InlineData("""<script>alert(1)</script>""")]
    [InlineData("""<text x="1" y="9">a</text>""")]
    [InlineData("""<path onload="x" d="M0 0h9v9z"/>""")]
    [InlineData("""<path d="M0 0h9v9z">""")]
    [InlineData("""<path fill="url(#a) url(https://example.org/a)" d="M0 0h9v9z"/>""")]
    [InlineData("""<path style="fill:url(#a);mask:URL (file:///a)" d="M0 0h9v9z"/>""")]
    [InlineData("""<path fill="url('#a" d="M0 0h9v9z"/>""")]
    [InlineData("""<path style="fill:\75rl(file:///a)" d="M0 0h9v9z"/>""")]
    [InlineData("""<g xml:base="https://example.org/a.svg"><use href="#b"/></g>""")]
    [InlineData("""<use href="#%61"/>""")]
    [InlineData("""<?xml-stylesheet href="file:///a.css"?>""")]
    [InlineData("""<pattern id="a"/>""")]
    [InlineData("""</svg><!DOCTYPE a [<!ENTITY b "c">]><svg>""")]
    public void What_reaches_beyond_the_drawing_or_is_none_is_refused(string body) =>
        Assert.Throws<WhenceException>(() => Render(body, 10, 10, 16, 0));

    [Theory]
    [InlineData("use", """<use href="#{0}"/>""")]
    [InlineData("mask", """<path mask="url(#{0})" d="M0 0h9v9z"/>""")]
    [InlineData("clipPath", """<path clip-path="url(#{0})" d="M0 0h9v9z"/>""")]
    public void References_that_multiply_or_lead_in_a_circle_are_refused(string element, string refers)
    {
        var wrap = element == "use" ? "g" : element;
        Refused(Named("a0", 1, "a0"));
        Refused(Named("a0", 1, "a1") + Named("a1", 1, "A0")); // whoever reads ids may not tell the case
        Refused(string.Concat(Enumerable.Range(0, 8).Select(i => Named($"a{i}", 10, $"a{i + 1}"))) + $"""<{wrap} id="a8"><path d="M0 0h9v9z"/></{wrap}>""");
        Refused(string.Concat(Enumerable.Range(0, 10).Select(i => Named($"a{i}", 1, $"a{i + 1}"))));

        string Named(string id, int count, string target) =>
            $"""<{wrap} id="{id}">{string.Concat(Enumerable.Repeat(refers.Replace("{0}", target, StringComparison.Ordinal), count))}</{wrap}>""";

        static void Refused(string body) =>
            Assert.Contains("draws more than", Assert.Throws<WhenceException>(() => Render(body, 10, 10, 16, 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gradients_clips_and_references_within_the_drawing_are_drawn()
    {
        var image = Render(
            """<defs><linearGradient id="a"><stop stop-color="#f00"/><stop offset="1" stop-color="#00f"/></linearGradient><clipPath id="c"><path d="M0 0h8v4H0z"/></clipPath><path id="p" d="M0 0h8v8H0z"/></defs><g clip-path="url(#c)"><use href="#p" fill="url(#a)"/></g>""",
            8, 8, 16, 0);
        Assert.True(image[1, 4].R > 200 && image[14, 4].B > 200);
        Assert.Equal((255, 255, 255), image[8, 12]);
    }

    [Fact]
    public void Aliases_flip_and_turn_what_they_stand_for()
    {
        var set = new IconSet(
            System.Text.Encoding.UTF8.GetBytes(
                """{"icons":{"a":{"body":"<path d='M0 0h4v4H0z'/>"}},"aliases":{"right":{"parent":"a","hFlip":true},"below":{"parent":"right","rotate":1},"circle":{"parent":"circle"},"lost":{"parent":"none"}},"width":8,"height":8}"""),
            null, "test");
        Assert.Equal([true, false, false, false], Corners("a"));
        Assert.Equal([false, true, false, false], Corners("right"));
        Assert.Equal([false, false, false, true], Corners("below"));
        Assert.Throws<WhenceException>(() => set.Get("circle"));
        Assert.Throws<WhenceException>(() => set.Get("lost"));

        bool[] Corners(string name)
        {
            var image = SvgRenderer.Render(set.Get(name), 16, 0);
            return [image[2, 2].R < 9, image[13, 2].R < 9, image[2, 13].R < 9, image[13, 13].R < 9];
        }
    }

    [Theory]
    [InlineData("""{"icons":{"a":1}}""", "'body' is missing")]
    [InlineData("""{"icons":{"a":{"body":2}}}""", "'body' is missing")]
    [InlineData("""{"icons":{"a":{"body":"","width":"wide"}}}""", "'width' is no number above 0")]
    [InlineData("""{"icons":{"a":{"body":"","left":1e99}}}""", "'left' is no number")]
    [InlineData("""{"icons":{},"aliases":{"a":3}}""", "'parent' is missing")]
    [InlineData("""{"icons":{},"aliases":{"a":{"parent":"b","rotate":"left"}}}""", "there is no 'b'")]
    public void Drawings_that_cannot_be_are_refused_without_a_word_of_where_the_package_lies(string icons, string message)
    {
        var error = Assert.Throws<WhenceException>(() => new IconSet(System.Text.Encoding.UTF8.GetBytes(icons), null, "/home/me/set.tgz").Get("a")).Message;
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("/home/me", error, StringComparison.Ordinal);
    }

    private static RgbImage Render(string body, float width, float height, int side, float margin) =>
        SvgRenderer.Render(new SvgDrawing(body, 0, 0, width, height), side, margin);
}
