using FsCheck.Xunit;
using Whence.Calibration;

namespace Whence.Tests.Calibration;

public class CalibrationLossTests
{
    [Property(MaxTest = 300)]
    public void Is_its_slow_twin(int seed, ushort count, byte exemplars)
    {
        var random = new Random(seed);
        var row = Row(random, 1 + (count % 3000));
        var own = 1 + (exemplars % Math.Min(row.Length, 12));
        var (inverseTau, bias) = (Math.Exp(random.NextDouble() * 6), (random.NextDouble() * 400) - 350);
        var slow = SlowCalibration.Of(row, own, inverseTau, bias);
        var fast = CalibrationLoss.OfQuery(row, own, row.Max(), inverseTau, bias);
        Assert.Equal(slow.Loss, fast.Loss, 2e-5 * (1 + Math.Abs(slow.Loss)));
        Assert.Equal(slow.ByInverseTau, fast.ByInverseTau, 2e-5 * (0.1 + Math.Abs(slow.ByInverseTau)));
        Assert.Equal(slow.ByBias, fast.ByBias, 2e-5 * (0.001 + Math.Abs(slow.ByBias)));
    }

    [Property(MaxTest = 100)]
    public void The_gradient_is_that_of_the_loss(int seed)
    {
        var random = new Random(seed);
        var row = Row(random, 200);
        var (inverseTau, bias) = (1 + (random.NextDouble() * 40), (random.NextDouble() * 60) - 50);
        var gradient = SlowCalibration.Of(row, 3, inverseTau, bias);
        Assert.Equal((Loss(inverseTau + 1e-4, bias) - Loss(inverseTau - 1e-4, bias)) / 2e-4, gradient.ByInverseTau, 1e-6 * (1 + Math.Abs(gradient.ByInverseTau)));
        Assert.Equal((Loss(inverseTau, bias + 1e-3) - Loss(inverseTau, bias - 1e-3)) / 2e-3, gradient.ByBias, 1e-6);

        double Loss(double t, double b) => SlowCalibration.Of(row, 3, t, b).Loss;
    }

    [Fact]
    public void Does_not_depend_on_threads()
    {
        var random = new Random(1);
        var table = new SimilarityTable([.. Enumerable.Range(0, 37).Select(_ => Row(random, 1000))], [.. Enumerable.Repeat(2, 37)]);
        var one = new CalibrationLoss(table, threads: 1).Of(0, 37, 20, -20);
        Assert.Equal(one, new CalibrationLoss(table, threads: 5).Of(0, 37, 20, -20));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Refuses_similarities_that_are_no_numbers(float bad)
    {
        var table = new SimilarityTable([[0.1f, 0.2f], [0.5f, bad]], [1, 1]);
        Assert.StartsWith("query 1 ", Assert.Throws<WhenceException>(() => new CalibrationLoss(table, 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stays_finite_far_below_the_threshold()
    {
        foreach (var bias in (double[])[-900, -5000])
        {
            var (log, slope) = CalibrationLoss.LogSoftplus(0.001 * bias);
            Assert.Equal((0.1 * bias) - Math.Log(100), log, 1e-9);
            Assert.Equal(100, slope, 1e-9);
        }
    }

    [Fact]
    public void Whoever_is_no_more_similar_than_others_cannot_be_fitted()
    {
        var table = new SimilarityTable([[0.1f, 0.9f, 0.8f], [0.2f, 0.7f, 0.9f]], [1, 1]);
        var error = Assert.Throws<WhenceException>(() => CalibrationFit.Run(new CalibrationLoss(table, 2)));
        Assert.Contains("no more similar", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fit_finds_the_parameters_that_made_the_exemplars()
    {
        // Exemplars drawn with the influences, ReLU smoothed as in the loss, so that the cross entropy is least at their parameters.
        var random = new Random(7);
        var rows = Enumerable.Range(0, 6000).Select(_ =>
        {
            var row = Row(random, 40);
            var shares = Array.ConvertAll(row, s => Math.Exp(CalibrationLoss.LogSoftplus(Math.Exp((s - row.Max()) / 0.1) - 0.05).Log));
            var (pick, left) = (0, random.NextDouble() * shares.Sum());
            while (pick < row.Length - 1 && (left -= shares[pick]) > 0)
            {
                pick++;
            }

            (row[0], row[pick]) = (row[pick], row[0]);
            return row;
        }).ToArray();
        var loss = new CalibrationLoss(new SimilarityTable(rows, [.. rows.Select(_ => 1)]), 2);
        var fit = CalibrationFit.Run(loss, new CalibrationFitOptions { Steps = 600 });
        Assert.Equal(0.1, fit.ToCalibrator().Tau, 0.01);
        Assert.Equal(0.05, fit.ToCalibrator().Lambda, 0.02);
        Assert.Equal(fit.Steps[^1].Loss, loss.Of(0, 4096, fit.InverseTau, fit.Bias).Loss);
    }

    private static float[] Row(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 1.2f) - 0.2f)];
}
