using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Whence.Cli.Download;

namespace Whence.Cli.Output;

/// <summary>Progress of a download on standard error: a bar on a terminal, a line now and then elsewhere.</summary>
internal static class DownloadView
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(10);

    public static Task<T> RunAsync<T>(Streams streams, string what, Func<IProgress<DownloadProgress>, Task<T>> download) =>
        streams.ErrorConsole.Profile.Capabilities is { Interactive: true, Ansi: true } ? RunBarAsync(streams.ErrorConsole, what, download) : RunLinesAsync(streams.Error, what, download);

    /// <summary>A size as a person reads it: "98.8 MB".</summary>
    public static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1} MB");

    private static async Task<T> RunBarAsync<T>(IAnsiConsole console, string what, Func<IProgress<DownloadProgress>, Task<T>> download) =>
        await console.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask(what.EscapeMarkup(), maxValue: double.MaxValue);
                task.IsIndeterminate = true;
                var rate = new Rate();
                return await download(new ProgressView.Reporter<DownloadProgress>(progress =>
                {
                    if (progress.Total is { } total)
                    {
                        (task.IsIndeterminate, task.MaxValue) = (false, Math.Max(total, 1));
                    }

                    task.Value = progress.Received;
                    task.Description = $"{what}: {rate.Describe(progress)}".EscapeMarkup();
                }));
            });

    private static Task<T> RunLinesAsync<T>(TextWriter error, string what, Func<IProgress<DownloadProgress>, Task<T>> download)
    {
        var (rate, watch, last) = (new Rate(), Stopwatch.StartNew(), TimeSpan.Zero);
        return download(new ProgressView.Reporter<DownloadProgress>(progress =>
        {
            var line = rate.Describe(progress);
            if (watch.Elapsed - last >= LineEvery)
            {
                last = watch.Elapsed;
                error.WriteLine($"{what}: {line}");
            }
        }));
    }

    /// <summary>How fast it goes, from the first bytes of this run on.</summary>
    private sealed class Rate
    {
        private readonly Stopwatch _watch = Stopwatch.StartNew();
        private long? _first;

        public string Describe(DownloadProgress progress)
        {
            _first ??= progress.Received;
            var perSecond = (progress.Received - _first.Value) / Math.Max(_watch.Elapsed.TotalSeconds, 0.001);
            var text = progress.Total is { } total ? $"{Size(progress.Received)} of {Size(total)}" : Size(progress.Received);
            text += $", {Size((long)perSecond)}/s";
            return progress.Total is { } all && perSecond > 0
                ? $"{text}, {Durations.Text(TimeSpan.FromSeconds(Math.Min((all - progress.Received) / perSecond, 1e7)))} left"
                : text;
        }
    }
}
