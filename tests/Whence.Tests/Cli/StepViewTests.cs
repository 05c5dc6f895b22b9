using Whence.Cli.Output;

namespace Whence.Tests.Cli;

public sealed class StepViewTests
{
    [Fact]
    public void Of_a_training_that_goes_on_speed_and_time_left_are_those_of_the_steps_of_this_run()
    {
        var (clock, error) = (new SecondsClock(), new StringWriter { NewLine = "\n" });
        var view = StepView.Lines(error, clock);
        Report(seconds: 300, "autoencoder", step: 901); // images were read, a sheet was drawn, 900 steps were done before
        Report(seconds: 10, "autoencoder", step: 921);
        Report(seconds: 5, "autoencoder", step: 931); // too soon for a line
        Report(seconds: 15, "autoencoder", step: 941);
        Report(seconds: 100, "unet", step: 1); // the first step pays for what is made once
        Report(seconds: 10, "unet", step: 6);
        Report(seconds: 990, "unet", step: 1000);
        Assert.Equal(
            """
            autoencoder: step 921 of 1,000, loss 0.5000, 64 images/s, 40 s left, then the U-Net
            autoencoder: step 941 of 1,000, loss 0.5000, 43 images/s, 45 s left, then the U-Net
            unet: step 6 of 1,000, loss 0.5000, 16 images/s, 33 min 8 s left
            unet: step 1,000 of 1,000, loss 0.5000, 32 images/s, 0 s left

            """.ReplaceLineEndings("\n"),
            error.ToString());

        void Report(int seconds, string stage, long step)
        {
            clock.Seconds += seconds;
            view.Report(new(stage, step, 1000, Batch: 32, Loss: 0.5));
        }
    }
}
