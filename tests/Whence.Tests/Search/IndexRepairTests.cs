using Whence.Images;
using Whence.Search;

namespace Whence.Tests.Search;

public sealed class IndexRepairTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly PatchEncoder _encoder = new();

    public IndexRepairTests()
    {
        TestImages.WriteFolder(_temp["photos"], 25);
        new IndexBuilder(_temp["index"], _encoder, new() { PartSize = 10 }).BuildAsync([_temp["photos"]]).GetAwaiter().GetResult();
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Damaged_features_are_made_again_byte_for_byte()
    {
        var before = File.ReadAllBytes(_temp["index", "features/part-00001.npy"]);
        File.WriteAllText(_temp["index", "features/part-00001.npy"], "torn");
        File.Delete(_temp["index", "features/part-00002.npy"]);

        Assert.Equal(2, await RebuildAsync());

        Assert.Empty(Verify());
        Assert.Equal(before, File.ReadAllBytes(_temp["index", "features/part-00001.npy"]));
    }

    [Fact]
    public async Task An_image_that_was_taken_out_is_not_needed()
    {
        IndexRemoval.Remove(_temp["index"], [3], []);
        File.Delete(_temp["photos", "00003.png"]);
        File.WriteAllText(_temp["index", "features/part-00000.npy"], "torn");

        Assert.Equal(1, await RebuildAsync());

        Assert.Empty(Verify());
        Assert.All(FeatureIndex.Open(_temp["index"]).ReadFeatures([3]).Row(0).ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public async Task Damaged_metadata_stays_reported()
    {
        File.WriteAllText(_temp["index", "metadata/part-00001.parquet"], "torn");
        Assert.Equal(0, await RebuildAsync());
        Assert.False(Assert.Single(Verify()).IsFeatures);
    }

    [Fact]
    public async Task An_image_that_has_changed_is_not_taken_for_the_old_one()
    {
        File.WriteAllText(_temp["index", "features/part-00000.npy"], "torn");
        File.WriteAllBytes(_temp["photos", "00003.png"], TestImages.Png(99));
        Assert.Contains("00003.png", (await Assert.ThrowsAsync<WhenceException>(RebuildAsync)).Message, StringComparison.Ordinal);
    }

    private Task<int> RebuildAsync() =>
        IndexRepair.RebuildAsync(_temp["index"], Verify(), _encoder, DecodeLimits.Default, TestContext.Current.CancellationToken);

    private IReadOnlyList<DamagedFile> Verify() =>
        IndexVerification.Verify(_temp["index"], cancellation: TestContext.Current.CancellationToken);
}
