using Whence.Mapping;
using Whence.Search;

namespace Whence.Tests.Search;

public sealed class LayoutVerificationTests : IDisposable
{
    private const int Rows = 2100, PartRows = 1500;

    // A header is checked by its meaning, not byte by byte: much of it is spaces.
    private const int NpyHeaderBytes = 128;

    private static readonly Mapper Mapper = new LinearMapper(3, 2, [1, 2, 3, 4, 5, 6], [1, -1]);
    private readonly TempFolder _temp = new();

    public LayoutVerificationTests()
    {
        ExactSearchTests.Write(_temp["index"], [.. Enumerable.Range(0, Rows).Select(i => new float[] { i % 7, i % 11, 1 })], PartRows);
        Search(null);
        Search(Mapper);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Sound_layouts_are_complete_and_no_damage()
    {
        Assert.Empty(Verify());
        Assert.Equal([(2, 2), (2, 2)], States().Select(s => (s.Parts, s.TotalParts)));
        Assert.All(States(), s => Assert.Equal(Directory.GetFiles(s.Folder).Sum(f => new FileInfo(f).Length), s.Bytes));
    }

    [Theory]
    [InlineData("part-00000.rows")]
    [InlineData("part-00001.rows")]
    [InlineData("part-00000.npy")]
    [InlineData("part-00001.npy")]
    public void Every_changed_byte_of_a_file_is_found(string name)
    {
        foreach (var path in Directory.GetFiles(_temp["index", "search"], name, SearchOption.AllDirectories))
        {
            var bytes = File.ReadAllBytes(path);
            for (var at = name.EndsWith(".npy", StringComparison.Ordinal) ? NpyHeaderBytes : 0; at < bytes.Length; at += bytes.Length / 60)
            {
                var damaged = (byte[])bytes.Clone();
                damaged[at] ^= 4;
                File.WriteAllBytes(path, damaged);
                AssertDamaged(path);
            }

            File.WriteAllBytes(path, bytes[..^1]);
            AssertDamaged(path);
            File.WriteAllBytes(path, []);
            AssertDamaged(path);
            File.WriteAllBytes(path, bytes);
        }
    }

    [Fact]
    public void A_damaged_file_is_deleted_and_its_part_made_again()
    {
        var paths = Directory.GetFiles(_temp["index", "search"], "part-00001.*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(["part-00001.rows", "part-00001.npy", "part-00001.rows"], paths.Select(Path.GetFileName));
        var before = Array.ConvertAll(paths, File.ReadAllBytes);
        File.WriteAllText(paths[0], "torn");
        File.WriteAllText(paths[1], "torn");

        Assert.Equal(2, IndexRepair.DeleteLayouts(Verify()));

        Assert.Empty(Verify());
        Assert.All(States(), s => Assert.Equal(1, s.Parts));
        Search(null);
        Search(Mapper);
        Assert.All(States(), s => Assert.True(s.IsComplete));
        Assert.Equal(before, Array.ConvertAll(paths, File.ReadAllBytes));
    }

    [Fact]
    public void A_layout_that_is_missing_or_stale_is_no_damage()
    {
        using (var writer = TestIndex.NewWriter(_temp["index"], 3, PartRows))
        {
            writer.Add(TestIndex.Row(5000), [1, 0, 0]);
            writer.Commit();
        }

        // Damage of what no search would take is none either.
        File.WriteAllText(States()[1].Folder + "/layout.json", "{}");
        File.WriteAllText(Directory.GetFiles(States()[1].Folder, "part-00000.rows").Single(), "torn");
        Assert.Empty(Verify());
        Assert.Equal([(2, 3), (0, 3)], States().Select(s => (s.Parts, s.TotalParts)));

        Directory.Delete(_temp["index", "search"], recursive: true);
        Assert.Empty(Verify());
        Assert.Empty(States());
    }

    [Fact]
    public void Only_folders_that_a_search_makes_are_layouts()
    {
        Directory.CreateDirectory(_temp["index", "search", "mapped-\u001b[31m"]);
        Directory.CreateDirectory(_temp["index", "search", "ann"]);
        Assert.Equal(2, States().Count);
    }

    private void AssertDamaged(string path)
    {
        var damaged = Assert.Single(Verify());
        Assert.True(damaged.IsLayout);
        Assert.False(damaged.IsFeatures);
        Assert.Equal(path, damaged.File);
        Assert.Contains($"'{path}': damaged", damaged.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("delete it, the next search makes it again.", damaged.ToString(), StringComparison.Ordinal);
    }

    private void Search(Mapper? mapper) => ExactSearch.Open(FeatureIndex.Open(_temp["index"]), new() { Mapper = mapper }).Dispose();

    private IReadOnlyList<LayoutState> States() => FeatureIndex.Open(_temp["index"]).FindLayouts();

    private IReadOnlyList<DamagedFile> Verify() =>
        IndexVerification.Verify(_temp["index"], cancellation: TestContext.Current.CancellationToken);
}
