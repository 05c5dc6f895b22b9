using Whence.Evaluation;

namespace Whence.Tests.Evaluation;

/// <summary>Expectations against the mean over every way in which exemplars can stand among distractors.</summary>
public class ChanceTests
{
    private const double Atol = 1e-12;

    public static MatrixTheoryData<int, int> Sizes => new([1, 2, 3, 5], [0, 1, 4, 9]);

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Expectations_equal_the_mean_over_all_orders(int n, int distractors)
    {
        var all = Placements(n, n + distractors).ToArray();
        Assert.Equal(all.Average(ranks => RetrievalMetrics.AveragePrecision(ranks)), Chance.AveragePrecision(n, distractors), Atol);
        for (var k = 1; k <= n + distractors + 3; k++)
        {
            Assert.Equal(all.Average(ranks => RetrievalMetrics.Recall(ranks, k)), Chance.Recall(n, distractors, k), Atol);
            Assert.Equal(all.Average(ranks => RetrievalMetrics.NormalizedRecall(ranks, k)), Chance.NormalizedRecall(n, distractors, k), Atol);
        }
    }

    [Theory]
    [InlineData(new[] { 1 }, 9)]
    [InlineData(new[] { 1 }, 0)]
    [InlineData(new[] { 3 }, 9)]
    [InlineData(new[] { 1, 3, 3 }, 9)]
    [InlineData(new[] { 1, 2, 4, 4, 4 }, 7)]
    [InlineData(new[] { 5, 1, 1 }, 12)]
    public void The_median_rank_is_that_of_all_orders_of_a_random_query(int[] exemplars, int distractors)
    {
        // Every query counts alike, though its orders are more or fewer.
        var best = exemplars.SelectMany(n =>
        {
            var all = Placements(n, n + distractors).ToArray();
            return all.Select(ranks => (Rank: ranks[0], Weight: 1.0 / all.Length));
        }).ToArray();
        var expected = Enumerable.Range(1, distractors + exemplars.Max())
            .First(r => best.Where(b => b.Rank <= r).Sum(b => b.Weight) >= (exemplars.Length / 2.0) - 1e-9);
        Assert.Equal(expected, Chance.MedianRank(exemplars, distractors));
    }

    [Fact]
    public void Harmonic_numbers_are_continued_without_a_step()
    {
        // With one exemplar the expectation is H_T / T: summed out up to 256 candidates, a series beyond.
        foreach (var candidates in new[] { 255, 256, 257, 1000, 100_000 })
        {
            var harmonic = 0.0;
            for (var i = candidates; i >= 1; i--)
            {
                harmonic += 1.0 / i;
            }

            Assert.Equal(harmonic / candidates, Chance.AveragePrecision(1, candidates - 1), 1e-15);
        }
    }

    [Fact]
    public void A_simulation_at_the_size_of_the_paper_agrees()
    {
        // n exemplars among a million; the best rank and the AP of random orders.
        const int Draws = 20_000, N = 12, Distractors = 1_000_000;
        var random = new Random(1);
        var (precision, best) = (0.0, new long[Draws]);
        for (var draw = 0; draw < Draws; draw++)
        {
            var places = new SortedSet<long>();
            while (places.Count < N)
            {
                places.Add(random.NextInt64(Distractors + N) + 1);
            }

            best[draw] = places.Min;
            precision += RetrievalMetrics.AveragePrecision([.. places]) / Draws;
        }

        Array.Sort(best);
        Assert.Equal(1, precision / Chance.AveragePrecision(N, Distractors), 0.15);
        Assert.Equal(1, (double)best[Draws / 2] / Chance.MedianRank([N], Distractors), 0.03);
        Assert.Equal(10 / 1_000_012.0, Chance.Recall(N, Distractors, 10), 1e-18);
    }

    [Fact]
    public void Wrong_calls_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Chance.AveragePrecision(0, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Chance.Recall(1, -1, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Chance.Recall(1, 1, 0));
        Assert.ThrowsAny<InvalidOperationException>(() => Chance.MedianRank([], 5));
    }

    /// <summary>All sets of n ranks out of T, each ascending.</summary>
    private static IEnumerable<long[]> Placements(int n, int candidates, int first = 1)
    {
        if (n == 0)
        {
            return [[]];
        }

        return Enumerable.Range(first, candidates - first + 1 - (n - 1))
            .SelectMany(rank => Placements(n - 1, candidates, rank + 1).Select(rest => (long[])[rank, .. rest]));
    }
}
