using System.Diagnostics;
using System.Globalization;
using Whence.Torch.Customization;

namespace Whence.Cli.Output;

/// <summary>Progress of a customization on standard error: a line now and then, with the time that is left.</summary>
internal static class CustomizationView
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    public static IProgress<CustomizationProgress> Lines(TextWriter error) => new Reporter(error);

    private sealed class Reporter(TextWriter error) : IProgress<CustomizationProgress>
    {
        private readonly Stopwatch _watch = Stopwatch.StartNew();
        private TimeSpan _last;
        private int? _first;

        public void Report(CustomizationProgress value)
        {
            _first ??= value.Step - 1; // a training that goes on does not begin at 0
            if (_watch.Elapsed - _last < LineEvery && value.Step < value.Steps)
            {
                return;
            }

            _last = _watch.Elapsed;
            var left = _watch.Elapsed / (value.Step - _first.Value) * (value.Steps - value.Step);
            var prior = value.PriorLoss > 0 ? string.Create(CultureInfo.InvariantCulture, $", regularisation {value.PriorLoss:F4}") : "";
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {value.Step} of {value.Steps}, loss {value.Loss:F4}{prior}, {Durations.Text(left)} left"));
        }
    }
}
