using FsCheck.Xunit;
using Whence.Evaluation;

namespace Whence.Tests.Evaluation;

public class BootstrapTests
{
    private const double Atol = 1e-12;

    [Property(MaxTest = 60)]
    public bool Means_and_medians_equal_those_of_the_drawn_models_queries(int seed, byte models, byte most)
    {
        var random = new Random(seed);
        var count = 1 + (models % 12);
        var values = Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, random.Next(1 + (most % 6))).Select(_ => random.NextInt64(1, 9)).ToArray()).ToArray();
        var bootstrap = new Bootstrap(count, 50, new Random(seed));
        int[] queries = [.. values.Select(v => v.Length)];
        (long, int)[] sorted = [.. values.SelectMany((own, m) => own.Select(v => (v, m))).OrderBy(v => v.v)];

        var means = bootstrap.Means([.. values.Select(v => (double)v.Sum())], queries);
        var medians = bootstrap.Medians(sorted, queries);

        // The twin draws the same models and lays their queries side by side.
        var same = new Random(seed);
        return means.Zip(medians).All(draw =>
        {
            long[] drawn = [.. Enumerable.Range(0, count).SelectMany(_ => values[same.Next(count)]).Order()];
            return drawn.Length == 0
                ? double.IsNaN(draw.First) && double.IsNaN(draw.Second)
                : Math.Abs(draw.First - drawn.Average()) < Atol && draw.Second == (drawn[(drawn.Length - 1) / 2] + drawn[drawn.Length / 2]) / 2.0;
        });
    }

    [Fact]
    public void An_interval_is_that_of_the_percentiles()
    {
        var (low, high) = Bootstrap.Interval([.. Enumerable.Range(0, 101).Select(i => (double)i).Reverse()])!.Value;
        Assert.Equal(2.5, low, Atol);
        Assert.Equal(97.5, high, Atol);
        Assert.Equal((5, 5), Bootstrap.Interval([5, 5, 5]));
        Assert.Equal((5, 5), Bootstrap.Interval([5, double.NaN, 5]));
        Assert.Null(Bootstrap.Interval([5]));
        Assert.Null(Bootstrap.Interval([double.NaN, double.NaN, 1]));
    }

    [Property(MaxTest = 20)]
    public bool More_queries_of_the_same_models_promise_no_narrower_interval(int seed, byte times)
    {
        var random = new Random(seed);
        double[] sums = [.. Enumerable.Range(0, 15).Select(_ => random.NextDouble())];
        int[] once = [.. sums.Select(_ => 1)], often = [.. sums.Select(_ => 1 + times)];
        var bootstrap = new Bootstrap(15, 300, new Random(seed));
        var (few, many) = (Bootstrap.Interval(bootstrap.Means(sums, once))!.Value, Bootstrap.Interval(bootstrap.Means([.. sums.Select(s => s * (1 + times))], often))!.Value);
        return Math.Abs(few.Low - many.Low) < Atol && Math.Abs(few.High - many.High) < Atol;
    }

    [Fact]
    public void Intervals_hold_the_truth_about_as_often_as_they_say()
    {
        // 300 experiments of 60 models whose true mean is 0.5; a percentile interval of so few is a little too narrow.
        const int Experiments = 300, Models = 60;
        var random = new Random(7);
        int[] queries = [.. Enumerable.Repeat(10, Models)];
        var held = Enumerable.Range(0, Experiments).Count(_ =>
        {
            double[] sums = [.. Enumerable.Range(0, Models).Select(_ => 10 * random.NextDouble())];
            var (low, high) = Bootstrap.Interval(new Bootstrap(Models, 400, random).Means(sums, queries))!.Value;
            return low <= 0.5 && 0.5 <= high;
        });
        Assert.InRange((double)held / Experiments, 0.91, 0.98);
    }
}
