using FsCheck;
using FsCheck.Xunit;
using Parquet;
using Parquet.Schema;
using Whence.Images;
using static Whence.Tests.Images.Shards;

namespace Whence.Tests.Images;

public class MetadataTableTests
{
    [Fact]
    public async Task Csv_json_lines_and_parquet_say_the_same()
    {
        using var folder = new TempFolder();
        Put(folder, "t.csv", "creator,File,caption,id\r\n\"Ann, \"\"A\"\"\",a.jpg,a cat,1\r\nBob,b/b.jpg,,\n");
        Put(folder, "t.tsv", "creator\tfile\tcaption\tid\n\"Ann, \"\"A\"\"\"\ta.jpg\ta cat\t1\nBob\tb/b.jpg\t\t\n");
        Put(folder, "t.jsonl", """
            {"creator": "Ann, \"A\"", "file": "a.jpg", "caption": "a cat", "id": 1}

            {"file": "b/b.jpg", "creator": "Bob", "id": null}
            """);
        await ParquetAsync(
            folder["t.parquet"],
            1,
            CompressionMethod.Snappy,
            [new DataField<string>("creator"), new DataField<string>("file"), new DataField<string>("caption"), new DataField<int?>("id")],
            new string?[] { "Ann, \"A\"", "Bob" },
            new string?[] { "a.jpg", "b/b.jpg" },
            new string?[] { "a cat", null },
            new int?[] { 1, null });
        foreach (var name in new[] { "t.csv", "t.tsv", "t.jsonl", "t.parquet" })
        {
            var table = await MetadataTable.LoadAsync(folder[name], TestContext.Current.CancellationToken);
            Assert.Equal((2, "creator,meta_id"), (table.Count, string.Join(',', table.Columns)));
            Assert.Equal(new Dictionary<string, string> { ["creator"] = "Ann, \"A\"", ["meta_id"] = "1" }, table.Find(Item("/x/a.jpg", "a.jpg")));
            Assert.Equal(new Dictionary<string, string> { ["creator"] = "Bob" }, table.Find(Item("/x/b/b.jpg", "b/b.jpg")));
            Assert.Equal("a cat", table.FindCaption(Item("/x/a.jpg", "a.jpg")));
            Assert.Null(table.FindCaption(Item("/x/b/b.jpg", "b/b.jpg")));
            Assert.Empty(table.Find(Item("/x/c.jpg", "c.jpg")));
        }
    }

    [Fact]
    public async Task Lookups_go_from_the_exact_to_the_loose()
    {
        using var folder = new TempFolder();
        var table = await LoadAsync(folder, "t.csv", "key,v\n/abs/d/a.jpg,source\nd/b.jpg,key\nd/c,stem\ne.jpg,name\nd/a.jpg,never\n");
        string[] keys = ["d/a.jpg", "d/b.jpg", "d/c.jpg", "d/e.jpg"];
        Assert.Equal(["source", "key", "stem", "name"], keys.Select(key => table.Find(Item("/abs/" + key, key))["v"]));
        Assert.Equal("stem", table.Find(Item("/abs/s.tar::d/c.jpg", "d/c"))["v"]);
    }

    [Theory]
    [InlineData("t.csv", "a,b\n1,2\n", "no column names the image")]
    [InlineData("t.csv", "\n", "holds no header")]
    [InlineData("t.csv", "key,a\nx,1\nx,2\n", "row 3 has the key \"x\" once more")]
    [InlineData("t.csv", "key,a\nx,1,2\n", "row 2 has 3 fields where the header has 2")]
    [InlineData("t.csv", "key,a\n,1\n", "row 2 has no key")]
    [InlineData("t.csv", "key,a,a\nx,1,2\n", "two columns would be stored as a")]
    [InlineData("t.csv", "key,id,meta_id\nx,1,2\n", "two columns would be stored as meta_id")]
    [InlineData("t.csv", "key,a\nx,\"1\"2\"3\n", "row 2")]
    [InlineData("t.jsonl", "{\"key\": \"x\"}\n{\"key\": ", "line 2: not valid JSON")]
    [InlineData("t.jsonl", "[1]", "line 1: a JSON object is expected")]
    [InlineData("t.jsonl", "{\"a\": 1}", "no column names the image")]
    [InlineData("t.jsonl", "{\"key\": \"a\"}\n{\"b\": \"a\"}", "row 2 has no key")]
    [InlineData("t.parquet", "PAR1 and then nothing PAR1", "not usable Parquet")]
    [InlineData("t.xlsx", "x", "a metadata table is a .csv")]
    [InlineData("t.csv", "", "is empty")]
    public async Task Bad_tables_are_refused_with_their_row(string name, string content, string message)
    {
        using var folder = new TempFolder();
        var error = await Assert.ThrowsAsync<WhenceException>(() => LoadAsync(folder, name, content));
        Assert.Contains(message, error.Message);
        Assert.Contains(folder[name], error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task Json_lines_with_ever_new_names_are_refused()
    {
        using var folder = new TempFolder();
        var lines = string.Join('\n', Enumerable.Range(0, 2000).Select(i => $$"""{"key": "{{i}}", "n{{i}}": 1}"""));
        Assert.Contains("more than 1000 different names", (await Assert.ThrowsAsync<WhenceException>(() => LoadAsync(folder, "t.jsonl", lines))).Message);
    }

    [Property(MaxTest = 300)]
    public async Task Mutated_tables_are_read_or_refused(DoNotSize<int> seed, bool csv)
    {
        using var folder = new TempFolder();
        var bytes = Bytes(csv ? "key,a,b\nx,\"1,\n\"\"2\",3\ny,4,5\n" : "{\"key\": \"x\", \"a\": [1, {}]}\n{\"key\": \"y\", \"b\": \"\\u00e4\"}\n");
        var path = folder[csv ? "t.csv" : "t.jsonl"];
        File.WriteAllBytes(path, Mutate(bytes, seed));
        try
        {
            await MetadataTable.LoadAsync(path, CancellationToken.None);
        }
        catch (WhenceException)
        {
        }
    }

    private static Task<MetadataTable> LoadAsync(TempFolder folder, string name, string content) =>
        MetadataTable.LoadAsync(Put(folder, name, content), TestContext.Current.CancellationToken);

    private static ImageItem Item(string source, string key) => new(source, key, _ => throw new NotSupportedException());
}
