using FsCheck.Xunit;
using Whence.Calibration;

namespace Whence.Tests.Calibration;

public class NoneOfTheseTests
{
    [Fact]
    public void Finds_the_logistic_function_that_made_the_data()
    {
        var random = new Random(3);
        var (present, absent) = (new List<float>(), new List<float>());
        var truth = new NoneOfThese(6, -12);
        for (var i = 0; i < 40_000; i++)
        {
            var s = random.NextSingle();
            (random.NextDouble() < truth.Of(s) ? absent : present).Add(s);
        }

        var fit = NoneOfThese.Fit([.. present], [.. absent]);
        Assert.Equal(6, fit.Intercept, 0.3);
        Assert.Equal(-12, fit.Slope, 0.6);
    }

    [Fact]
    public void Separable_queries_give_a_finite_slope()
    {
        var fit = NoneOfThese.Fit([0.8f, 0.9f, 0.85f], [0.1f, 0.2f, 0.15f]);
        Assert.True(double.IsFinite(fit.Slope) && fit.Slope < 0);
        Assert.True(fit.Of(0.85f) < 0.02 && fit.Of(0.15f) > 0.98);
        Assert.Equal(0.5, fit.Of(0.5f), 1e-6);
    }

    [Fact]
    public void Where_similarity_says_nothing_the_shares_remain()
    {
        Assert.Equal(0.25, NoneOfThese.Fit([0.5f, 0.5f, 0.5f], [0.5f]).Of(0.9f), 1e-12);
        Assert.Equal(new NoneOfThese(0, 0), NoneOfThese.Fit([0.1f, 0.2f], [0.8f, 0.9f])); // the wrong way round
    }

    [Property(MaxTest = 200)]
    public bool Is_a_share_that_falls_with_similarity(int seed, byte present, byte absent)
    {
        var random = new Random(seed);
        var fit = NoneOfThese.Fit(Draw(present + 1, 0.2f), Draw(absent + 1, 0));
        var shares = Enumerable.Range(-10, 21).Select(i => fit.Of(i / 10f)).ToArray();
        return shares.All(s => s is >= 0 and <= 1) && shares.Zip(shares.Skip(1)).All(p => p.First >= p.Second);

        float[] Draw(int count, float shift) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 0.8f) + shift)];
    }

    [Fact]
    public void An_empty_index_is_none_of_these() => Assert.Equal(1, new NoneOfThese(-5, 0).Of(float.NegativeInfinity));

    [Fact]
    public void Influences_and_none_sum_to_one()
    {
        var calibrator = new Calibrator { Tau = 0.1, Lambda = 0.02, None = new NoneOfThese(4, -8) };
        float[] similarities = [0.6f, 0.55f, 0.1f];
        var influence = calibrator.Normalize(similarities);
        Assert.Equal(new NoneOfThese(4, -8).Of(0.6f), influence.None);
        Assert.Equal(1, influence.None + similarities.Sum(influence.Of), 1e-12);
        Assert.Equal(1, calibrator.Normalize([float.NaN]).None);
    }

    [Fact]
    public void Refuses_what_is_no_number()
    {
        Assert.Throws<ArgumentException>(() => NoneOfThese.Fit([], [0.5f]));
        Assert.Throws<ArgumentException>(() => NoneOfThese.Fit([0.5f], [float.NaN]));
        Assert.Throws<ArgumentException>(() => new Calibrator { Tau = 1, Lambda = 0, None = new NoneOfThese(0, 1) }.Normalize([1]));
    }
}
