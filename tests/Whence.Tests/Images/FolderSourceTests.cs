using System.Diagnostics;
using Whence.Images;
using static Whence.Tests.Images.Shards;

namespace Whence.Tests.Images;

public class FolderSourceTests
{
    [Fact]
    public async Task Order_is_ordinal_in_each_folder_and_depth_first()
    {
        using var folder = new TempFolder();
        foreach (var name in new[] { "b.jpg", "a/z.png", "a/B.JPG", "a/a/1.webp", "B.jfif", "c/only.txt", "a b.gif", "ä.bmp", "x.jpeg" })
        {
            Put(folder, name, name);
        }

        string[] expected = ["B.jfif", "a/B.JPG", "a/a/1.webp", "a/z.png", "a b.gif", "b.jpg", "x.jpeg", "ä.bmp"];
        Assert.Equal(expected, await KeysAsync(folder.Path));
        var items = await ListAsync(folder.Path + "/");
        Assert.Equal(expected.Select(name => folder[name]), items.Select(item => item.Source));
        Assert.All(items, item => Assert.True(Path.IsPathRooted(item.Source)));
    }

    [Fact]
    public async Task Sidecars_give_caption_and_metadata()
    {
        using var folder = new TempFolder();
        Put(folder, "a.jpg", "A");
        Put(folder, "a.txt", "\uFEFF a red house \n");
        Put(folder, "a.json", """{"caption": "other", "url": "http://x/1", "key": "a", "sha256": "feed"}""");
        Put(folder, "b.jpg", "B");
        Put(folder, "b.json", """{"caption": "from json"}""");
        Put(folder, "c.v2.jpg", "C");
        Put(folder, "c.v2.txt", "");
        var contents = new List<ImageContent>();
        foreach (var item in await ListAsync(folder.Path))
        {
            contents.Add(await ReadAsync(item));
        }

        Assert.Equal(["A", "B", "C"], contents.Select(content => Text(content.Bytes)));
        Assert.Equal(["a red house", "from json", null], contents.Select(content => content.Caption));
        Assert.Equal(new Dictionary<string, string> { ["url"] = "http://x/1", ["meta_sha256"] = "feed" }, contents[0].Metadata);
        Assert.Empty(contents[1].Metadata);
    }

    [Fact]
    public async Task Hidden_files_and_folders_are_passed_over()
    {
        using var folder = new TempFolder();
        Put(folder, ".hidden/a.jpg", "x");
        Put(folder, ".a.jpg", "x");
        Put(folder, "b.jpg", "x");
        Assert.Equal(["b.jpg"], await KeysAsync(folder.Path));
    }

    [Fact]
    public async Task Links_are_followed_and_cycles_end()
    {
        using var folder = new TempFolder();
        using var elsewhere = new TempFolder();
        Put(folder, "real/a.jpg", "a");
        Put(elsewhere, "far.jpg", "far");
        File.CreateSymbolicLink(folder["b.jpg"], folder["real", "a.jpg"]);
        Directory.CreateSymbolicLink(folder["e"], folder.Path); // a cycle to the root
        Directory.CreateSymbolicLink(folder["real", "loop"], "../e/real"); // and one through another link
        Directory.CreateSymbolicLink(folder["real2"], folder["real"]); // the same folder a second time
        Directory.CreateSymbolicLink(folder["x"], elsewhere.Path);
        Directory.CreateSymbolicLink(folder["y"], elsewhere.Path);
        Assert.Equal(["b.jpg", "real/a.jpg", "x/far.jpg"], await KeysAsync(folder.Path));
        Assert.Equal("a", Text((await ReadAsync((await ListAsync(folder.Path))[0])).Bytes));
        Assert.Equal(["b.jpg", "real/a.jpg", "x/far.jpg"], await KeysAsync(folder["**", "*.jpg"]));
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_fails_alone()
    {
        using var folder = new TempFolder();
        Put(folder, "a.jpg", "");
        File.CreateSymbolicLink(folder["b.jpg"], folder["gone.jpg"]);
        Put(folder, "c.jpg", new string('x', (int)Limit + 1));
        Put(folder, "d.jpg", "fine");
        Put(folder, "e.jpg", "gone before it is read");
        var items = await ListAsync(folder.Path);
        File.Delete(folder["e.jpg"]);
        Assert.Contains("is empty", await ErrorAsync(items[0]));
        Assert.Contains("no such file", await ErrorAsync(items[1]));
        Assert.Matches("1048577 bytes.*limit of 1048576.*--max-file-bytes", await ErrorAsync(items[2]));
        Assert.Equal("fine", Text((await ReadAsync(items[3])).Bytes));
        Assert.Contains("no such file", await ErrorAsync(items[4]));
    }

    [Fact]
    public async Task A_pipe_is_refused_instead_of_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "pipes have no file names there");
        using var folder = new TempFolder();
        using (var process = Process.Start("mkfifo", [folder["a.jpg"], folder["b.txt"]]))
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Put(folder, "b.jpg", "b");
        var items = await ListAsync(folder.Path);
        Assert.Contains("not a regular file", await ErrorAsync(items[0]));
        Assert.Null((await ReadAsync(items[1])).Caption);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_listed_is_counted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "every folder can be listed here");
        using var folder = new TempFolder();
        Put(folder, "a/x.jpg", "x");
        Put(folder, "b.jpg", "b");
#pragma warning disable CA1416 // not on Windows
        File.SetUnixFileMode(folder["a"], UnixFileMode.None);
        try
        {
            var items = await ListAsync(folder.Path);
            Assert.Equal(["a", "b.jpg"], items.Select(item => item.Key));
            Assert.Contains("cannot be read", await ErrorAsync(items[0]));
            Assert.Contains("cannot be read", await ErrorAsync(folder["a"]));
        }
        finally
        {
            File.SetUnixFileMode(folder["a"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
#pragma warning restore CA1416
    }

    [Fact]
    public async Task A_folder_without_images_says_what_is_accepted()
    {
        using var folder = new TempFolder();
        Put(folder, "readme.md", "x");
        Assert.Matches("holds no images; accepted are a folder, an image .*tar", await ErrorAsync(folder.Path));
        Put(folder, "sub/0.tar", "x");
        Assert.Contains("but files such as ", await ErrorAsync(folder.Path));
    }

    [Fact]
    public async Task Enumeration_is_lazy()
    {
        using var folder = new TempFolder();
        Put(folder, "a/1.jpg", "1");
        Put(folder, "b/2.jpg", "2");
        await using var items = ImageSources.EnumerateAsync([folder.Path], Limit, TestContext.Current.CancellationToken)
            .GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await items.MoveNextAsync());
        Put(folder, "b/3.jpg", "3");
        Assert.True(await items.MoveNextAsync());
        Assert.True(await items.MoveNextAsync());
        Assert.Equal("b/3.jpg", items.Current.Key);
    }
}
