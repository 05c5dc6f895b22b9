using System.Globalization;
using SkiaSharp;
using Whence.Calibration;

namespace Whence.Reports;

/// <summary>The figures of a calibration: how influence is distributed (Figure 11 of the paper), and whether 10 % means 10 %.</summary>
public static class CalibrationFigures
{
    private const float PlotWidth = 400;
    private const float PlotHeight = 280;
    private const float Left = PlotStyle.Margin + 62;
    private const float Gap = 86;
    private const double LeastInfluence = 1e-12;

    private static readonly LegendEntry Before = new("before: plain softmax", null, PlotStyle.Muted);
    private static readonly LegendEntry After = new("after: calibrated", null, PlotStyle.Blue);

    /// <summary>Figure 11: how many candidates, and how many exemplars, have how much influence, before and after the calibration.</summary>
    /// <param name="part">All queries, or those of one test case.</param>
    public static Figure Distribution(CalibrationPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        var drawing = new Drawing();
        var width = Left + (2 * PlotWidth) + Gap + PlotStyle.Margin;
        var top = FigureHeader.Draw(
            drawing,
            "Distribution of influence",
            $"{Subject(part)}. Exemplars at exactly zero: {Format.Percent(part.Before.ExemplarsAtZero)} before, {Format.Percent(part.After.ExemplarsAtZero)} after. Influence outside the exemplars: {Format.Percent(part.Before.MassOutside)} before, {Format.Percent(part.After.MassOutside)} after.",
            [Before, After],
            width);
        var (before, after) = (Histogram.Of(part.Before.Distribution), Histogram.Of(part.After.Distribution));
        var exponents = new[] { before, after }.SelectMany(h => h.Exponents).DefaultIfEmpty(-1).ToArray();
        var x = PlotTicks.Powers(exponents.Min(), 0, share => Influence(share));
        var zero = x.Low - (0.1 * (x.High - x.Low)); // zero has a place of its own, left of what has a logarithm
        x = x with { Low = x.Low - (0.15 * (x.High - x.Low)), Places = [zero, .. x.Places], Labels = ["0", .. x.Labels] };

        double[] perQuery = [.. new[] { before, after }.SelectMany(h => h.Counts.Append(h.Zero)).Where(c => c > 0).Select(c => Math.Log10((double)c / part.Queries)).DefaultIfEmpty(0)];
        var counts = PlotTicks.Powers(perQuery.Min(), perQuery.Max(), CountLabel);
        counts = counts with { High = counts.High + (0.03 * (counts.High - counts.Low)) };
        var many = new PlotPanel(x, counts);
        var exemplars = new PlotPanel(x, Shares([before, after]));
        foreach (var (histogram, color) in new[] { (before, PlotStyle.Muted), (after, PlotStyle.Blue) })
        {
            many.Curve([.. histogram.Steps(histogram.Counts, c => c > 0 ? Math.Max(counts.Low, Math.Log10((double)c / part.Queries)) : counts.Low, counts.Low)], color);
            Zero(many, zero, histogram.Zero > 0 ? Math.Log10((double)histogram.Zero / part.Queries) : null, counts.Low, color);
            var all = Math.Max(1, histogram.ExemplarCounts.Sum() + histogram.ExemplarsZero);
            exemplars.Curve([.. histogram.Steps(histogram.ExemplarCounts, c => (double)c / all, 0)], color);
            Zero(exemplars, zero, histogram.ExemplarsZero > 0 ? (double)histogram.ExemplarsZero / all : null, 0, color);
        }

        Place(drawing, many, Left, top, "All candidates", "candidates per query, logarithmic", "influence");
        Place(drawing, exemplars, Left + PlotWidth + Gap, top, "Exemplars", "share of exemplars", "influence");
        return drawing.Finish("influence-distribution", "Distribution of influence", width, top + PlotHeight + 96);
    }

    /// <summary>The reliability diagram: in each bin the influence predicted against that observed. On the line 10 % means 10 %.</summary>
    /// <param name="part">All queries, or those of one test case.</param>
    public static Figure Reliability(CalibrationPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        const float side = 380;
        ReliabilityBin[] bins = [.. part.After.Reliability.Where(b => b.Predicted >= LeastInfluence && double.IsFinite(b.Predicted) && double.IsFinite(b.Observed))];
        var drawing = new Drawing();
        var width = Left + side + 90;
        var top = FigureHeader.Draw(
            drawing,
            "Does 10 % mean 10 %?",
            $"{Subject(part)}. Bins of equal predicted influence. Expected calibration error {Format.Percent(part.After.ExpectedCalibrationError)}; {Format.Percent(part.After.MisplacedMass)} of a query's influence stands in bins that did not earn it.",
            [new("mean of a bin, and its range", new Mark(PlotStyle.Blue)), new("predicted = observed", null, PlotStyle.Reference, Dashed: true)],
            width);
        var smallest = bins.SelectMany(b => new[] { b.Predicted, b.Low, b.Observed }).Where(v => v >= LeastInfluence).DefaultIfEmpty(0.1).Min();
        var ticks = PlotTicks.Powers(Math.Log10(smallest), 0, share => Influence(share));
        var floor = ticks.Low - (0.06 * (ticks.High - ticks.Low));
        var x = ticks.Widened(0.02);
        var y = bins.Any(b => b.Observed < LeastInfluence)
            ? ticks with { Low = floor - (0.04 * (ticks.High - ticks.Low)), High = x.High, Places = [floor, .. ticks.Places], Labels = ["0", .. ticks.Labels] }
            : x;
        var plot = new PlotPanel(x, y);
        plot.Line(ticks.Low, ticks.Low, 0, 0, PlotStyle.Reference, 1.5f, dashed: true);
        foreach (var bin in bins)
        {
            var observed = bin.Observed < LeastInfluence ? floor : Math.Log10(bin.Observed);
            plot.Line(Math.Log10(Math.Clamp(bin.Low, smallest, 1)), observed, Math.Log10(Math.Clamp(bin.High, smallest, 1)), observed, PlotStyle.Blue.WithAlpha(130), PlotPanel.IntervalLine);
            plot.Point(Math.Log10(bin.Predicted), observed, new Mark(PlotStyle.Blue));
        }

        drawing.Text("observed: the exemplars' true share", PlotStyle.Margin, top + 12, PlotStyle.TextSize, PlotStyle.Muted);
        drawing.Add(plot, new SKRect(Left, top + 24, Left + side, top + 24 + side));
        drawing.Text("predicted influence", Left + (side / 2), top + 24 + side + 38, PlotStyle.TextSize, PlotStyle.Muted, align: SKTextAlign.Center);
        if (bins.Length == 0)
        {
            drawing.Text("no candidate has an influence", Left + (side / 2), top + 24 + (side / 2), PlotStyle.TextSize, PlotStyle.Muted, align: SKTextAlign.Center);
        }

        return drawing.Finish("reliability", "Does 10 % mean 10 %?", width, top + side + 86);
    }

