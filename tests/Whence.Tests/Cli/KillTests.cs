using Whence.Search;

namespace Whence.Tests.Cli;

public class KillTests
{
    [Fact]
    public async Task An_index_killed_again_and_again_ends_up_equal_to_an_uninterrupted_one()
    {
        using var temp = new TempFolder();
        TestImages.WriteFolder(temp["photos"], 60);
        await RunAsync(temp, "expected", killInPart: null);

        var finished = false;
        var parts = 1;
        for (; !finished; parts++)
        {
            finished = await RunAsync(temp, "index", killInPart: parts);
        }

        Assert.True(parts > 3, "it was never killed");
        Search.IndexBuilderTests.AssertSameFiles(temp["expected"], temp["index"]);
        Assert.Empty(IndexVerification.Verify(temp["index"], cancellation: TestContext.Current.CancellationToken));
    }

    /// <summary>Runs the real command; with a number, kills it while it writes the part of that number.</summary>
    private static async Task<bool> RunAsync(TempFolder temp, string name, int? killInPart)
    {
        Directory.CreateDirectory(temp[name, "features"]);

        // At the rename of a features file: its metadata and the manifest are still to come.
        var (code, error) = await CliProcess.StopAsync(
            new FileSystemWatcher(temp[name, "features"], "*.npy"),
            WatcherChangeTypes.Renamed,
            killInPart,
            CliProcess.Kill,
            new Dictionary<string, string>(),
            "index", temp["photos"], "--out", temp[name], "--part-size", "8");
        Assert.True(code is 0 or 137, error);
        return code == 0;
    }
}
