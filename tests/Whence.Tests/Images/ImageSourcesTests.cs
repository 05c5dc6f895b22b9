using System.Formats.Tar;
using Whence.Images;
using static Whence.Tests.Images.Shards;

namespace Whence.Tests.Images;

public class ImageSourcesTests
{
    [Fact]
    public async Task Sources_come_in_the_order_given_and_patterns_sorted()
    {
        using var folder = new TempFolder();
        Tar(folder["s10.tar"], TarEntryFormat.Ustar, ("c.jpg", "c"));
        Tar(folder["s1.tar"], TarEntryFormat.Ustar, ("b.jpg", "b"));
        await FiveRowsAsync(folder["p.parquet"]);
        Put(folder, "z.jpg", "z");
        Assert.Equal(["z.jpg", "k0", "k1", "2", "k3", "k4", "b", "c"], await KeysAsync(folder["z.jpg"], folder["?.parquet"], folder["*.tar"]));
    }

    [Fact]
    public async Task Patterns_match_names_folders_and_trees()
    {
        using var folder = new TempFolder();
        foreach (var name in new[] { "a/1.jpg", "a/b/2.jpg", "a/b/2.txt", "a/b/3.png", "c/4.jpg", ".h/5.jpg" })
        {
            Put(folder, name, name);
        }

        Assert.Equal(["a/1.jpg", "a/b/2.jpg", "c/4.jpg"], await KeysAsync(folder["**", "*.jpg"]));
        Assert.Equal(["1.jpg", "b/2.jpg"], await KeysAsync(folder["a", "**", "*.jpg"]));
        Assert.Equal(["a/1.jpg", "c/4.jpg"], await KeysAsync(folder["*", "?.jpg"]));
        Assert.Equal(["a/1.jpg", "a/b/2.jpg", "a/b/3.png"], await KeysAsync(folder["a*"])); // a folder, with all in it
        Assert.Equal(["a/b/2.jpg", "a/b/3.png"], await KeysAsync(folder["**", "b", "**"]));
        Assert.Equal(["a/1.jpg", "a/b/2.jpg", "a/b/3.png", "c/4.jpg"], await KeysAsync(folder["**"]));
        Assert.Contains("holds no images", await ErrorAsync(folder["*.gif"]));
        Assert.Contains("no such folder", await ErrorAsync(folder["nowhere", "*.gif"]));
    }

    [Fact]
    public async Task A_pattern_takes_text_files_for_lists_only_when_it_asks_for_them()
    {
        using var folder = new TempFolder();
        Put(folder, "a.jpg", "a");
        Put(folder, "a.txt", "a.jpg");
        Put(folder, "b.lst", "a.jpg");
        Assert.Equal(["a.jpg"], await KeysAsync(folder["*"]));
        Assert.Equal(["a.jpg"], await KeysAsync(folder["*.txt"]));
        Assert.Equal(["a.jpg"], await KeysAsync(folder["*.lst"]));
    }

