using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

public class ExactSearchTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void Equals_brute_force_with_any_number_of_threads(int threads)
    {
        using var temp = new TempFolder();
        var (index, rows) = BuildIndex(temp["index"], count: 2500, dimension: 37, partSize: 1100);
        var queries = new FeatureMatrix(2, 37, [.. Normalized(rows[7]), .. Normalized(rows[2400])]);

        var similarities = new ExactSearch(index, null, threads).Similarities(queries);

        for (var q = 0; q < 2; q++)
        {
            for (var i = 0; i < rows.Length; i++)
            {
                Assert.Equal((float)DotProduct.Of(Normalized(rows[i]), queries.Row(q)), similarities[q][i]);
            }
        }
    }

    [Fact]
    public void Equal_rows_get_equal_similarities_and_the_smaller_id_comes_first()
    {
        using var temp = new TempFolder();
        var (index, rows) = BuildIndex(temp["index"], count: 60, dimension: 20, partSize: 7, duplicateEvery: 10);
        var similarities = new ExactSearch(index, null, 3).Similarities(new FeatureMatrix(1, 20, Normalized(rows[0])))[0];

        Assert.Equal([0, 10, 20, 30, 40, 50], TopK.Select(similarities, 6).Select(t => (int)t.Id));
        Assert.Equal(1, similarities[10], 6);
    }

    [Fact]
    public void Removed_rows_are_not_a_number()
    {
        using var temp = new TempFolder();
        var (_, rows) = BuildIndex(temp["index"], count: 20, dimension: 5, partSize: 6);
        IndexRemoval.Remove(temp["index"], [3, 19], []);

        var similarities = new ExactSearch(FeatureIndex.Open(temp["index"]), null, 2)
            .Similarities(new FeatureMatrix(1, 5, Normalized(rows[3])))[0];

        Assert.Equal([3, 19], Enumerable.Range(0, 20).Where(i => float.IsNaN(similarities[i])));
    }

    [Fact]
    public void A_zero_row_is_similar_to_nothing()
    {
        using var temp = new TempFolder();
        using (var writer = TestIndex.NewWriter(temp["index"], 4, partSize: 10))
        {
            writer.Add(TestIndex.Row(0), [0, 0, 0, 0]);
            writer.Commit();
        }

        Assert.Equal(0, new ExactSearch(FeatureIndex.Open(temp["index"]), null, 1).Similarities(new FeatureMatrix(1, 4, [1, 0, 0, 0]))[0][0]);
    }

    [Fact]
    public void An_empty_index_gives_empty_answers()
    {
        using var temp = new TempFolder();
        TestIndex.NewWriter(temp["index"], 4, partSize: 10).Dispose();
        Assert.Empty(new ExactSearch(FeatureIndex.Open(temp["index"]), null, 1).Similarities(new FeatureMatrix(1, 4, [1, 0, 0, 0]))[0]);
    }

    private static (FeatureIndex Index, float[][] Rows) BuildIndex(string folder, int count, int dimension, int partSize, int duplicateEvery = int.MaxValue)
    {
        var random = new Random(5);
        var rows = new float[count][];
        using (var writer = TestIndex.NewWriter(folder, dimension, partSize))
        {
            for (var i = 0; i < count; i++)
            {
                rows[i] = i % duplicateEvery == 0 && i > 0
                    ? rows[0]
                    : Enumerable.Range(0, dimension).Select(_ => (float)(Half)((random.NextSingle() * 4) - 2)).ToArray();
                writer.Add(TestIndex.Row(i), rows[i]);
            }

            writer.Commit();
        }

        return (FeatureIndex.Open(folder), rows);
    }

    private static float[] Normalized(float[] row)
    {
        var copy = (float[])row.Clone();
        Normalization.NormalizeRow(copy);
        return copy;
    }
}
