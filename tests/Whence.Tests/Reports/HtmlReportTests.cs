using System.Globalization;
using System.Xml.Linq;
using Whence.Calibration;
using Whence.Reports;

namespace Whence.Tests.Reports;

public class HtmlReportTests
{
    private const string Hostile = "\"><script>alert(1)</script><img src=x onerror='alert(2)'> &amp; ]]> \u202Egpj.exe \u0000\uD800 😀";

    [Fact]
    public void Areas_are_to_each_other_as_influences_are_whatever_the_shape()
    {
        double[] influences = [0.4, 0.25, 0.2, 0.05];
        (int Width, int Height)[] shapes = [(400, 300), (300, 500), (900, 100), (64, 64)];
        var page = Page(Samples.Attribution(influences), ReadBy(rank => Samples.Picture(shapes[rank - 1].Width, shapes[rank - 1].Height)));

        var areas = Gallery(page).Select(item => Length(item, "--w") * Length(item, "--h")).ToList();

        Assert.Equal(4, areas.Count);
        for (var i = 0; i < areas.Count; i++)
        {
            Assert.Equal(influences[i] / influences[0], areas[i] / areas[0], 1e-4);
        }
    }

    [Fact]
    public void Pictures_keep_their_shape_up_to_two_to_one()
    {
        var page = Page(
            Samples.Attribution(0.5, 0.5),
            ReadBy(rank => rank == 1 ? Samples.Picture(300, 200) : Samples.Picture(900, 100)));

        Assert.Equal([1.5, 2.0], Gallery(page).Select(item => Math.Round(Length(item, "--w") / Length(item, "--h"), 3)));
    }

    [Fact]
    public void What_is_too_small_to_see_stands_in_the_strip()
    {
        var page = Page(Samples.Attribution(0.8, 0.05, 0.0499, 0.000001, 0));

        Assert.Equal(2, Gallery(page).Count);
        var strip = ByClass(page, "strip").Single();
        Assert.Equal(["5.0 %", "< 0.01 %", "0 %"], ByClass(strip, "share").Select(share => share.Value));
    }

    [Fact]
    public void No_picture_of_a_long_tail_is_drawn_smaller_than_can_be_seen()
    {
        var page = Page(Samples.Attribution([.. Enumerable.Range(0, 100).Select(i => 0.045 * Math.Pow(0.95, i))]));

        var unit = double.Parse(ByClass(page, "gallery").Single().Attribute("style")!.Value[4..^2], CultureInfo.InvariantCulture);
        var sides = Gallery(page).Select(item => unit * Math.Sqrt(Length(item, "--w") * Length(item, "--h"))).ToList();
        Assert.Equal(100, sides.Count + ByClass(page, "strip").Elements("li").Count());
        Assert.InRange(sides.Min(), 44, unit);
    }

