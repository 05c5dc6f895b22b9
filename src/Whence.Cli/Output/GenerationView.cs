using System.Globalization;
using Whence.Torch.Diffusion;

namespace Whence.Cli.Output;

/// <summary>Progress of drawing on standard error: a line now and then, with the time that is left.</summary>
internal static class GenerationView
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    public static IProgress<GenerationProgress> Lines(TextWriter error, TimeProvider? clock = null) => new Reporter(error, clock ?? TimeProvider.System);

    private sealed class Reporter(TextWriter error, TimeProvider clock) : IProgress<GenerationProgress>
    {
        private readonly long _start = clock.GetTimestamp();
        private TimeSpan _last;
        private (TimeSpan Time, double Done)? _from;
        private bool _warm;

        public void Report(GenerationProgress value)
        {
            // Calls of the network that an image takes, of all images.
            var (done, all) = (((double)value.Done * value.Steps) + (value.AtWork * value.Step), (double)value.Images * value.Steps);
            var now = clock.GetElapsedTime(_start);
            if (now - _last >= LineEvery && done < all)
            {
                _last = now;
                var left = _from is { } from && done > from.Done ? $", {Durations.Text((now - from.Time) / (done - from.Done) * (all - done))} left" : "";
                error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{value.Done:N0} of {value.Images:N0} images, step {value.Step} of {value.Steps}{left}"));
            }

            // The first step and the first batch pay for what is made once: speed is that of what comes after the step, then of what comes after the batch.
            var ended = value.Step == 0;
            if (_from is null || (ended && !_warm))
            {
                (_from, _warm) = ((now, done), ended);
            }
        }
    }
}
