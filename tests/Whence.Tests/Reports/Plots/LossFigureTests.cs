using Whence.Reports;

namespace Whence.Tests.Reports.Plots;

public sealed class LossFigureTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Each_stage_has_a_panel_and_the_same_points_give_the_same_bytes()
    {
        var figure = LossFigure.Draw("Training", [.. Points("autoencoder"), .. Points("unet")]);
        Assert.Equal("training", figure.Name);
        Assert.True(figure.Height > LossFigure.Draw("Training", Points("unet")).Height);
        Assert.Equal(figure.Svg.ToArray(), LossFigure.Draw("Training", [.. Points("autoencoder"), .. Points("unet")]).Svg.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => LossFigure.Draw("Training", []));
    }

    [Fact]
    public void One_point_and_losses_that_never_change_can_be_drawn()
    {
        Assert.False(LossFigure.Draw("Training", [Points("unet")[0]]).Png.IsEmpty);
        Assert.False(LossFigure.Draw("Training", [.. Points("unet").Select(p => p with { Loss = 0.5 })]).Png.IsEmpty);
        Assert.False(LossFigure.Draw("Training", [.. Points("unet").Select(p => p with { Loss = 0 })]).Png.IsEmpty);
    }

    [Fact]
    public void The_csv_has_a_row_a_point_and_empty_fields_for_what_a_stage_does_not_measure()
    {
        LossCurve.Write(_temp["c.csv"], [Points("autoencoder")[1] with { Error = 0.25, Divergence = 2 }, Points("unet")[2]]);
        Assert.Equal(
            ["stage,step,learning_rate,loss,gradient,error,divergence", "autoencoder,20,0.001,0.5,1.5,0.25,2", "unet,30,0.001,0.3333333333333333,1.5,,"],
            File.ReadAllLines(_temp["c.csv"]));
    }

    private static LossPoint[] Points(string stage) =>
        [.. Enumerable.Range(1, 9).Select(i => new LossPoint { Stage = stage, Step = 10 * i, LearningRate = 0.001, Loss = 1.0 / i, Gradient = 1.5 })];
}
