using System.Diagnostics;
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
        using var watcher = new FileSystemWatcher(temp[name, "features"], "*.npy") { EnableRaisingEvents = true };
        using var process = Process.Start(new ProcessStartInfo("dotnet")
        {
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "Whence.Cli.dll"), "index", temp["photos"], "--out", temp[name], "--part-size", "8" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        if (killInPart is not null)
        {
            // At the rename of a features file: its metadata and the manifest are still to come.
            var renamed = 0;
            watcher.Renamed += (_, _) =>
            {
                if (Interlocked.Increment(ref renamed) == killInPart)
                {
                    process.Kill();
                }
            };
        }

        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode is 0 or 137, await error);
        return process.ExitCode == 0;
    }
}
