using Whence.Search;

namespace Whence.Tests.Search;

public class IndexRemovalTests
{
    [Fact]
    public void Removes_by_id_source_key_and_glob()
    {
        using var temp = new TempFolder();
        FeatureIndexTests.Fill(temp["index"], 12);

        var removed = IndexRemoval.Remove(temp["index"], [0], ["/images/00003.png", "00004", "/images/*1*.png"]);

        Assert.Equal(6, removed);
        Assert.Equal([0, 1, 3, 4, 10, 11], FeatureIndex.Open(temp["index"]).Removed.Order().Select(i => (int)i));
    }

    [Fact]
    public void A_key_that_looks_like_a_number_is_a_key()
    {
        using var temp = new TempFolder();
        using (var writer = TestIndex.NewWriter(temp["index"], 1, partSize: 5))
        {
            foreach (var key in new[] { "7", "000000001", "x", "y" })
            {
                writer.Add(TestIndex.Row(0) with { Source = $"/images/{key}.png", Key = key, Sha256 = key }, [1]);
            }

            writer.Commit();
        }

        Assert.Equal([0], Find("7")); // a key before it is an id
        Assert.Equal([1], Find("000000001"));
        Assert.Equal([3], Find("3")); // nobody's key
        Assert.Empty(Find("03"));
        Assert.Empty(Find("4"));
        Assert.Equal([2], Find("sha256:x"));

        IReadOnlyList<long> Find(string name) => ImageNames.Find(FeatureIndex.Open(temp["index"]), [name])[name];
    }

    [Fact]
    public void A_lost_list_of_removals_is_noticed()
    {
        using var temp = new TempFolder();
        FeatureIndexTests.Fill(temp["index"], 12);
        IndexRemoval.Remove(temp["index"], [7], []);
        File.Delete(temp["index", "removed.parquet"]);
        Assert.Contains("removed.parquet", Assert.Throws<WhenceException>(() => FeatureIndex.Open(temp["index"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Removing_twice_counts_once()
    {
        using var temp = new TempFolder();
        FeatureIndexTests.Fill(temp["index"], 12);
        Assert.Equal(1, IndexRemoval.Remove(temp["index"], [7], []));
        Assert.Equal(1, IndexRemoval.Remove(temp["index"], [7, 8], []));
    }

    [Fact]
    public void What_is_not_there_is_an_error_and_nothing_is_removed()
    {
        using var temp = new TempFolder();
        FeatureIndexTests.Fill(temp["index"], 12);
        Assert.Throws<WhenceException>(() => IndexRemoval.Remove(temp["index"], [3, 12], []));
        Assert.Throws<WhenceException>(() => IndexRemoval.Remove(temp["index"], [3], ["nobody"]));
        Assert.Empty(FeatureIndex.Open(temp["index"]).Removed);
    }

    [Fact]
    public void A_torn_temporary_file_of_a_crash_changes_nothing()
    {
        using var temp = new TempFolder();
        FeatureIndexTests.Fill(temp["index"], 12);
        IndexRemoval.Remove(temp["index"], [7], []);
        File.WriteAllText(temp["index", "removed.parquet.whence-tmp"], "torn");
        Assert.Equal([7], FeatureIndex.Open(temp["index"]).Removed);
        IndexRemoval.Remove(temp["index"], [8], []);
        Assert.Equal([7, 8], FeatureIndex.Open(temp["index"]).Removed.Order());
    }

    [Fact]
    public void A_damaged_list_of_removals_never_brings_an_image_back_silently()
    {
        using var temp = new TempFolder();
        FeatureIndexTests.Fill(temp["index"], 12);
        File.WriteAllText(temp["index", "removed.parquet"], "torn");
        Assert.Throws<WhenceException>(() => FeatureIndex.Open(temp["index"]));
    }
}
