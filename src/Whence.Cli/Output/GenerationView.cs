using System.Diagnostics;
using System.Globalization;
using Whence.Torch.Diffusion;

namespace Whence.Cli.Output;

/// <summary>Progress of drawing on standard error: a line now and then, with the time that is left.</summary>
internal static class GenerationView
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    public static IProgress<GenerationProgress> Lines(TextWriter error)
    {
        var (watch, last) = (Stopwatch.StartNew(), TimeSpan.Zero);
        return new ProgressView.Reporter<GenerationProgress>(progress =>
        {
            // Calls of the network that an image takes, of all images.
            var (done, all) = (((double)progress.Done * progress.Steps) + (progress.AtWork * progress.Step), (double)progress.Images * progress.Steps);
            if (watch.Elapsed - last < LineEvery || done == 0 || done >= all)
            {
                return;
            }

            last = watch.Elapsed;
            error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{progress.Done:N0} of {progress.Images:N0} images, step {progress.Step} of {progress.Steps}, {Durations.Text(watch.Elapsed / done * (all - done))} left"));
        });
    }
}