    [Fact]
    public void The_total_runs_and_the_rest_is_said()
    {
        var page = Page(Samples.Attribution(0.5, 0.25, 0.125));

        Assert.Equal(["total 50.0 %", "total 75.0 %", "total 87.5 %"],
            ByClass(page, "numbers").Select(line => line.Value).Where(line => line.StartsWith("total", StringComparison.Ordinal)));
        Assert.Equal(
            "3 images shown with 87.5 % of the influence. Remaining influence: 12.5 %, spread over 95 further images.",
            string.Join(' ', ByClass(page, "lead").Single().Value.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries))
                .Replace('\u202F', ' '));
    }

    [Fact]
    public void None_of_these_is_said_and_drawn()
    {
        var groups = new InfluenceGroups("creator", [new("Ada", 0.5, 1)]);
        var page = Page(Samples.Attribution(0.5) with { None = 0.375, Remaining = 0.125, Groups = groups, Calibration = new() { Tau = 0.1, Lambda = 0, Encoder = "clip", None = new(4, -8) } });
        Assert.Contains("None of these: 37.5 %, for no training image here", page.Value, StringComparison.Ordinal);
        Assert.Equal(["flex-grow:0.375", "flex-grow:0.375"], ByClass(page, "none").Select(e => e.Attribute("style")?.Value).OfType<string>());
        Assert.Equal(2, page.Descendants("li").Count(e => e.Value.Contains("None of these 37.5 %", StringComparison.Ordinal)));
        Assert.DoesNotContain("None of these", Page(Samples.Attribution(0.5)).Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Folded_duplicates_are_listed_and_do_not_count_as_further_images()
    {
        var attribution = Samples.Attribution(0.6) with { Nonzero = 3, Remaining = 0.4 };
        attribution = attribution with { Results = [attribution.Results[0] with { Duplicates = [Samples.Image(7, 0.2)] }] };

        var page = Page(attribution);

        Assert.Contains("spread over 1 further image.", ByClass(page, "lead").Single().Value, StringComparison.Ordinal);
        Assert.Contains("train/007.jpg (rank 7, id 107)", page.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_text_from_outside_stays_text()
    {
        var attribution = Samples.Attribution(0.5, 0.01) with
        {
            Query = new QueryImage(Hostile, Hostile),
            Index = Hostile,
            Encoder = Hostile,
            Mapper = Hostile,
            Groups = new InfluenceGroups(Hostile, [new(Hostile, 1, 1)]),
        };
        attribution = attribution with
        {
            Results = [.. attribution.Results.Select(result => result with
            {
                Source = Hostile,
                Metadata = new Dictionary<string, string> { ["caption"] = Hostile, [Hostile] = Hostile },
                Duplicates = [result with { Source = Hostile }],
            })],
        };
        var options = new HtmlReportOptions
        {
            ReadImage = _ => throw new WhenceException(Hostile),
            Title = Hostile,
            Date = Hostile,
        };

        var text = Write(options, attribution, attribution);
        var page = XElement.Parse(text); // Throws unless every hole was encoded.

        Assert.DoesNotContain(page.Descendants(), element => element.Name == "script");
        Assert.DoesNotContain(page.Descendants().Attributes(), attribute => attribute.Name.LocalName.StartsWith("on", StringComparison.Ordinal));
        Assert.DoesNotContain(page.Descendants("img"), _ => true);
        Assert.DoesNotContain('\u202E', text);
        Assert.Contains("[U+202E]gpj.exe [U+0000][U+D800] 😀", page.Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://example.org/a?b=1&c=2", true)]
    [InlineData("http://example.org/", true)]
    [InlineData("javascript:alert(1)", false)]
    [InlineData("JaVaScRiPt:alert(1)//https://example.org", false)]
    [InlineData("data:text/html,x", false)]
    [InlineData("file:///etc/passwd", false)]
    [InlineData("https://bank.example@evil.example/", false)]
    [InlineData("https://ex\u0430mple.org/", false)]
    [InlineData("https://example.org/ and more", false)]
    [InlineData("//example.org", false)]
    public void Only_plain_web_addresses_become_links(string value, bool isLink)
    {
        var attribution = Samples.Attribution() with { Results = [Samples.Image(1, 1, ("licence", value))] };

        var links = Page(attribution).Descendants("a").Select(a => a.Attribute("href")!.Value).Where(href => href[0] != '#');

        Assert.Equal(isLink ? [value] : [], links);
    }

    [Fact]
    public void A_page_loads_and_runs_nothing()
    {
        var page = Page(Samples.Attribution(0.5, 0.01));

        var policy = page.Descendants("meta").Single(meta => meta.Attribute("http-equiv")?.Value == "Content-Security-Policy");
        Assert.StartsWith("default-src 'none'; img-src data:;", policy.Attribute("content")!.Value, StringComparison.Ordinal);
        Assert.All(page.Descendants("img"), img => Assert.StartsWith("data:image/", img.Attribute("src")!.Value, StringComparison.Ordinal));
        Assert.DoesNotContain(page.Descendants(), element => element.Name.LocalName is "script" or "link" or "iframe" or "object");
        Assert.DoesNotContain("url(", page.Descendants("style").Single().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Pictures_have_descriptions_headings_have_order_and_ids_are_unique()
    {
        var page = Page([Samples.Attribution(0.5, 0.01), Samples.Attribution(0.5)], ReadBy(_ => Samples.Picture(90, 60)));

        Assert.All(page.Descendants("img"), img => Assert.NotEqual("", img.Attribute("alt")!.Value));
        Assert.Single(page.Descendants("h1"));
        Assert.Equal(2, page.Descendants("h2").Count());
        Assert.Single(page.Descendants("main"));
        var ids = page.Descendants().Attributes("id").Select(id => id.Value).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
        Assert.All(page.Descendants("a"), a => Assert.Contains(a.Attribute("href")!.Value[1..], ids));
    }

    [Fact]
    public void What_is_known_of_a_query_is_said_and_its_exemplars_are_marked()
    {
        var attribution = Samples.Attribution(0.6, 0.3, 0.0001);
        var options = new HtmlReportOptions
        {
            ReadImage = ReadBy(_ => Samples.Picture(90, 60)),
            AboutQuery = query => query == attribution.Query ? "drawn by <somebody>" : null,
            IsExemplar = (query, image) => query == attribution.Query && image.Rank >= 2,
        };
        var page = XElement.Parse(Write(options, attribution), LoadOptions.PreserveWhitespace);
        Assert.Equal("drawn by <somebody>", Assert.Single(ByClass(page, "about")).Value);
        Assert.Equal([false, true], Gallery(page).Select(item => Class(item).Contains("exemplar", StringComparison.Ordinal)));
        Assert.Equal(2, ByClass(page, "mark").Count(mark => mark.Value == "exemplar")); // in the strip too
        Assert.Empty(ByClass(Page([attribution], options.ReadImage), "mark"));
    }

    [Fact]
    public void A_picture_that_cannot_be_had_leaves_its_reason_and_its_area()
    {
        var page = Page(Samples.Attribution(0.4, 0.2, 0.1, 0.1), locator => locator switch
        {
            "train/001.jpg" => null,
            "train/002.jpg" => throw new WhenceException("train.tar: no such entry."),
            "train/003.jpg" => throw new FileNotFoundException("Could not find file."),
            "train/004.jpg" => new byte[] { 1, 2, 3 },
            _ => Samples.Picture(90, 60),
        });

        Assert.Equal(
            ["The picture is not at hand.", "train.tar: no such entry.", "Could not find file.", "Not a picture in a format that can be decoded."],
            ByClass(page, "reason").Select(reason => reason.Value));
        Assert.Equal(0.5, Math.Pow(Length(Gallery(page)[1], "--w"), 2), 1e-4);
    }

    [Fact]
    public void Groups_beyond_the_seventh_are_added_up()
    {
        var shares = Enumerable.Range(0, 10).Select(i => new InfluenceShare(i == 1 ? null : $"creator {i}", 0.1, 2)).ToList();

        var page = Page(Samples.Attribution(0.5) with { Groups = new InfluenceGroups("creator", shares) });

        var legend = page.Descendants("ol").Single(list => Class(list) == "legend").Elements("li").Select(item => item.Value.Trim()).ToList();
        Assert.Equal(8, legend.Count);
        Assert.Equal("Bnot stated 10.0 % 2 images", legend[1]);
        Assert.Equal("3 others 30.0 % 6 images", legend[7]);
    }

    [Fact]
    public void The_page_says_whether_percentages_are_probabilities()
    {
        var fitted = new Calibrator { Tau = 0.05, Lambda = 0.01, Encoder = "resnet18" };

        Assert.StartsWith("Uncalibrated.", ByClass(Page(Samples.Attribution(0.5)), "note").Single().Value, StringComparison.Ordinal);
        Assert.StartsWith("Calibrated:", ByClass(Page(Samples.Attribution(0.5) with { Calibration = fitted }), "note").Single().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void What_queries_do_not_share_stands_with_each()
    {
        var read = ReadBy(_ => Samples.Picture(90, 60));

        Assert.Single(ByClass(Page([Samples.Attribution(0.5), Samples.Attribution(0.4)], read), "facts"));
        Assert.Equal(2, ByClass(Page([Samples.Attribution(0.5), Samples.Attribution(0.4) with { Encoder = "dino" }], read), "facts").Count());
    }

    [Fact]
    public void Nothing_to_show_is_still_a_page()
    {
        Assert.Empty(Page([], ReadBy(_ => null)).Descendants("section"));
        Assert.Contains("0 images shown", ByClass(Page(Samples.Attribution()), "lead").Single().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_input_gives_the_same_bytes_and_no_date()
    {
        var options = new HtmlReportOptions { ReadImage = _ => Samples.Picture(90, 60) };

        var page = Write(options, Samples.Attribution(0.5, 0.25));

        Assert.Equal(page, Write(options, Samples.Attribution(0.5, 0.25)));
        Assert.DoesNotContain(DateTime.UtcNow.Year.ToString(CultureInfo.InvariantCulture), XElement.Parse(page).Element("body")!.Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hundred_photographs_fit_in_three_megabytes(bool flat)
    {
        var photos = Directory.GetFiles(SharedData.Get("data", "photos", "distractors"), "*.jpg").Order(StringComparer.Ordinal).ToList();
        var influences = Enumerable.Range(0, 100).Select(i => flat ? 0.01 : 0.05 * Math.Pow(0.95, i)).ToArray();

        var options = new HtmlReportOptions
        {
            ReadQuery = _ => File.ReadAllBytes(photos[^1]),
            ReadImage = locator => File.ReadAllBytes(photos[int.Parse(locator.AsSpan(6, 3), CultureInfo.InvariantCulture)]),
        };

        Assert.InRange(Write(options, Samples.Attribution(influences)).Length, 100_000, 3_000_000);
    }

    private static XElement Page(Attribution attribution, Func<string, ReadOnlyMemory<byte>?>? read = null) =>
        Page([attribution], read ?? ReadBy(_ => Samples.Picture(90, 60)));

    private static XElement Page(Attribution[] attributions, Func<string, ReadOnlyMemory<byte>?> read) =>
        XElement.Parse(Write(new HtmlReportOptions { ReadImage = read }, attributions), LoadOptions.PreserveWhitespace);

    private static string Write(HtmlReportOptions options, params Attribution[] attributions)
    {
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        HtmlReport.Write(writer, attributions, options);
        return writer.ToString();
    }

    /// <summary>Reads train/RANK.jpg by its rank, and anything else as a small picture.</summary>
    private static Func<string, ReadOnlyMemory<byte>?> ReadBy(Func<int, byte[]?> read) => locator =>
        locator.StartsWith("train/", StringComparison.Ordinal)
            ? read(int.Parse(locator.AsSpan(6, 3), CultureInfo.InvariantCulture)) is { } file ? file : null
            : Samples.Picture(90, 60);

    private static List<XElement> Gallery(XElement page) => [.. ByClass(page, "gallery").Elements("li")];

    private static IEnumerable<XElement> ByClass(XElement root, string name) =>
        root.Descendants().Where(element => Class(element).Split(' ').Contains(name));

    private static string Class(XElement element) => element.Attribute("class")?.Value ?? "";

    private static double Length(XElement item, string variable) =>
        double.Parse(
            item.Attribute("style")!.Value.Split(';').Single(part => part.StartsWith(variable + ":", StringComparison.Ordinal))[(variable.Length + 1)..],
            CultureInfo.InvariantCulture);
}
