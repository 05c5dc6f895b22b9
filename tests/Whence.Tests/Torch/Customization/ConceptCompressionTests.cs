using FsCheck.Xunit;
using Whence.Torch.Customization;

namespace Whence.Tests.Torch.Customization;

public sealed class ConceptCompressionTests
{
    private const string Key = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight";
    private const string Bias = "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0.bias";
    private const float Atol = 2e-5f;

    [Property(MaxTest = 30)]
    public void A_difference_of_low_rank_is_kept_whole(int seed, byte rows, byte columns, byte rank)
    {
        var random = new Random(seed);
        var (m, n) = (2 + (rows % 12), 2 + (columns % 12));
        var r = 1 + (rank % Math.Min(m, n));
        var (start, concept) = Moved(random, m, n, r);
        var compressed = ConceptCompression.Compress(concept, _ => start, r, energy: null);
        Assert.Equal(r, compressed.Weights[Key].Rank);
        var (whole, again) = (concept.Weights[Key].Values.ToArray(), compressed.Weights[Key].Over(start));
        Assert.All(whole.Zip(again), pair => Assert.InRange(pair.Second, pair.First - Atol, pair.First + Atol));
    }

    [Property(MaxTest = 30)]
    public void As_many_ranks_are_kept_as_the_share_of_squares_needs(int seed, byte share)
    {
        var energy = (1 + (share % 99)) / 100.0;
        var (start, concept) = Moved(new Random(seed), 9, 7, 7);
        var (whole, from) = (concept.Weights[Key].Values.ToArray(), start);
        var kept = ConceptCompression.Compress(concept, _ => start, rank: null, energy).Weights[Key];
        Assert.True(Lost(kept.Over(from)) <= (1 - energy + 1e-4) * Lost(from));
        if (kept.Rank > 1)
        {
            var fewer = ConceptCompression.Compress(concept, _ => start, kept.Rank - 1, energy: null).Weights[Key];
            Assert.True(Lost(fewer.Over(from)) >= (1 - energy - 1e-4) * Lost(from));
        }

        double Lost(float[] values) => whole.Zip(values).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
    }

    [Fact]
    public void Biases_and_tokens_stay_and_nothing_is_of_rank_one()
    {
        var concept = new ConceptWeights(
            new Dictionary<string, ConceptWeight> { [Key] = ConceptWeight.Whole([1, 2, 3, 4], 2, 2), [Bias] = ConceptWeight.Whole([5, 6], 2) },
            [new ConceptToken("<new1>", [1, 2])]);
        var compressed = ConceptCompression.Compress(concept, _ => [1, 2, 3, 4], rank: null, energy: 0.5);
        Assert.Equal(1, compressed.Weights[Key].Rank);
        Assert.Equal([1, 2, 3, 4], compressed.Weights[Key].Over([1, 2, 3, 4]));
        Assert.Equal([5, 6], compressed.Weights[Bias].Values.ToArray());
        Assert.Same(concept.Tokens, compressed.Tokens);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData(null, 0.0)]
    [InlineData(null, 1.5)]
    [InlineData(0, 0.5)]
    public void How_much_is_kept_must_make_sense(int? rank, double? energy) => Assert.Throws<ArgumentOutOfRangeException>(
        () => ConceptCompression.Compress(new(new Dictionary<string, ConceptWeight>(), []), _ => [], rank, energy));

    [Fact]
    public void No_tensor_is_left()
    {
        var (start, concept) = Moved(new Random(1), 9, 7, 3);
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        ConceptCompression.Compress(concept, _ => start, 2, energy: null);
        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static (float[] Base, ConceptWeights Concept) Moved(Random random, int rows, int columns, int rank)
    {
        var start = Values(random, rows * columns);
        var (left, right) = (Values(random, rows * rank), Values(random, rank * columns));
        var moved = start.ToArray();
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                for (var k = 0; k < rank; k++)
                {
                    moved[(i * columns) + j] += left[(i * rank) + k] * right[(k * columns) + j];
                }
            }
        }

        return (start, new ConceptWeights(new Dictionary<string, ConceptWeight> { [Key] = ConceptWeight.Whole(moved, rows, columns) }, []));
    }

    private static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];
}
