using System.Globalization;
using System.Xml.Linq;
using SkiaSharp;
using Whence.Evaluation;
using Whence.Reports;

namespace Whence.Tests.Reports.Plots;

public class FigureTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void The_same_runs_give_the_same_bytes()
    {
        var (first, second) = (EvaluationPlots.Draw(Small()).ToArray(), EvaluationPlots.Draw(Small()).ToArray());
        Assert.Equal(first.Select(f => f.Name), second.Select(f => f.Name));
        Assert.All(first.Zip(second), pair =>
        {
            Assert.True(pair.First.Png.Span.SequenceEqual(pair.Second.Png.Span), pair.First.Name);
            Assert.True(pair.First.Svg.Span.SequenceEqual(pair.Second.Svg.Span), pair.First.Name);
        });
    }

    [Fact]
    public void Every_figure_is_a_png_and_a_well_formed_svg_of_its_size_with_its_title()
    {
        Figure[] figures =
        [
            .. EvaluationPlots.Draw(MadeUpRuns.FeatureSpaces(), [("imagenet_seen", "bamfg")]),
            .. EvaluationPlots.Draw([MadeUpRuns.Run("alone", 2, tuned: false)]),
            CalibrationFigures.Distribution(MadeUpRuns.Calibration()),
            CalibrationFigures.Reliability(MadeUpRuns.Calibration()),
        ];
        Assert.Equal(figures.Length, figures.Select(f => f.Name).Distinct().Count());
        Assert.All(figures, figure =>
        {
            using var bitmap = SKBitmap.Decode(figure.Png.Span);
            Assert.Equal((figure.Width * 2, figure.Height * 2), (bitmap.Width, bitmap.Height));
            var root = Parse(figure);
            Assert.Equal($"0 0 {figure.Width} {figure.Height}", (string?)root.Attribute("viewBox"));
            Assert.NotEmpty(root.Element(Svg + "title")!.Value);
            Assert.Empty(root.Descendants(Svg + "text")); // text needs a font
            var ids = root.Descendants().Attributes("id").Select(a => a.Value).ToHashSet();
            Assert.All(root.Descendants(Svg + "use"), use => Assert.Contains(use.Attributes().First(a => a.Name.LocalName == "href").Value[1..], ids));
        });
    }

    [Fact]
    public void Labels_are_drawn_in_the_picture_and_named_in_the_vector_file()
    {
        var (named, blank) = (EvaluationFigures.FeatureSpaces(Small("Mmm"), "map"), EvaluationFigures.FeatureSpaces(Small("   "), "map"));
        Assert.Contains("Mmm", Labels(named));
        Assert.Contains("artchive", Labels(named));
        Assert.Contains("0.0", Labels(named)); // a place on an axis
        using var bitmap = SKBitmap.Decode(named.Png.Span);
        using var without = SKBitmap.Decode(blank.Png.Span);
        Assert.Equal(bitmap.Info.Size, without.Info.Size);
        Assert.True(bitmap.Pixels.Zip(without.Pixels).Count(p => p.First != p.Second) > 100);

        // Tick labels too, which ScottPlot letters: dark pixels below the panel.
        var tick = Parse(named).Descendants(Svg + "g").First(g => (string?)g.Attribute("aria-label") == "0.0");
        var (x, y) = Place(tick);
        Assert.Contains(
            Enumerable.Range((int)(2 * x) - 16, 32).SelectMany(i => Enumerable.Range((int)(2 * y), 30).Select(j => bitmap.GetPixel(i, j))), p => p.Red < 160);
    }

    [Fact]
    public void A_value_lies_where_its_axis_says()
    {
        var run = MadeUpRuns.Run("r", 2, tuned: true, ["artchive"], prompts: ["gpt"]);
        var value = run.Results.Results[0].Metrics["map"];
        var root = Parse(EvaluationFigures.FeatureSpaces([run], "map"));
        var (zero, one) = (PlaceOf(root, "0.0").X, PlaceOf(root, "1.0").X);
        var dot = root.Descendants(Svg + "ellipse").Select(e => Number(e, "cx")).Max(); // the legend's lies further left
        Assert.Equal(value.Value, (dot - zero) / (one - zero), 3e-3);

        var interval = root.Descendants(Svg + "path").Where(p => (string?)p.Attribute("stroke") == "#0072B2" && (string?)p.Attribute("stroke-width") == "1.8")
            .Select(p => ((string)p.Attribute("d")!).Split('M', 'L', ' ')).Single();
        Assert.Equal(value.Low!.Value, (double.Parse(interval[1], CultureInfo.InvariantCulture) - zero) / (one - zero), 3e-3);
        Assert.Equal(value.High!.Value, (double.Parse(interval[3], CultureInfo.InvariantCulture) - zero) / (one - zero), 3e-3);
    }

    [Fact]
    public void What_training_gained_is_drawn_where_a_pretrained_run_stands_before()
    {
        var (raw, tuned) = (MadeUpRuns.Run("raw", 3, false), MadeUpRuns.Run("tuned", 2, true));
        Assert.Null(EvaluationFigures.Gains([raw], "map"));
        Assert.Null(EvaluationFigures.Gains([tuned, raw], "map"));
        Assert.Null(EvaluationFigures.Gains([raw, MadeUpRuns.Run("of other models", 2, true, models: 7)], "map"));
        var gains = EvaluationFigures.Gains([raw, tuned], "map")!;
        var difference = tuned.Results.Results[0].Metrics["map"].Value - raw.Results.Results[0].Metrics["map"].Value;
        Assert.Contains($"+{difference.ToString("0.000", CultureInfo.InvariantCulture)}", Labels(gains));
        Assert.Null(AgainstFigure.Draw([raw], "map", "imagenet_seen", "bamfg", gains: true));
        Assert.NotNull(AgainstFigure.Draw([raw, tuned], "map", "imagenet_seen", "bamfg", gains: true));
        Assert.Null(AgainstFigure.Draw([raw, tuned], "map", "imagenet_seen", "nowhere"));
    }

    [Fact]
    public void Wrong_calls_are_refused()
    {
        Assert.Throws<ArgumentException>(() => EvaluationPlots.Draw([]).ToArray());
        Assert.Throws<ArgumentException>(() => EvaluationFigures.FeatureSpaces([], "map"));
        Assert.Throws<ArgumentException>(() => EvaluationFigures.FeatureSpaces(Small(), "recall@7"));
        Assert.Throws<ArgumentException>(() => EvaluationFigures.Ablations(Small(), "medianRank"));
        var error = Assert.Throws<WhenceException>(() => EvaluationPlots.Draw(Small(), [("artchive", "bamgf")]));
        Assert.Contains("'bamgf'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_that_are_none_are_left_out()
    {
        var run = MadeUpRuns.Run("r", 2, true, ["artchive"], prompts: ["gpt"]);
        var result = run.Results.Results[0];
        EvaluationRun With(MetricResult metric) => run with
        {
            Results = run.Results with { Results = [result with { Metrics = result.Metrics.ToDictionary(m => m.Key, _ => metric) }] },
        };
        Figure[] figures =
        [
            .. new[] { double.NaN, double.PositiveInfinity }.SelectMany(bad => EvaluationPlots.Draw([With(new MetricResult(bad, bad, bad, bad, bad))])),
            .. EvaluationPlots.Draw([With(new MetricResult(0, null, null, 0, 0)), With(new MetricResult(1e-300, 0, 1e300, 1, 0))]),
        ];
        Assert.All(figures, figure => Assert.DoesNotContain("NaN", System.Text.Encoding.UTF8.GetString(figure.Svg.Span), StringComparison.Ordinal));
        Assert.Contains("–", Labels(figures[0]));
    }

    [Fact]
    public void Sixty_runs_with_long_and_foreign_names_have_room()
    {
        EvaluationRun[] runs = [.. Enumerable.Range(0, 60).Select(i => MadeUpRuns.Run(
            $"{new string('名', i % 5)} Ελληνικά кириллица \u202E\u0000 {new string('w', i * 5)} {i}", 1 + (i * 0.05), i % 3 != 0, ["中文", "b\nc"], seed: i, models: 3))];
        var figures = EvaluationPlots.Draw(runs).ToArray();
        Assert.All(figures, figure =>
        {
            Assert.InRange(figure.Width, 400, 1200);
            Assert.InRange(figure.Height, 200, 5000);
            Parse(figure);
        });
        var labels = Labels(figures[0]);
        Assert.Contains("□□", labels);
        Assert.Contains(labels, l => l.Contains("Ελληνικά кириллица [U+202E][U+0000]", StringComparison.Ordinal));
        Assert.Contains(labels, l => l.Contains('…', StringComparison.Ordinal) && l.EndsWith(" 59", StringComparison.Ordinal));
    }

    [Fact]
    public void Figures_are_saved_whole()
    {
        using var temp = new TempFolder();
        var figure = CalibrationFigures.Reliability(MadeUpRuns.Calibration());
        Assert.Equal([temp["reliability.png"], temp["reliability.svg"]], figure.Save(temp.Path));
        Assert.Equal(figure.Png.ToArray(), File.ReadAllBytes(temp["reliability.png"]));
        Assert.Throws<WhenceException>(() => figure.Save(temp["missing"]));
    }

    internal static XElement Parse(Figure figure)
    {
        using var stream = new MemoryStream(figure.Svg.ToArray());
        return XDocument.Load(stream).Root!;
    }

    internal static string[] Labels(Figure figure) => [.. Parse(figure).Descendants(Svg + "g").Attributes("aria-label").Select(a => a.Value)];

    internal static (double X, double Y) PlaceOf(XElement root, string label) => Place(root.Descendants(Svg + "g").First(g => (string?)g.Attribute("aria-label") == label));

    private static (double X, double Y) Place(XElement group)
    {
        var numbers = ((string)group.Attribute("transform")!).Split('(', ')')[1].Split(' ', ',').Select(n => double.Parse(n, CultureInfo.InvariantCulture)).ToArray();
        return (numbers[^2], numbers[^1]);
    }

    private static double Number(XElement element, string name) => double.Parse((string)element.Attribute(name)!, CultureInfo.InvariantCulture);

    private static EvaluationRun[] Small(string label = "DINO") =>
        [MadeUpRuns.Run(label, 3, false, ["bamfg", "artchive"], models: 8), MadeUpRuns.Run("tuned", 2, true, ["bamfg", "artchive"], models: 8)];
}