    [Theory]
    [InlineData("[x] (1)!")]
    [InlineData("a b::c")]
    [InlineData("x.tar::y")]
    [InlineData("größe 猫 🐈")]
    [InlineData("star*and?")]
    public async Task Odd_names_work_everywhere(string odd)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "these characters are not allowed there");
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder[odd]);
        var plain = Put(folder, $"{odd}/{odd}.jpg", "plain");
        var tar = Tar(folder[odd, odd + ".tar"], TarEntryFormat.Pax, ($"{odd}/e.jpg", "tarred"));
        var parquet = await FiveRowsAsync(folder[odd, odd + ".parquet"]);
        var list = Put(folder, $"{odd}/list.txt", $"{odd}.jpg");
        foreach (var source in new[] { plain, tar, parquet, list, folder[odd] })
        {
            var item = (await ListAsync(source))[0];
            Assert.Equal((await ReadAsync(item)).Bytes.ToArray(), await AgainAsync(item.Source));
        }
    }

    [Fact]
    public async Task The_last_shard_that_exists_divides_a_locator()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "colons are not allowed there");
        using var folder = new TempFolder();
        Tar(folder["x.tar"], TarEntryFormat.Ustar, ("y/z.tar::e.jpg", "outer"));
        Directory.CreateDirectory(folder["x.tar::y"]);
        Assert.Equal("outer", Text(await AgainAsync(folder["x.tar"] + "::y/z.tar::e.jpg")));
        Tar(folder["x.tar::y", "z.tar"], TarEntryFormat.Ustar, ("e.jpg", "inner"));
        Assert.Equal("inner", Text(await AgainAsync(folder["x.tar"] + "::y/z.tar::e.jpg")));
        Put(folder, "x.tar::y/z.tar::e.jpg", "plain");
        Assert.Equal("plain", Text(await AgainAsync(folder["x.tar"] + "::y/z.tar::e.jpg")));
    }

    [Fact]
    public async Task What_has_gone_is_said_so()
    {
        using var folder = new TempFolder();
        var tar = Tar(folder["x.tar"], TarEntryFormat.Ustar, ("a.jpg", "a"));
        foreach (var locator in new[] { folder["no.jpg"], tar + "::no.jpg", tar + "::", folder["no.tar"] + "::a.jpg", folder.Path, "\0" })
        {
            await Assert.ThrowsAsync<WhenceException>(async () => await AgainAsync(locator));
        }

        Assert.Contains("no longer holds an entry no.jpg", (await Assert.ThrowsAsync<WhenceException>(async () => await AgainAsync(tar + "::no.jpg"))).Message);
    }

    [Fact]
    public async Task A_source_that_is_none_says_what_is_accepted()
    {
        using var folder = new TempFolder();
        Put(folder, "a.xyz", "x");
        Assert.Matches("a.xyz: is of no known kind; accepted are a folder", await ErrorAsync(folder["a.xyz"]));
        Assert.Contains("does not exist", await ErrorAsync(folder["none"]));
        Assert.Contains("no image source", await ErrorAsync(""));
        Assert.Contains("no image source", await ErrorAsync("a\0b"));
    }

    [Fact]
    public async Task Wrong_calls_are_refused()
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await ImageSources.ReadAsync("x", 0, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ArgumentException>(async () => await ImageSources.ReadAsync("", 1, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Cancellation_stops_the_enumeration()
    {
        using var folder = new TempFolder();
        Put(folder, "a.jpg", "a");
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in ImageSources.EnumerateAsync([folder.Path], Limit, cancelled.Token))
            {
            }
        });
    }

    [Fact]
    public async Task Lists_are_relative_to_their_folder()
    {
        using var folder = new TempFolder();
        Put(folder, "d/a.jpg", "a");
        Put(folder, "d/a.txt", "a cat");
        var absolute = Put(folder, "b", "b");
        var list = Put(folder, "lists/all.lst", $"\uFEFF# ours\r\n../d/a.jpg\r\n\r\n  {absolute}  \nmissing.jpg");
        var items = await ListAsync(list);
        Assert.Equal(["../d/a.jpg", absolute, "missing.jpg"], items.Select(item => item.Key));
        Assert.Equal([folder["d", "a.jpg"], absolute, folder["lists", "missing.jpg"]], items.Select(item => item.Source));
        Assert.Equal("a cat", (await ReadAsync(items[0])).Caption);
        Assert.Equal("b", Text((await ReadAsync(items[1])).Bytes));
        Assert.Contains("no such file", await ErrorAsync(items[2]));
    }

    [Fact]
    public async Task A_binary_file_is_no_list()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["a.txt"], [.. Enumerable.Repeat((byte)'x', 2 << 20)]);
        Assert.Contains("longer than 1048576 characters", await ErrorAsync(folder["a.txt"]));
        File.WriteAllBytes(folder["b.txt"], [1, 0, 2, 10, 3, 0]);
        Assert.Contains("line 1 is not a path", await ErrorAsync((await ListAsync(folder["b.txt"]))[0]));
        Put(folder, "c.txt", "# nothing\n");
        Assert.Contains("holds no images", await ErrorAsync(folder["c.txt"]));
    }
}
