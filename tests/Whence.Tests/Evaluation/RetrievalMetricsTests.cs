using FsCheck.Xunit;
using Whence.Evaluation;

namespace Whence.Tests.Evaluation;

public class RetrievalMetricsTests
{
    private const double Atol = 1e-12;

    [Property]
    public bool Metrics_equal_their_definition_on_the_whole_ranking(int seed, byte n, ushort others, byte k)
    {
        // The twin walks over every candidate in order, relevant or not.
        var relevant = Shuffled(new Random(seed), 1 + (n % 40), others % 3000);
        long[] ranks = [.. relevant.Index().Where(c => c.Item).Select(c => c.Index + 1L)];
        var (found, precision) = (0, 0.0);
        for (var i = 0; i < relevant.Length; i++)
        {
            if (relevant[i])
            {
                precision += ++found / (i + 1.0);
            }
        }

        var hits = relevant.Take(1 + k).Count(r => r);
        return Math.Abs(RetrievalMetrics.AveragePrecision(ranks) - (precision / ranks.Length)) < Atol
            && RetrievalMetrics.Recall(ranks, 1 + k) == (double)hits / ranks.Length
            && RetrievalMetrics.NormalizedRecall(ranks, 1 + k) == (double)hits / Math.Min(1 + k, ranks.Length);
    }

    [Property]
    public bool Metrics_keep_their_bounds(int seed, byte n, ushort others, byte k)
    {
        long[] ranks = [.. Shuffled(new Random(seed), 1 + (n % 40), others % 3000).Index().Where(c => c.Item).Select(c => c.Index + 1L)];
        var recall = RetrievalMetrics.Recall(ranks, 1 + k);
        return RetrievalMetrics.AveragePrecision(ranks) is > 0 and <= 1 + Atol
            && recall >= 0 && recall <= RetrievalMetrics.RecallCeiling(ranks.Length, 1 + k)
            && recall <= RetrievalMetrics.Recall(ranks, 2 + k)
            && RetrievalMetrics.NormalizedRecall(ranks, 1 + k) is >= 0 and <= 1
            && Math.Abs((RetrievalMetrics.NormalizedRecall(ranks, 1 + k) * RetrievalMetrics.RecallCeiling(ranks.Length, 1 + k)) - recall) < Atol;
    }

    [Property]
    public bool An_exemplar_that_moves_forward_never_costs(int seed, byte n, byte k)
    {
        var random = new Random(seed);
        long[] ranks = [.. Shuffled(random, 2 + (n % 40), 500).Index().Where(c => c.Item).Select(c => c.Index + 1L)];
        var (place, better) = (random.Next(ranks.Length), ranks.ToArray());
        if (ranks[place] == (place == 0 ? 1 : ranks[place - 1] + 1))
        {
            return true; // nothing to pass
        }

        better[place]--;
        return RetrievalMetrics.AveragePrecision(better) > RetrievalMetrics.AveragePrecision(ranks)
            && RetrievalMetrics.Recall(better, 1 + k) >= RetrievalMetrics.Recall(ranks, 1 + k);
    }

    [Fact]
    public void What_stands_in_front_is_worth_all()
    {
        Assert.Equal(1, RetrievalMetrics.AveragePrecision([1, 2, 3]));
        Assert.Equal(((1 / 2.0) + (2 / 4.0)) / 2, RetrievalMetrics.AveragePrecision([2, 4]));
        Assert.Equal(2 / 3.0, RetrievalMetrics.Recall([1, 2, 3], 2));
        Assert.Equal(1, RetrievalMetrics.NormalizedRecall([1, 2, 3], 2));
        Assert.Equal(2 / 3.0, RetrievalMetrics.RecallCeiling(3, 2));
        Assert.Equal(1, RetrievalMetrics.RecallCeiling(3, 10));
    }

    [Fact]
    public void Wrong_calls_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RetrievalMetrics.AveragePrecision([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RetrievalMetrics.Recall([], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RetrievalMetrics.Recall([1], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => RetrievalMetrics.NormalizedRecall([1], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => RetrievalMetrics.RecallCeiling(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RetrievalMetrics.RecallCeiling(1, 0));
    }

    private static bool[] Shuffled(Random random, int relevant, int others)
    {
        bool[] candidates = [.. Enumerable.Range(0, relevant + others).Select(i => i < relevant)];
        random.Shuffle(candidates);
        return candidates;
    }
}
