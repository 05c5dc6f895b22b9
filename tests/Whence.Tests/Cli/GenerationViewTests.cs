using Whence.Cli.Output;

namespace Whence.Tests.Cli;

public sealed class GenerationViewTests
{
    [Fact]
    public void The_time_left_does_not_count_what_the_first_step_and_the_first_batch_pay_for()
    {
        var (clock, error) = (new SecondsClock(), new StringWriter { NewLine = "\n" });
        var view = GenerationView.Lines(error, clock);
        Report(seconds: 60, done: 0, step: 1); // the first step is slow
        Report(seconds: 7, done: 0, step: 2);
        Report(seconds: 1, done: 0, step: 3); // too soon for a line
        Report(seconds: 40, done: 2, step: 0); // so is the first decoding
        Report(seconds: 3, done: 2, step: 1);
        Report(seconds: 3, done: 2, step: 2);
        Report(seconds: 3, done: 2, step: 3);
        Report(seconds: 9, done: 4, step: 0); // the end
        Assert.Equal(
            """
            0 of 4 images, step 1 of 4
            0 of 4 images, step 2 of 4, 42 s left
            2 of 4 images, step 0 of 4, 1 min 4 s left
            2 of 4 images, step 2 of 4, 6 s left

            """.ReplaceLineEndings("\n"),
            error.ToString());

        void Report(int seconds, int done, int step)
        {
            clock.Seconds += seconds;
            view.Report(new(done, 4, step, 4, AtWork: 2));
        }
    }
}
