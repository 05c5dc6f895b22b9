using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using SkiaSharp;
using Whence.Files;

namespace Whence.Reports;

/// <summary>The course of a training: losses and validation recall, epoch by epoch.</summary>
public static class TrainingFigure
{
    private const string Recall = "recall@";
    private const float PlotWidth = 560;
    private const float PlotHeight = 170;
    private const float LabelRoom = 210;
    private const float LabelPitch = 14;

    private static readonly (string Column, string Name, SKColor Color, bool Dashed)[] Losses =
    [
        ("loss", "whole loss", PlotStyle.Ink, false),
        ("synth_to_real", "synthesized to exemplar", PlotStyle.Blue, false),
        ("real_to_synth", "exemplar to synthesized", PlotStyle.Vermillion, true),
    ];

    /// <summary>Draws the CSV file of a training (<c>docs/formats.md</c>): columns <c>epoch</c>, <c>loss</c>, <c>synth_to_real</c>, <c>real_to_synth</c>, <c>regularizer</c>, <c>recall@K</c>; empty fields are gaps.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="WhenceException">Missing, or no such file.</exception>
    public static Figure Draw(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        var columns = Read(file);
        var recall = columns.Keys.FirstOrDefault(c => c.StartsWith(Recall, StringComparison.Ordinal));
        var epochs = columns["epoch"].Select(e => e ?? throw new WhenceException($"{file}: a row has no epoch; give the CSV file that a training wrote.")).ToArray();
        var panels = new List<(string Title, Curve[] Curves, bool FromZero)>
        {
            ("Loss", [.. Losses.Where(l => columns.ContainsKey(l.Column)).Select(l => new Curve(l.Name, l.Color, l.Dashed, Points(l.Column)))], false),
            ("Regulariser, not weighted", [new Curve("", PlotStyle.Ink, false, Points("regularizer"))], true),
            (recall is null ? "" : $"{EvaluationRow.NameOf(recall)} on the validation split", [new Curve("", PlotStyle.Blue, false, Points(recall ?? ""))], true),
        };
        panels = [.. panels.Where(p => p.Curves.Any(c => c.Points.Any(v => v.Y != 0 || p.Title == "Loss")))];
        if (panels.Count == 0)
        {
            throw new WhenceException($"{file}: holds no loss and no recall; give the CSV file that a training wrote.");
        }

        var best = recall is null ? [] : Points(recall).OrderByDescending(p => p.Y).Take(1).ToArray();
        var drawing = new Drawing();
        var (left, width) = (PlotStyle.Margin + 46, PlotStyle.Margin + 46 + PlotWidth + LabelRoom);
        var y = FigureHeader.Draw(
            drawing,
            "Training",
            best.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"Best on the validation split after epoch {best[0].X:0}: {EvaluationRow.NameOf(recall!)} {best[0].Y:0.000}."),
            best.Length == 0 ? [] : [new("best epoch", null, PlotStyle.Reference, Dashed: true, Upright: true)],
            width);
        var x = PlotTicks.Round(Math.Min(0, epochs.Min()), epochs.Max(), 10) with { High = Math.Max(epochs.Max(), epochs.Min() + 1) };
        x = x with { Labels = [.. x.Labels.Where((_, i) => x.Places[i] <= x.High)], Places = [.. x.Places.Where(p => p <= x.High)] };
        x = x.Widened(0.01);
        foreach (var (title, curves, fromZero) in panels)
        {
            var shown = curves.SelectMany(c => c.Points).Select(p => p.Y).ToArray();
            var ticks = PlotTicks.Round(fromZero ? Math.Min(0, shown.Min()) : shown.Min(), shown.Max(), 4);
            var axis = ticks.Widened(0.02);
            var plot = new PlotPanel(x, axis, gridX: false);
            foreach (var point in best)
            {
                plot.Line(point.X, axis.Low, point.X, axis.High, PlotStyle.Reference, 1.5f, dashed: true);
            }

            foreach (var curve in curves)
            {
                plot.Curve(curve.Points, curve.Color, 2, curve.Dashed);
                if (curve.Points.Count <= 40)
                {
                    curve.Points.ToList().ForEach(p => plot.Point(p.X, p.Y, new Mark(curve.Color), 4));
                }
            }

            drawing.Text(title, PlotStyle.Margin, y + 12, PlotStyle.TextSize, PlotStyle.Ink, bold: true);
            drawing.Add(plot, new SKRect(left, y + 26, left + PlotWidth, y + 26 + PlotHeight));
            Label(drawing, curves, left + PlotWidth + 8, y + 26, axis);
            y += 26 + PlotHeight + 40;
        }

        drawing.Text("epoch", left + (PlotWidth / 2), y, PlotStyle.TextSize, PlotStyle.Muted, align: SKTextAlign.Center);
        return drawing.Finish("training", "Training", width, y + 20);

        List<(double X, double Y)> Points(string column) => columns.TryGetValue(column, out var values)
            ? [.. values.Select((value, i) => (X: epochs[i], Y: value)).Where(p => p.Y is { } v && double.IsFinite(v)).Select(p => (p.X, p.Y!.Value))] : [];
    }

    // At the lines' ends, moved apart where they would overlap.
    private static void Label(Drawing drawing, Curve[] curves, float x, float top, PlotTicks axis)
    {
        var ends = curves.Where(c => c.Points.Count > 0)
            .Select(c => (Curve: c, Place: top + (float)(PlotHeight * (axis.High - c.Points[^1].Y) / (axis.High - axis.Low)))).OrderByDescending(c => c.Place);
        var above = top + PlotHeight + LabelPitch;
        foreach (var (curve, place) in ends)
        {
            above = Math.Min(place, above - LabelPitch);
            drawing.Text($"{curve.Name} {EvaluationRow.Value("map", curve.Points[^1].Y)}".Trim(), x, above + 4, PlotStyle.SmallSize, curve.Color);
        }
    }

    private static Dictionary<string, double?[]> Read(string file)
    {
        var text = RegularFile.Guard(file, () => File.ReadAllText(file));
        try
        {
            using var csv = new CsvReader(new StringReader(text), new CsvConfiguration(CultureInfo.InvariantCulture));
            if (!csv.Read() || !csv.ReadHeader() || csv.HeaderRecord is not { } header || !header.Contains("epoch"))
            {
                throw new WhenceException($"{file}: has no column 'epoch'; give the CSV file that a training wrote.");
            }

            var columns = header.Distinct(StringComparer.Ordinal).ToDictionary(c => c, _ => new List<double?>());
            while (csv.Read())
            {
                foreach (var (name, values) in columns)
                {
                    var field = csv.GetField(name);
                    values.Add(string.IsNullOrWhiteSpace(field) ? null
                        : double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value
                        : throw new WhenceException($"{file}: row {values.Count + 1} holds '{field}' as {name}, expected a number; give the CSV file that a training wrote."));
                }
            }

            return columns["epoch"].Count > 0 ? columns.ToDictionary(c => c.Key, c => c.Value.ToArray())
                : throw new WhenceException($"{file}: has no epoch yet; train first.");
        }
        catch (CsvHelperException e)
        {
            throw new WhenceException($"{file}: is no CSV file; give the one that a training wrote.", e); // the library's message holds the file's text
        }
    }

    private sealed record Curve(string Name, SKColor Color, bool Dashed, List<(double X, double Y)> Points);
}
