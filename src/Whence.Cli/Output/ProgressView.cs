using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Whence.Datasets.Captions;
using Whence.Datasets.Emoji;
using Whence.Evaluation;
using Whence.Search;

namespace Whence.Cli.Output;

/// <summary>Progress on standard error. Of an index build: a bar on a terminal, a line now and then elsewhere.</summary>
internal static class ProgressView
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LayoutLineEvery = TimeSpan.FromSeconds(2);
    private const long LayoutWorthTelling = 20_000;

    public static Task<IndexProgress> RunAsync(
        Streams streams, Task<long> total, Func<IProgress<IndexProgress>, Task<IndexProgress>> build, string what = "indexing") =>
        streams.ErrorConsole.Profile.Capabilities.Interactive && streams.ErrorConsole.Profile.Capabilities.Ansi
            ? RunBarAsync(streams.ErrorConsole, total, build, what)
            : RunLinesAsync(streams.Error, total, build);

    private static async Task<IndexProgress> RunBarAsync(
        IAnsiConsole console, Task<long> total, Func<IProgress<IndexProgress>, Task<IndexProgress>> build, string what) =>
        await console.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask(what, maxValue: double.MaxValue);
                task.IsIndeterminate = true;
                var watch = Stopwatch.StartNew();
                return await build(new Reporter<IndexProgress>(progress =>
                {
                    if (total.IsCompletedSuccessfully)
                    {
                        task.IsIndeterminate = false;
                        task.MaxValue = Math.Max(total.Result, 1);
                    }

                    task.Value = progress.Indexed + progress.Failed + progress.Skipped;
                    task.Description = Describe(progress, total, watch.Elapsed).EscapeMarkup();
                }));
            });

    private static async Task<IndexProgress> RunLinesAsync(
        TextWriter error, Task<long> total, Func<IProgress<IndexProgress>, Task<IndexProgress>> build)
    {
        var watch = Stopwatch.StartNew();
        var last = TimeSpan.Zero;
        return await build(new Reporter<IndexProgress>(progress =>
        {
            if (watch.Elapsed - last >= LineEvery)
            {
                last = watch.Elapsed;
                error.WriteLine(Describe(progress, total, watch.Elapsed));
            }
        }));
    }

    private static string Describe(IndexProgress progress, Task<long> total, TimeSpan elapsed)
    {
        var done = progress.Indexed + progress.Failed;
        var rate = done / Math.Max(elapsed.TotalSeconds, 0.001);
        var text = $"{done + progress.Skipped:N0}";
        if (total.IsCompletedSuccessfully)
        {
            text += $" of {total.Result:N0}";
        }

        text += $" images, {rate:F1}/s";
        if (progress.Failed > 0)
        {
            text += $", {progress.Failed:N0} failed";
        }

        if (total.IsCompletedSuccessfully && rate > 0)
        {
            text += $", {Durations.Text(TimeSpan.FromSeconds(Math.Max(0, total.Result - done - progress.Skipped) / rate))} left";
        }

        return text;
    }

    /// <summary>Progress of the making of a search layout: a line now and then, none for small indexes.</summary>
    public static IProgress<LayoutProgress> ForLayout(TextWriter error, string what = "making the search layout (once)")
    {
        var (watch, last, gate) = (Stopwatch.StartNew(), TimeSpan.Zero, new Lock());
        return new Reporter<LayoutProgress>(progress =>
        {
            lock (gate)
            {
                if (progress.Total >= LayoutWorthTelling && watch.Elapsed - last >= LayoutLineEvery)
                {
                    last = watch.Elapsed;
                    error.WriteLine($"{what}: {progress.Done:N0} of {progress.Total:N0} images");
                }
            }
        });
    }

    /// <summary>Progress of an evaluation: a line now and then.</summary>
    /// <param name="error">Where to.</param>
    /// <param name="total">Queries of all test cases.</param>
    public static IProgress<EvaluationProgress> ForEvaluation(TextWriter error, long total)
    {
        var (watch, last, finished, current) = (Stopwatch.StartNew(), TimeSpan.Zero, 0L, default(EvaluationProgress));
        return new Reporter<EvaluationProgress>(progress =>
        {
            finished += progress.TestCase == current.TestCase ? progress.Done - current.Done : progress.Done;
            current = progress;
            if (finished < total && watch.Elapsed - last >= LayoutLineEvery)
            {
                last = watch.Elapsed;
                var rate = finished / last.TotalSeconds;
                error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{progress.TestCase}: {finished:N0} of {total:N0} queries, {rate:F0}/s, {Durations.Text(TimeSpan.FromSeconds((total - finished) / Math.Max(rate, 0.001)))} left"));
            }
        });
    }

    /// <summary>Progress of a calibration: a line now and then for what takes long.</summary>
    public static IProgress<CalibrationProgress> ForCalibration(TextWriter error)
    {
        var (watch, last, what, first) = (Stopwatch.StartNew(), TimeSpan.Zero, "", 0L);
        return new Reporter<CalibrationProgress>(progress =>
        {
            if (progress.What != what)
            {
                (what, first) = (progress.What, progress.Done); // an earlier run may have done some
                watch.Restart();
                last = TimeSpan.Zero;
            }
            else if (progress.Done < progress.Total && watch.Elapsed - last >= LayoutLineEvery)
            {
                last = watch.Elapsed;
                var rate = (progress.Done - first) / last.TotalSeconds;
                error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{what}: {progress.Done:N0} of {progress.Total:N0}, {Durations.Text(TimeSpan.FromSeconds((progress.Total - progress.Done) / Math.Max(rate, 0.001)))} left"));
            }
        });
    }

    /// <summary>Progress of the making of a data set of drawings: a line now and then.</summary>
    public static IProgress<EmojiProgress> ForDrawings(TextWriter error)
    {
        var (watch, last) = (Stopwatch.StartNew(), TimeSpan.Zero);
        return new Reporter<EmojiProgress>(progress =>
        {
            if (progress.Done < progress.Total && watch.Elapsed - last >= LayoutLineEvery)
            {
                last = watch.Elapsed;
                var left = TimeSpan.FromSeconds(last.TotalSeconds / Math.Max(progress.Done, 1) * (progress.Total - progress.Done));
                error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{progress.Done:N0} of {progress.Total:N0} drawings, {progress.Pictures:N0} pictures, {progress.Pictures / last.TotalSeconds:F0}/s, {Durations.Text(left)} left"));
            }
        });
    }

    /// <summary>Progress of captions: a line now and then.</summary>
    public static IProgress<CaptionProgress> ForCaptions(TextWriter error)
    {
        var (watch, last) = (Stopwatch.StartNew(), TimeSpan.Zero);
        return new Reporter<CaptionProgress>(progress =>
        {
            var (asked, left) = (progress.Written + progress.Failed, progress.Total - progress.Written - progress.Failed - progress.Known - progress.Own);
            if (asked > 0 && left > 0 && watch.Elapsed - last >= LineEvery)
            {
                last = watch.Elapsed;
                error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{progress.Total - left:N0} of {progress.Total:N0} images, {progress.Written:N0} captions written, at most {Durations.Text(last / asked * left)} left"));
            }
        });
    }

    // Progress<T> posts to the thread pool and may report out of order; this reports at once.
    internal sealed class Reporter<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
