using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Whence.Cli.Output;
using Whence.Reports;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Cli.Commands;

/// <summary><c>whence ann</c>: graphs for approximate search, and what they are worth.</summary>
internal static class AnnCommand
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(10);

    public static Command Create(Streams streams) => new("ann", "Approximate search for an index that does not fit into memory: build its graphs, or check what they find")
    {
        CreateBuild(streams),
        CreateCheck(streams),
    };

    private static Command CreateBuild(Streams streams)
    {
        var (index, threads) = (CommonOptions.Index(), CommonOptions.Threads());
        var tuning = new TuningOptions();
        threads.Description = "Threads to use; with more than one, graphs differ a little from run to run";
        var command = new Command("build", "Build the graphs that 'attribute --ann' searches; interrupted or run again, it goes on") { index };
        tuning.AddMapperTo(command);
        command.Add(threads);
        command.SetAction((parsed, cancellation) =>
        {
            var (watch, last) = (Stopwatch.StartNew(), TimeSpan.Zero);
            var opened = FeatureIndex.Open(parsed.GetRequiredValue(index));
            var summary = ApproximateIndex.Build(
                opened, tuning.LoadMapper(parsed, opened, streams.Error)?.Real, new ApproximateBuildOptions { Threads = parsed.GetValue(threads) }, new Reporter(Report), cancellation);
            streams.Output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{summary.Folder}: {summary.Vectors:N0} images in {summary.Graphs:N0} {(summary.Graphs == 1 ? "graph" : "graphs")}, {summary.Bytes / 1e6:N1} MB; {summary.Made:N0} made now, in {Durations.Text(watch.Elapsed)}."));
            return Task.FromResult(0);

            void Report(LayoutProgress progress)
            {
                lock (watch)
                {
                    if (watch.Elapsed - last >= LineEvery)
                    {
                        last = watch.Elapsed;
                        var rate = progress.Done / last.TotalSeconds;
                        streams.Error.WriteLine(string.Create(
                            CultureInfo.InvariantCulture,
                            $"{progress.Done:N0} of {progress.Total:N0} images, {rate:F0}/s, {Durations.Text(TimeSpan.FromSeconds((progress.Total - progress.Done) / Math.Max(rate, 0.001)))} left"));
                    }
                }
            }
        });
        return command;
    }

    private static Command CreateCheck(Streams streams)
    {
        var defaults = new ApproximateCheckOptions();
        var images = new Argument<string[]>("image") { Description = "Generated images to ask with [default: images of the index]", Arity = ArgumentArity.ZeroOrMore };
        var queries = new Option<int>("--queries") { Description = "Without images: how many of the index to ask with", HelpName = "N", DefaultValueFactory = _ => defaults.Queries }.AtLeast(1);
        var noise = new Option<double>("--noise") { Description = "Length of the noise added to each one's (unit) feature; 0 for none", HelpName = "X", DefaultValueFactory = _ => defaults.Noise };
        var top = new Option<int>("--top") { Description = "The K of recall@K", HelpName = "K", DefaultValueFactory = _ => defaults.Top }.AtLeast(1);
        var candidates = new Option<int>("--ann-candidates") { Description = "Images found for each query, as for 'attribute'", HelpName = "N", DefaultValueFactory = _ => defaults.Candidates }.AtLeast(1);
        var setup = new AttributorSetup();
        var command = new Command("check", "Measure what the approximate search finds and how long it takes, beside the exact one, on this index")
        {
            images, queries, noise, top, candidates,
        };
        setup.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var index = setup.OpenIndex(parsed);
            var attribution = setup.Options(parsed, index, streams);
            var options = defaults with
            {
                Queries = parsed.GetValue(queries),
                Noise = parsed.GetValue(noise) is >= 0 and < double.PositiveInfinity and var x ? x : throw new WhenceException("--noise must be at least 0."),
                Top = parsed.GetValue(top),
                Candidates = parsed.GetValue(candidates),
                Calibration = attribution.Calibration,
            };
            var features = parsed.GetValue(images) is { Length: > 0 } given ? Encode(given, setup, parsed, streams, cancellation) : null;
            var search = new SearchOptions { Mapper = attribution.Mapper?.Real, Rows = attribution.Where?.Evaluate(index, cancellation), Threads = attribution.Threads };
            var asked = features is not null
                ? $"{features.Rows:N0} generated images"
                : string.Create(CultureInfo.InvariantCulture, $"{options.Queries:N0} images of the index, drawn with seed {options.Seed}{(options.Noise > 0 ? $", their features with noise of length {options.Noise:G3}" : "")}");
            Write(streams, asked, options, ApproximateCheck.Run(index, options, search, features, cancellation));
            return Task.FromResult(0);
        });
        return command;
    }

    private static FeatureMatrix Encode(string[] images, AttributorSetup setup, ParseResult parsed, Streams streams, CancellationToken cancellation)
    {
        using var opened = setup.Open(parsed, streams, cancellation);
        var reader = new QueryReader(opened.Encoder, opened.Limits);
        var queries = reader.Read(images, e => throw e, cancellation).ToArray();
        reader.TellCaptions(streams.Error);
        return queries.Length > 0 ? opened.Attributor.Features(queries, cancellation) : throw new WhenceException($"{string.Join(", ", images)}: no images there.");
    }

    private static void Write(Streams streams, string asked, ApproximateCheckOptions options, ApproximateCheckResult result)
    {
        if (result.IsExact)
        {
            streams.Output.WriteLine("Nothing to measure: so many candidates of so few images are searched for exactly, with --ann as without.");
            return;
        }

        var grid = new Grid().AddColumn().AddColumn();
        Add("queries", $"{asked}");
        Add($"recall@{options.Top}", $"{result.Recall:F4} of the {options.Top} most similar images were found, on average; {result.LowestRecall:F4} for the worst query");
        Add("best image found", $"{result.BestFound * 100:F1} % of the queries; for the others the maximum of Eq. 6 is too small");
        Add("influence found", $"{Format.Percent(result.InfluenceFound)} lies on the {Math.Max(options.Top, options.Candidates):N0} candidates of a query, which share all of it in an approximate answer");
        Add("one query alone", $"{Milliseconds(result.ApproximateAlone)} approximate, {Milliseconds(result.ExactAlone)} exact");
        Add("all in one call", $"{Milliseconds(result.ApproximateTogether)} a query approximate, {Milliseconds(result.ExactTogether)} exact");
        streams.OutputConsole.Write(grid);
        streams.Output.WriteLine((result.ApproximateAlone < result.ExactAlone, result.ApproximateTogether < result.ExactTogether) switch
        {
            (true, true) => "--ann-candidates trades time for recall; without --ann the answer is certain.",
            (false, false) => "The exact search is as fast here: leave --ann out.",
            (true, false) => "The exact search of many images in one call is as fast here: take --ann for single ones only.",
            (false, true) => "The exact search of a single image is as fast here: take --ann for many in one call only.",
        });

        void Add(string name, FormattableString value) => grid.AddRow(new Text(name), new Text(FormattableString.Invariant(value)));
        static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:F2} ms");
    }

    // Progress<T> posts to the thread pool and may report out of order; this reports at once.
    private sealed class Reporter(Action<LayoutProgress> report) : IProgress<LayoutProgress>
    {
        public void Report(LayoutProgress value) => report(value);
    }
}