    private static void Place(Drawing drawing, PlotPanel panel, float x, float top, string title, string up, string across)
    {
        drawing.Text(title, x - 62, top + 12, PlotStyle.TextSize, PlotStyle.Ink, bold: true);
        drawing.Text(up, x - 62, top + 30, PlotStyle.SmallSize, PlotStyle.Muted);
        drawing.Add(panel, new SKRect(x, top + 42, x + PlotWidth, top + 42 + PlotHeight));
        drawing.Text(across, x + (PlotWidth / 2), top + 42 + PlotHeight + 38, PlotStyle.TextSize, PlotStyle.Muted, align: SKTextAlign.Center);
    }

    private static void Zero(PlotPanel panel, double x, double? height, double floor, SKColor color)
    {
        if (height is { } h)
        {
            panel.Line(x, floor, x, h, color.WithAlpha(110), 1.5f);
            panel.Point(x, h, new Mark(color), 7);
        }
    }

    private static PlotTicks Shares(Histogram[] histograms)
    {
        var most = histograms.Max(h => h.ExemplarCounts.Append(h.ExemplarsZero).Max() / (double)Math.Max(1, h.ExemplarCounts.Sum() + h.ExemplarsZero));
        var ticks = PlotTicks.Round(0, Math.Max(most, 0.01), 5);
        return ticks with { Labels = [.. ticks.Places.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p * 100:0.##} %"))] };
    }

    private static string Subject(CalibrationPart part) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(part.TestCase is null ? "All test cases" : part.Prompts is null ? part.TestCase : $"{part.TestCase}, {part.Prompts}")}, {part.Queries:N0} {(part.Queries == 1 ? "query" : "queries")}");

    private static string Influence(double share) =>
        share >= 0.99e-4 ? string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.##} %") : $"10{Raised((int)Math.Round(Math.Log10(share * 100)))} %";

    private static string CountLabel(double count) => count is >= 0.01 and < 1e7
        ? string.Create(CultureInfo.InvariantCulture, $"{count:#,0.##}") : $"10{Raised((int)Math.Round(Math.Log10(count)))}";

    private static string Raised(int exponent) => string.Concat(exponent.ToString(CultureInfo.InvariantCulture).Select(c => c == '-' ? '⁻' : c is '1' ? '¹' : c is '2' ? '²' : c is '3' ? '³' : (char)('⁰' + (c - '0'))));

    /// <summary>A histogram without the empty bins below the first one that holds something.</summary>
    private sealed record Histogram(IReadOnlyList<double> Edges, IReadOnlyList<long> Counts, long Zero, IReadOnlyList<long> ExemplarCounts, long ExemplarsZero)
    {
        public static Histogram Of(InfluenceDistribution d)
        {
            var bins = Math.Min(d.Edges.Count, Math.Min(d.Counts.Count, d.ExemplarCounts.Count));
            var first = Enumerable.Range(0, bins).FirstOrDefault(i => d.Edges[i] >= LeastInfluence && (d.Counts[i] > 0 || d.ExemplarCounts[i] > 0), bins);
            long below = d.Counts.Take(first).Sum(), exemplarsBelow = d.ExemplarCounts.Take(first).Sum();
            return new Histogram(
                [.. d.Edges.Take(bins).Skip(first)],
                [.. d.Counts.Take(bins).Skip(first)],
                d.Zero + below,
                [.. d.ExemplarCounts.Take(bins).Skip(first)],
                d.ExemplarsZero + exemplarsBelow);
        }

        /// <summary>Exponents of the bins' ends.</summary>
        public IEnumerable<double> Exponents => Edges.Select((edge, i) => Math.Log10(i == 0 ? edge * Math.Pow(10, -0.25) : edge));

        /// <summary>The outline of the bins from the first to the last that holds something.</summary>
        public IEnumerable<(double X, double Y)> Steps(IReadOnlyList<long> counts, Func<long, double> height, double floor)
        {
            var (first, last) = (counts.TakeWhile(c => c == 0).Count(), counts.Count - counts.Reverse().TakeWhile(c => c == 0).Count());
            for (var i = first; i < last; i++)
            {
                var (lower, upper) = (i == 0 ? Math.Log10(Edges[0]) - 0.25 : Math.Log10(Edges[i - 1]), Math.Log10(Edges[i]));
                if (i == first)
                {
                    yield return (lower, floor);
                }

                yield return (lower, height(counts[i]));
                yield return (upper, height(counts[i]));
                if (i == last - 1)
                {
                    yield return (upper, floor);
                }
            }
        }
    }
}
