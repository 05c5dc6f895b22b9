using Whence.Reports;

namespace Whence.Tests.Reports.Plots;

public sealed class TrainingFigureTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void The_best_epoch_is_told()
    {
        var labels = FigureTests.Labels(Draw(MadeUpRuns.TrainingCurve()));
        Assert.Contains("Best on the validation split after epoch 60: R@10 0.508.", labels);
        Assert.Contains("whole loss 6.205", labels);
        Assert.Contains("Regulariser, not weighted", labels);
    }

    [Theory]
    [InlineData("epoch,loss\n1,2\n", "Loss")]
    [InlineData("epoch,loss,regularizer\n1,2,0\n2,,0\n3,1.5,0\n", "Loss")]
    [InlineData("epoch,loss,recall@5\n0,,0.25\n", "R@5 on the validation split")]
    [InlineData("epoch,loss,recall@5\n1,NaN,0.25\n2,Infinity,0.5\n", "R@5 on the validation split")]
    public void What_is_missing_is_left_out(string csv, string panel)
    {
        var labels = FigureTests.Labels(Draw(csv));
        Assert.Contains(panel, labels);
        Assert.DoesNotContain("Regulariser, not weighted", labels);
    }

    [Theory]
    [InlineData("")]
    [InlineData("epoch,loss\n")]
    [InlineData("step,loss\n1,2\n")]
    [InlineData("epoch,loss\n1,many\n")]
    [InlineData("epoch,loss\n,2\n")]
    [InlineData("epoch,other\n1,2\n")]
    [InlineData("epoch,loss\n1\n")]
    public void What_is_no_training_is_refused_in_one_line(string csv)
    {
        var error = Assert.Throws<WhenceException>(() => Draw(csv));
        Assert.StartsWith(_temp["curve.csv"], error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Throws<WhenceException>(() => TrainingFigure.Draw(_temp["missing.csv"]));
    }

    private Figure Draw(string csv)
    {
        File.WriteAllText(_temp["curve.csv"], csv);
        return TrainingFigure.Draw(_temp["curve.csv"]);
    }
}
