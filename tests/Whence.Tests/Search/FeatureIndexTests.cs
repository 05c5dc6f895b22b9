using System.Text.Json.Nodes;
using Whence.Search;

namespace Whence.Tests.Search;

public class FeatureIndexTests
{
    [Fact]
    public void Metadata_survives_writing_and_reading()
    {
        using var temp = new TempFolder();
        Fill(temp["index"], 12);
        var rows = FeatureIndex.Open(temp["index"]).ReadMetadata().ToArray();
        for (var i = 0; i < 12; i++)
        {
            var expected = TestIndex.Row(i, Extra(i)) with { Id = i };
            Assert.Equal(expected with { Extra = rows[i].Extra }, rows[i]);
            Assert.Equal(expected.Extra, rows[i].Extra);
        }
    }

    [Fact]
    public void Features_are_found_by_id_in_the_order_asked()
    {
        using var temp = new TempFolder();
        Fill(temp["index"], 12);
        var features = FeatureIndex.Open(temp["index"]).ReadFeatures([11, 0, 5]);
        Assert.Equal([11f, 0f, 5f], Enumerable.Range(0, 3).Select(i => features.Row(i)[0]));
    }

    [Fact]
    public void Every_id_has_its_part()
    {
        using var temp = new TempFolder();
        Fill(temp["index"], 12);
        var index = FeatureIndex.Open(temp["index"]);
        Assert.Equal(Enumerable.Range(0, 12).Select(i => i / 5), Enumerable.Range(0, 12).Select(i => index.PartOf(i).Number));
        Assert.Throws<ArgumentOutOfRangeException>(() => index.PartOf(12));
    }

    [Theory]
    [InlineData("missing", "no such folder")]
    [InlineData("", "no index")]
    public void A_folder_that_is_no_index_says_so(string name, string message)
    {
        using var temp = new TempFolder();
        Assert.Contains(message, Assert.Throws<WhenceException>(() => FeatureIndex.Open(temp[name])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_newer_format_asks_for_an_update()
    {
        using var temp = new TempFolder();
        Fill(temp["index"], 3);
        Edit(temp["index"], manifest => manifest["version"] = 2);
        Assert.Contains("update Whence", Assert.Throws<WhenceException>(() => FeatureIndex.Open(temp["index"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("format", "\"something\"")]
    [InlineData("dimension", "0")]
    [InlineData("dimension", "\"x\"")]
    [InlineData("type", "\"i64\"")]
    [InlineData("parts", "null")]
    [InlineData("parts", "[{\"number\":0,\"firstId\":5,\"rows\":3,\"featuresSha256\":\"\",\"metadataSha256\":\"\"}]")]
    [InlineData("parts", "[null]")]
    [InlineData("surprise", "1")]
    [InlineData("encoder", "null")]
    public void A_damaged_manifest_is_told_in_one_line(string property, string value)
    {
        using var temp = new TempFolder();
        Fill(temp["index"], 3);
        Edit(temp["index"], manifest => manifest[property] = JsonNode.Parse(value));
        var message = Assert.Throws<WhenceException>(() => FeatureIndex.Open(temp["index"])).Message;
        Assert.Contains("damaged", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Verify_finds_every_changed_byte()
    {
        using var temp = new TempFolder();
        Fill(temp["index"], 12);
        Assert.Empty(IndexVerification.Verify(temp["index"], cancellation: TestContext.Current.CancellationToken));
        foreach (var file in new[] { "features/part-00001.npy", "metadata/part-00002.parquet" })
        {
            var bytes = File.ReadAllBytes(temp["index", file]);
            bytes[^1] ^= 1;
            File.WriteAllBytes(temp["index", file], bytes);
        }

        File.Delete(temp["index", "features/part-00000.npy"]);
        var problems = IndexVerification.Verify(temp["index"], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(3, problems.Count);
        Assert.Contains(problems, p => p.File.Contains("part-00000.npy", StringComparison.Ordinal) && p.ToString().Contains("ids 0 to 4", StringComparison.Ordinal));
    }

    [Fact]
    public void A_features_file_of_another_size_is_refused()
    {
        using var temp = new TempFolder();
        Fill(temp["index"], 12);
        File.Copy(temp["index", "features/part-00002.npy"], temp["index", "features/part-00000.npy"], overwrite: true);
        var index = FeatureIndex.Open(temp["index"]);
        Assert.Contains("verify", Assert.Throws<WhenceException>(() => index.OpenFeatures(index.Manifest.Parts[0])).Message, StringComparison.Ordinal);
    }

    internal static void Fill(string folder, int count)
    {
        using var writer = TestIndex.NewWriter(folder, 3, partSize: 5);
        for (var i = 0; i < count; i++)
        {
            writer.Add(TestIndex.Row(i, Extra(i)), [i, 1, -i]);
        }

        writer.Commit();
    }

    // Columns come and go from part to part.
    private static Dictionary<string, string> Extra(int i) => i switch
    {
        < 3 => [],
        < 8 => new() { ["creator"] = $"artist {i % 2}" },
        _ => new() { ["licence"] = "CC0" },
    };

    private static void Edit(string folder, Action<JsonObject> edit)
    {
        var path = Path.Combine(folder, "whence.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(manifest);
        File.WriteAllText(path, manifest.ToJsonString());
    }
}
