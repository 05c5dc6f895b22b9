using System.Globalization;
using System.Xml.Linq;
using Whence.Reports;

namespace Whence.Tests.Reports.Plots;

public class CalibrationFiguresTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void A_bin_that_is_right_lies_on_the_diagonal()
    {
        var part = MadeUpRuns.Calibration();
        var root = FigureTests.Parse(CalibrationFigures.Reliability(part with
        {
            After = part.After with { Reliability = [new(0.02, 0.2, 10, 0.1, 0.1), new(0.005, 0.02, 10, 0.01, 0.01), new(0.2, 1, 10, 1, 1)] },
        }));
        var dots = root.Descendants(Svg + "ellipse").Where(e => (string?)e.Attribute("fill") == "#0072B2" && Number(e, "cy") > 150)
            .Select(e => (X: Number(e, "cx"), Y: Number(e, "cy"))).ToArray();
        Assert.Equal(3, dots.Length);
        Assert.Equal(FigureTests.PlaceOf(root, "10 %").X, dots[0].X, 0.1);
        Assert.Equal(FigureTests.PlaceOf(root, "1 %").X, dots[1].X, 0.1);
        Assert.All(dots, dot => Assert.Equal(dots[0].X + dots[0].Y, dot.X + dot.Y, 0.5));
    }

    [Fact]
    public void Nothing_to_show_is_said()
    {
        var part = MadeUpRuns.Calibration();
        var empty = part with
        {
            TestCase = "中",
            Before = part.Before with { Distribution = new([], 0, [], 0, []) },
            After = part.After with { Reliability = [], Distribution = new([1], 0, [0], 0, [0]) },
        };
        Assert.Contains("no candidate has an influence", FigureTests.Labels(CalibrationFigures.Reliability(empty)));
        Assert.Contains("share of exemplars", FigureTests.Labels(CalibrationFigures.Distribution(empty)));
        CalibrationFigures.Reliability(part with { After = part.After with { Reliability = [new(0, double.NaN, 1, double.NaN, 0), new(1e-300, 1e-300, 1, 1e-300, 0), new(0.1, 0.1, 1, 0.1, 0)] } });
    }

    [Fact]
    public void Shares_are_said_in_words()
    {
        var labels = FigureTests.Labels(CalibrationFigures.Distribution(MadeUpRuns.Calibration()));
        Assert.Contains(labels, l => l.Contains("Exemplars at exactly zero: 0 % before, 6.4 % after.", StringComparison.Ordinal));
        Assert.Contains("100 %", labels);
        Assert.Contains("10⁻⁴ %", labels);
    }

    private static double Number(XElement element, string name) => double.Parse((string)element.Attribute(name)!, CultureInfo.InvariantCulture);
}
