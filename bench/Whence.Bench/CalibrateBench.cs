using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Bench.Search;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench;

/// <summary>
/// A whole calibration at the paper's size, in a process of its own: similarities of 4,096 queries to 100,000 candidates gathered from an index of a million
/// images, 200 steps over all of them, the report on the fitted queries; time of each, and peak memory.
/// </summary>
internal static class CalibrateBench
{
    private const string Usage = "bench/run calibrate [--rows N] [--queries N] [--top N] [--steps N] [--folder DIR, which keeps the data]";
    private const int Dimension = 768, Threads = 2, QueriesPerModel = 4, MostExemplars = 5;
    private const double PeakBar = 6;
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(50);

    public static JsonObject Run(string[] args)
    {
        if (args is ["ours", var place, var rest])
        {
            return Ours(place, rest.Split(','));
        }

        string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
        int Number(string name, int fallback) => int.Parse(Option(name) ?? $"{fallback}", CultureInfo.InvariantCulture);
        if (args.Where((_, i) => i % 2 == 0).Except(["--rows", "--queries", "--top", "--steps", "--folder"]).Any())
        {
            throw new ArgumentException(Usage);
        }

        var (rows, queries, top, steps) = (Number("--rows", 1_000_000), Number("--queries", 4096), Number("--top", 100_000), Number("--steps", 200));
        var folder = Option("--folder") ?? Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            Make(folder, rows, queries);
            return Measure(folder, rows, queries, top, steps);
        }
        finally
        {
            if (Option("--folder") is null)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static JsonObject Measure(string folder, int rows, int queries, int top, int steps)
    {
        File.Delete(Similarities(folder));
        using var process = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!, ["calibrate", "ours", folder, string.Create(CultureInfo.InvariantCulture, $"{queries},{top},{steps}")])
        {
            RedirectStandardOutput = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var (peak, anonymous) = (0L, 0L);
        do
        {
            var now = Memory.Of(process.Id);
            (peak, anonymous) = (Math.Max(peak, now?.Peak ?? 0), Math.Max(anonymous, now?.Anonymous ?? 0));
        }
        while (!process.WaitForExit(SampleEvery));

        var figures = JsonNode.Parse(output.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1])!.AsObject();
        figures["peakBytes"] = peak;
        figures["anonymousBytes"] = anonymous;
        (figures["rows"], figures["queries"], figures["top"], figures["steps"]) = (rows, queries, top, steps);
        double Figure(string name) => (double)figures[name]!;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{queries:N0} queries, {top:N0} candidates each, of {rows:N0} x {Dimension} float16; {steps} steps; {Threads} threads"));
        Line("search layout", "layoutSeconds", $"");
        Line("gathering, to a file", "gatherSeconds", $"{1000 * Figure("gatherSeconds") / queries:F1} ms a query");
        Line("fit", "fitSeconds", $"{1000 * Figure("fitSeconds") / (steps + 1):F0} ms a step, {(double)queries * top * (steps + 1) / Figure("fitSeconds") / 1e9:F2} billion candidates a second");
        Line("report", "reportSeconds", $"");
        Line("all", "seconds", $"");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"peak {peak / 1e9:F2} GB with mapped files, {anonymous / 1e9:F2} GB of its own; bar: at most {PeakBar} GB, {(peak <= PeakBar * 1e9 ? "met" : "NOT MET")}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"tau {Figure("tau"):G4}, lambda {Figure("lambda"):G4}; divergence {Figure("divergenceBefore"):F3} before, {Figure("divergenceAfter"):F3} after"));
        return figures;

        void Line(string what, string name, FormattableString remark) =>
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-24}{Figure(name),9:F1} s  {FormattableString.Invariant(remark)}"));
    }

    private static JsonObject Ours(string folder, string[] sizes)
    {
        int Size(int i) => int.Parse(sizes[i], CultureInfo.InvariantCulture);
        var index = FeatureIndex.Open(Path.Combine(folder, "index"));
        var testCase = TestCaseFeatures.Load(Path.Combine(folder, "case.safetensors"));
        var clock = Stopwatch.StartNew();
        ExactSearch.Open(index, new SearchOptions { Threads = Threads }).Dispose();
        var layout = clock.Elapsed.TotalSeconds;

        var (gathered, fitted) = (0.0, 0.0);
        clock.Restart();
        var run = new CalibrationRun(
            index,
            new CalibrationOptions { Queries = Size(0), Top = Size(1), None = true, Fit = new() { Steps = Size(2), Threads = Threads } },
            new Listener(progress => _ = progress.What == "fitting" && progress.Done == 0 && gathered == 0 ? gathered = clock.Elapsed.TotalSeconds : 0));
        var (calibrator, _) = run.Fit([testCase], Similarities(folder));
        fitted = clock.Elapsed.TotalSeconds - gathered;
        clock.Restart();
        var report = run.MeasureFitted(calibrator, [testCase], Similarities(folder));
        var reported = clock.Elapsed.TotalSeconds;
        return new JsonObject
        {
            ["layoutSeconds"] = Math.Round(layout, 2),
            ["gatherSeconds"] = Math.Round(gathered, 2),
            ["fitSeconds"] = Math.Round(fitted, 2),
            ["reportSeconds"] = Math.Round(reported, 2),
            ["seconds"] = Math.Round(layout + gathered + fitted + reported, 2),
            ["tau"] = calibrator.Tau,
            ["lambda"] = calibrator.Lambda,
            ["divergenceBefore"] = report.All.Before.Divergence,
            ["divergenceAfter"] = report.All.After.Divergence,
            ["expectedCalibrationError"] = report.All.After.ExpectedCalibrationError,
            ["misplacedMass"] = report.All.After.MisplacedMass,
        };
    }

    private static string Similarities(string folder) => Path.Combine(folder, "similarities");

    /// <summary>An index in clusters, and models each around a point somewhere near one of its images: exemplars near the point, queries less near.</summary>
    private static void Make(string folder, int rows, int queries)
    {
        Directory.CreateDirectory(folder);
        if (!File.Exists(Path.Combine(folder, "index", IndexManifest.FileName)))
        {
            SearchData.Make(folder, rows, Dimension, clustered: true, queries: 1);
        }

        var random = new Random(1);
        var index = FeatureIndex.Open(Path.Combine(folder, "index"));
        var centres = index.ReadFeatures([.. Enumerable.Range(0, 1 + ((queries - 1) / QueriesPerModel)).Select(_ => random.NextInt64(index.Count))]);
        Normalization.NormalizeRows(centres.Span, Dimension);
        var (exemplars, chunks, made, models) = (new List<float>(), new List<ExemplarChunk>(), new List<float>(), new List<int>());
        for (var m = 0; m < centres.Rows; m++)
        {
            float[] centre = Near(centres.Row(m), 1);
            var count = 1 + random.Next(MostExemplars);
            chunks.Add(new ExemplarChunk(exemplars.Count / Dimension, (exemplars.Count / Dimension) + count));
            for (var i = 0; i < count + QueriesPerModel; i++)
            {
                (i < count ? exemplars : made).AddRange(i < count ? Near(centre, 0.3) : Near(centre, 0.6));
            }

            models.AddRange(Enumerable.Repeat(m, QueriesPerModel));
        }

        new TestCaseFeatures("planted", Matrix(exemplars), chunks, [new PromptFeatures("gpt", Matrix(made), models, null)]).Save(Path.Combine(folder, "case.safetensors"));

        // At an expected distance.
        float[] Near(ReadOnlySpan<float> vector, double distance)
        {
            var (noise, near) = ((float)(distance / Math.Sqrt(Dimension / 3.0)), vector.ToArray());
            return Array.ConvertAll(near, c => c + (noise * ((2 * random.NextSingle()) - 1)));
        }
    }

    private static FeatureMatrix Matrix(List<float> values) => new(values.Count / Dimension, Dimension, [.. values]);

    private sealed class Listener(Action<CalibrationProgress> tell) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => tell(value);
    }
}
