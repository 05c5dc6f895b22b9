using System.Globalization;
using Whence.Torch.Training;

namespace Whence.Cli.Output;

/// <summary>Progress of a training of networks on standard error: a line now and then, with the speed and the time that is left.</summary>
internal static class StepView
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(10);

    public static IProgress<StepProgress> Lines(TextWriter error, TimeProvider? clock = null)
    {
        clock ??= TimeProvider.System;
        var (start, last, stage, first) = (clock.GetTimestamp(), TimeSpan.Zero, "", 0L);
        return new ProgressView.Reporter<StepProgress>(value =>
        {
            if (value.Stage != stage)
            {
                (stage, first, start, last) = (value.Stage, value.Step, clock.GetTimestamp(), TimeSpan.Zero); // a training that goes on does not begin at 0
            }
            else if (clock.GetElapsedTime(start) is var elapsed && elapsed - last >= LineEvery)
            {
                last = elapsed;
                var rate = (value.Step - first) / last.TotalSeconds;
                var left = Durations.Text(TimeSpan.FromSeconds((value.Steps - value.Step) / rate));
                error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"{stage}: step {value.Step:N0} of {value.Steps:N0}, loss {value.Loss:F4}, {rate * value.Batch:F0} images/s, {left} left{(stage == "autoencoder" ? ", then the U-Net" : "")}"));
            }
        });
    }
}
