using Parquet;
using Parquet.Schema;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

public class EmbeddingImportTests
{
    [Fact]
    public async Task A_clip_retrieval_folder_becomes_an_index_of_normalised_features()
    {
        using var temp = new TempFolder();
        for (var i = 0; i < 11; i++) // so that 10 must not sort before 2
        {
            await WritePairAsync(temp, i, rows: 3);
        }

        var result = await ImportAsync(temp);

        var index = FeatureIndex.Open(temp["index"]);
        var images = index.ReadMetadata().ToArray();
        Assert.Equal(new IndexProgress(33, 0, 0), result);
        Assert.True(index.Manifest.Normalized);
        Assert.Equal(Enumerable.Range(0, 33).Select(i => $"img/{i / 3}/{i % 3}.jpg"), images.Select(i => i.Source));
        Assert.Equal(("caption 1", "0.5"), (images[4].Caption, images[4].Extra["similarity"]));
        Assert.Equal("7", images[4].Extra["meta_id"]); // a name of the index's own
        Assert.Equal([10f, 2f, 1f], index.ReadFeatures([32]).Row(0).ToArray());
    }

    [Fact]
    public async Task A_mapper_on_normalised_features_is_refused_with_the_reason()
    {
        using var temp = new TempFolder();
        await WritePairAsync(temp, 0, rows: 3);
        await ImportAsync(temp);
        var error = Assert.Throws<WhenceException>(() =>
            ExactSearch.Open(FeatureIndex.Open(temp["index"]), new() { Mapper = new ChannelMapper([1, 1, 1]) }));
        Assert.Contains("normalised", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Importing_again_adds_only_what_is_new()
    {
        using var temp = new TempFolder();
        await WritePairAsync(temp, 0, rows: 3);
        await ImportAsync(temp);
        await WritePairAsync(temp, 1, rows: 2);
        Assert.Equal(new IndexProgress(2, 0, 3), await ImportAsync(temp));
        Assert.Equal(5, FeatureIndex.Open(temp["index"]).Count);
    }

    [Fact]
    public async Task Files_that_do_not_belong_together_are_named()
    {
        using var temp = new TempFolder();
        await WritePairAsync(temp, 0, rows: 3);
        await WritePairAsync(temp, 1, rows: 2);
        File.Copy(temp["source", "img_emb_0.npy"], temp["source", "img_emb_1.npy"], overwrite: true);
        Assert.Contains("img_emb_1.npy", (await Assert.ThrowsAsync<WhenceException>(() => ImportAsync(temp))).Message, StringComparison.Ordinal);

        File.Delete(temp["source", "img_emb_1.npy"]);
        Assert.Contains("1 img_emb", (await Assert.ThrowsAsync<WhenceException>(() => ImportAsync(temp))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_authors_features_become_an_index_of_raw_features()
    {
        using var temp = new TempFolder();
        var folder = SharedData.Get("reference", "evaluation");
        using var expected = SafetensorsFile.Open(Path.Combine(folder, "features.safetensors"));

        var result = EmbeddingImport.FromFeatures(Path.Combine(folder, "laion_subset.pth"), temp["index"], new() { Type = ElementType.F32, PartSize = 1500 });

        var index = FeatureIndex.Open(temp["index"]);
        Assert.Equal(4000, result.Indexed);
        Assert.Equal([1500, 1500, 1000], index.Manifest.Parts.Select(p => p.Rows));
        Assert.False(index.Manifest.Normalized);
        Assert.Equal(expected.ReadMatrix("laion").Row(2999).ToArray(), index.ReadFeatures([2999]).Row(0).ToArray());
    }

    [Fact]
    public void Features_without_names_are_called_after_their_place()
    {
        using var temp = new TempFolder();
        SafetensorsFile.Write(temp["x.safetensors"], [TensorData.FromSingle("feats", [1, 2, 1, 2], 2, 2)]);
        Assert.Equal(2, EmbeddingImport.FromFeatures(temp["x.safetensors"], temp["index"], new()).Indexed);
        Assert.Equal([temp["x.safetensors"] + "::0", temp["x.safetensors"] + "::1"], FeatureIndex.Open(temp["index"]).ReadMetadata().Select(i => i.Source));
    }

    [Fact]
    public void Features_of_another_dimension_than_the_named_encoder_are_refused()
    {
        using var temp = new TempFolder();
        using var encoder = new PatchEncoder();
        var file = Path.Combine(SharedData.Get("reference", "evaluation"), "laion_subset.pth");
        Assert.Throws<WhenceException>(() => EmbeddingImport.FromFeatures(file, temp["index"], new() { Encoder = encoder.Spec }));
    }

    private static Task<IndexProgress> ImportAsync(TempFolder temp) => EmbeddingImport.FromClipRetrievalAsync(
        temp["source"], temp["index"], new() { PartSize = 4 }, cancellation: TestContext.Current.CancellationToken);

    private static async Task WritePairAsync(TempFolder temp, int number, int rows)
    {
        Directory.CreateDirectory(temp["source"]);
        await using (var npy = File.Create(temp["source", $"img_emb_{number}.npy"]))
        {
            NpyFile.Write(npy, Enumerable.Range(0, rows).SelectMany(r => new[] { (Half)number, (Half)r, (Half)1 }).ToArray(), 3);
        }

        var fields = new DataField[] { new DataField<string>("image_path"), new DataField<string>("caption"), new DataField<double>("similarity"), new DataField<int>("id") };
        await using var file = File.Create(temp["source", $"metadata_{number}.parquet"]);
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), file);
        using var group = writer.CreateRowGroup();
        await group.WriteAsync(fields[0], Enumerable.Range(0, rows).Select(r => $"img/{number}/{r}.jpg").ToArray());
        await group.WriteAsync(fields[1], Enumerable.Range(0, rows).Select(r => $"caption {r}").ToArray());
        await group.WriteAsync<double>(fields[2], Enumerable.Repeat(0.5, rows).ToArray());
        await group.WriteAsync<int>(fields[3], Enumerable.Repeat(7, rows).ToArray());
    }
}
