using Whence.Evaluation;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Evaluation;

public class DistractorIndexTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("laion_subset.pth")]
    [InlineData("features.safetensors")]
    public void A_features_file_becomes_an_index_of_the_same_numbers(string name)
    {
        using var plain = FeatureFile.Open(SharedData.Get("reference", "evaluation", "features.safetensors"));
        using var opened = DistractorIndex.Open(SharedData.Get("reference", "evaluation", name), cancellation: Cancellation);
        AssertSame(plain, opened.Index, ElementType.F32);
        var folder = opened.Index.Folder;
        opened.Dispose();
        Assert.False(Directory.Exists(folder));
        Assert.False(Directory.Exists(Path.GetDirectoryName(folder)));
    }

    [Fact]
    public void Half_precision_stays_half_precision_and_rows_of_one_name_stay_apart()
    {
        using var temp = new TempFolder();
        Half[] values = [(Half)1, (Half)2, (Half)3, (Half)4, (Half)1, (Half)2];
        SafetensorsFile.Write(temp["h.safetensors"], [TensorData.FromHalf("feats", values, 3, 2)]);
        using var file = FeatureFile.Open(temp["h.safetensors"]);
        using var opened = DistractorIndex.Open(temp["h.safetensors"], cancellation: Cancellation);
        AssertSame(file, opened.Index, ElementType.F16);
    }

    [Fact]
    public void An_index_is_taken_as_it_is_and_stays()
    {
        using var temp = new TempFolder();
        SlowEvaluation.Index(temp["index"], [[1, 2]], 2);
        using (var opened = DistractorIndex.Open(temp["index"], cancellation: Cancellation))
        {
            Assert.Equal(temp["index"], opened.Index.Folder);
        }

        Assert.Equal(1, FeatureIndex.Open(temp["index"]).Count);
    }

    [Fact]
    public void A_kept_index_is_found_again_and_other_features_get_their_own()
    {
        using var temp = new TempFolder();
        Write(temp["a.safetensors"], ("feats", 5, 1), ("other", 5, 2));
        var (told, first) = (0, "");
        using (var opened = DistractorIndex.Open(temp["a.safetensors"], temp["kept"], new Listener<LayoutProgress>(_ => told++), Cancellation))
        {
            first = opened.Index.Folder;
        }

        Assert.Equal(1, told);
        using (var again = DistractorIndex.Open(temp["a.safetensors"], temp["kept"], new Listener<LayoutProgress>(_ => told++), Cancellation))
        {
            Assert.Equal((first, 1), (again.Index.Folder, told));
        }

        File.Move(temp["a.safetensors"], temp["b.safetensors"]); // what it is called does not matter
        using (var moved = DistractorIndex.Open(temp["b.safetensors"], temp["kept"], cancellation: Cancellation))
        {
            Assert.Equal(first, moved.Index.Folder);
        }

        using (var other = DistractorIndex.Open(temp["b.safetensors"] + "::other", temp["kept"], cancellation: Cancellation))
        {
            Assert.NotEqual(first, other.Index.Folder);
            Assert.Equal([2, 2], other.Index.ReadFeatures([0]).Row(0).ToArray());
        }

        Write(temp["b.safetensors"], ("feats", 6, 1));
        using var changed = DistractorIndex.Open(temp["b.safetensors"], temp["kept"], cancellation: Cancellation);
        Assert.NotEqual(first, changed.Index.Folder);
    }

    [Fact]
    public void An_interrupted_index_goes_on_where_it_is_kept()
    {
        const int Rows = 40_000; // parts of 16,384
        using var temp = new TempFolder();
        Write(temp["a.safetensors"], ("feats", Rows, 0));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        Assert.ThrowsAny<OperationCanceledException>(() =>
            DistractorIndex.Open(temp["a.safetensors"], temp["kept"], new Listener<LayoutProgress>(_ => stop.Cancel()), stop.Token));
        var kept = FeatureIndex.Open(Assert.Single(Directory.GetDirectories(temp["kept"])));
        Assert.Equal(16_384, kept.Count);

        var first = 0L;
        using var opened = DistractorIndex.Open(temp["a.safetensors"], temp["kept"], new Listener<LayoutProgress>(p => first = first == 0 ? p.Done : first), Cancellation);
        Assert.Equal(2 * 16_384, first);
        using var file = FeatureFile.Open(temp["a.safetensors"]);
        AssertSame(file, opened.Index, ElementType.F32);
    }

    [Fact]
    public void Parts_are_made_in_order_so_that_an_interruption_costs_two_at_most()
    {
        const int Rows = 12 * 16_384;
        using var temp = new TempFolder();
        Write(temp["a.safetensors"], ("feats", Rows, 0));
        var (ahead, told) = (0, 0);
        using var opened = DistractorIndex.Open(temp["a.safetensors"], temp["kept"], new Listener<LayoutProgress>(p =>
        {
            var written = Directory.GetFiles(Path.Combine(Assert.Single(Directory.GetDirectories(temp["kept"])), "features"), "*.npy").Length;
            (ahead, told) = (Math.Max(ahead, written - (int)(p.Done / 16_384)), told + 1);
        }), Cancellation);
        Assert.Equal(12, told);
        Assert.InRange(ahead, 0, 2);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_feature_that_is_no_number_is_named(float bad)
    {
        using var temp = new TempFolder();
        SafetensorsFile.Write(temp["a.safetensors"], [TensorData.FromSingle("feats", [1, 2, 3, 4, 5, bad], 3, 2)]);
        var message = Assert.Throws<WhenceException>(() => DistractorIndex.Open(temp["a.safetensors"], cancellation: Cancellation)).Message;
        Assert.Contains("a.safetensors': row 2 holds", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Temporary_indexes_that_are_made_at_once_leave_each_other_alone()
    {
        using var temp = new TempFolder();
        Write(temp["a.safetensors"], ("feats", 3, 1));
        var workers = Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < 40; i++)
                {
                    using var opened = DistractorIndex.Open(temp["a.safetensors"], cancellation: Cancellation);
                    Assert.Equal(3, FeatureIndex.Open(opened.Index.Folder).Count);
                }
            },
            Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        await Task.WhenAll(workers);
    }

    [Fact]
    public void What_is_missing_or_no_features_is_refused()
    {
        using var temp = new TempFolder();
        Directory.CreateDirectory(temp["empty"]);
        Assert.Contains("no index", Assert.Throws<WhenceException>(() => DistractorIndex.Open(temp["empty"])).Message, StringComparison.Ordinal);
        Assert.Contains("does not exist", Assert.Throws<WhenceException>(() => DistractorIndex.Open(temp["nothing.npy"])).Message, StringComparison.Ordinal);
        File.WriteAllText(temp["text.npy"], "no features at all");
        Assert.Throws<WhenceException>(() => DistractorIndex.Open(temp["text.npy"]));
    }

    // Half of the numbers tell rows apart.
    private static void Write(string path, params (string Name, int Rows, float Value)[] matrices) => SafetensorsFile.Write(path, [.. matrices.Select(m =>
        TensorData.FromSingle(m.Name, [.. Enumerable.Range(0, m.Rows).SelectMany(i => (float[])[m.Value, m.Value == 0 ? i : m.Value])], m.Rows, 2))]);

    private static void AssertSame(FeatureFile file, FeatureIndex index, ElementType type)
    {
        Assert.Equal((file.Rows, file.Columns, type), (index.Count, index.Manifest.Dimension, index.Manifest.Type));
        var rows = new float[file.Rows * file.Columns];
        file.ReadRows(0, rows);
        Assert.Equal(rows, index.ReadFeatures([.. Enumerable.Range(0, (int)file.Rows).Select(i => (long)i)]).Span.ToArray());
    }
}
