using System.Diagnostics;
using System.Globalization;
using Whence.Torch.Mapping;

namespace Whence.Cli.Output;

/// <summary>Progress of a training on standard error: a line now and then, with the time that is left.</summary>
internal static class TrainingView
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    public static IProgress<TrainingProgress> Lines(TextWriter error, int? recallAt) => new Reporter(error, recallAt);

    private sealed class Reporter(TextWriter error, int? recallAt) : IProgress<TrainingProgress>
    {
        private readonly Stopwatch _watch = Stopwatch.StartNew();
        private TimeSpan _last;
        private long? _first;

        public void Report(TrainingProgress value)
        {
            _first ??= value.Step - 1; // a training that goes on does not begin at 0
            if (_watch.Elapsed - _last < LineEvery)
            {
                return;
            }

            _last = _watch.Elapsed;
            var left = _watch.Elapsed / (value.Step - _first.Value) * (value.Steps - value.Step);
            var text = string.Create(CultureInfo.InvariantCulture, $"epoch {value.Epoch} of {value.Epochs}");
            if (value.Last is { Loss: { } loss } last)
            {
                text += string.Create(CultureInfo.InvariantCulture, $", loss {loss:F4}");
                text += last.Recall is { } recall ? string.Create(CultureInfo.InvariantCulture, $", recall@{recallAt} {recall:F4}") : "";
            }

            error.WriteLine($"{text}, {Durations.Text(left)} left");
        }
    }
}
