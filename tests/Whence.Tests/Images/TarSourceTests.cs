using System.Buffers.Binary;
using System.Formats.Tar;
using System.Text;
using FsCheck;
using FsCheck.Xunit;
using static Whence.Tests.Images.Shards;

namespace Whence.Tests.Images;

public class TarSourceTests
{
    private static readonly (string, string)[] Sample =
    [
        ("./000.jpg", "first"), ("./000.txt", "a cat"), ("./000.json", """{"url": "u", "width": 3}"""),
        ("d.x/001.jpg", "second"), ("d.x/001.seg.png", "mask"), ("d.x/001.json", """{"caption": "a dog"}"""),
        ("002.txt", "no image"), ("._003.jpg", "hidden"), ("003.JPEG", "third"),
    ];

    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.V7)]
    public async Task Samples_are_entries_with_one_key(TarEntryFormat format)
    {
        using var folder = new TempFolder();
        var tar = Tar(folder["s.tar"], format, Sample);
        var items = await ListAsync(tar);
        Assert.Equal(["000", "d.x/001", "d.x/001", "003"], items.Select(item => item.Key));
        Assert.Equal(
            [$"{tar}::./000.jpg", $"{tar}::d.x/001.jpg", $"{tar}::d.x/001.seg.png", $"{tar}::003.JPEG"], items.Select(item => item.Source));
        var contents = await Task.WhenAll(items.Select(item => ReadAsync(item).AsTask()));
        Assert.Equal(["first", "second", "mask", "third"], contents.Select(content => Text(content.Bytes)));
        Assert.Equal(["a cat", "a dog", "a dog", null], contents.Select(content => content.Caption));
        Assert.Equal(new Dictionary<string, string> { ["url"] = "u" }, contents[0].Metadata);
        foreach (var (item, content) in items.Zip(contents))
        {
            Assert.Equal(content.Bytes.ToArray(), await AgainAsync(item.Source));
        }
    }

    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public async Task Long_and_foreign_names_work(TarEntryFormat format)
    {
        using var folder = new TempFolder();
        var longName = string.Concat(Enumerable.Repeat("folder/", format == TarEntryFormat.Ustar ? 15 : 60)) + "n.jpg";
        string[] names = format == TarEntryFormat.Ustar ? [longName, "a b::c.jpg"] : [longName, "größe 猫::x.jpg", "a.jpg"];
        var items = await ListAsync(Tar(folder["s.tar"], format, [.. names.Select(name => (name, name))]));
        Assert.Equal(names.Select(name => name[..^4]), items.Select(item => item.Key));
        foreach (var (item, name) in items.Zip(names))
        {
            Assert.Equal(name, Text((await ReadAsync(item)).Bytes));
            Assert.Equal(name, Text(await AgainAsync(item.Source)));
        }
    }

    [Fact]
    public async Task Reading_in_parallel_equals_reading_in_turn()
    {
        using var folder = new TempFolder();
        var entries = Enumerable.Range(0, 200).SelectMany(i => new[] { ($"{i:D5}.jpg", new string((char)('a' + (i % 26)), i * 7)), ($"{i:D5}.txt", $"n{i}") });
        var items = await ListAsync(Tar(folder["s.tar"], TarEntryFormat.Ustar, [.. entries]));
        Assert.Equal(200, items.Count);
        var inParallel = new string[200];
        await Parallel.ForAsync(1, 200, TestContext.Current.CancellationToken, async (i, token) =>
            inParallel[i] = Text((await items[i].ReadAsync(token)).Bytes) + (await items[i].ReadAsync(token)).Caption);
        for (var i = 1; i < 200; i++)
        {
            Assert.Equal(new string((char)('a' + (i % 26)), i * 7) + $"n{i}", inParallel[i]);
        }
    }

    [Fact]
    public async Task Links_folders_and_names_that_point_outside_do_no_harm()
    {
        using var folder = new TempFolder();
        using (var writer = new TarWriter(File.Create(folder["s.tar"]), TarEntryFormat.Pax))
        {
            writer.WriteEntry(new PaxGlobalExtendedAttributesTarEntry(new Dictionary<string, string> { ["path"] = "everyone.jpg" }));
            writer.WriteEntry(new PaxTarEntry(TarEntryType.Directory, "d.jpg/"));
            writer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "link.jpg") { LinkName = "/etc/passwd" });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.HardLink, "hard.jpg") { LinkName = "../../x" });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "../up.jpg") { DataStream = new MemoryStream(Bytes("up")) });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "/etc/abs.jpg") { DataStream = new MemoryStream(Bytes("abs")) });
        }

        var items = await ListAsync(folder["s.tar"]);
        Assert.Equal(["/etc/abs"], items.Select(item => item.Key)); // ".." begins with a dot: hidden
        Assert.Equal("abs", Text(await AgainAsync(items[0].Source)));
        Assert.Equal([folder["s.tar"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task A_cut_tar_gives_what_is_whole_and_one_failure()
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(Tar(folder["whole.tar"], TarEntryFormat.Ustar, ("a.jpg", "A"), ("b.jpg", new string('b', 600)), ("c.jpg", "C")));
        foreach (var (cut, keys) in new[] { (whole.Length - 1024, 3), (2700, 2), (2048, 1), (1500, 1), (1024, 1), (600, 1), (512, 0), (100, 0) })
        {
            File.WriteAllBytes(folder["cut.tar"], whole[..cut]);
            var items = await ListAsync(folder["cut.tar"]);
            Assert.Equal(keys + 1, items.Count);
            Assert.Equal((folder["cut.tar"] + "::", ""), (items[^1].Source, items[^1].Key));
            Assert.Matches(@"broken tar file at byte \d+: .*download or write it again", await ErrorAsync(items[^1]));
            Assert.All(items.SkipLast(1), item => Assert.NotEmpty(item.Key));
        }
    }

    [Theory]
    [InlineData("77777777777\0", "8589934591 bytes where")]
    [InlineData("garbage!!!!\0", "not a number")]
    public async Task Lying_sizes_are_caught(string size, string message)
    {
        using var folder = new TempFolder();
        var items = await ListAsync(WithSize(folder, Encoding.ASCII.GetBytes(size)));
        Assert.Equal(["a", ""], items.Select(item => item.Key));
        Assert.Contains(message, await ErrorAsync(items[1]));
    }

    [Theory]
    [InlineData(long.MaxValue, 0x80)]
    [InlineData(-1, 0x80)]
    [InlineData(5, 0xff)]
    public async Task Lying_binary_sizes_are_caught(long size, int first)
    {
        var field = new byte[12];
        BinaryPrimitives.WriteInt64BigEndian(field.AsSpan(4), size);
        field[0] = (byte)first;
        using var folder = new TempFolder();
        var items = await ListAsync(WithSize(folder, field));
        Assert.Contains("bytes where", await ErrorAsync(items[1]));
    }

    [Fact]
    public async Task A_binary_size_is_read()
    {
        using var folder = new TempFolder();
        var items = await ListAsync(WithSize(folder, [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
        Assert.Equal("B", Text((await ReadAsync(items[1])).Bytes));
    }

    [Fact]
    public async Task A_file_that_is_no_tar_fails_once_and_the_next_shard_goes_on()
    {
        using var folder = new TempFolder();
        Put(folder, "0.tar", new string('x', 2000));
        Put(folder, "1.tar", "");
        Tar(folder["2.tar"], TarEntryFormat.Ustar, ("a.jpg", "A"));
        var items = await ListAsync(folder["*.tar"]);
        Assert.Equal(["", "", "a"], items.Select(item => item.Key));
        Assert.Contains("wrong checksum", await ErrorAsync(items[0]));
        Assert.Contains("is empty", await ErrorAsync(items[1]));
    }

    [Fact]
    public async Task Images_over_the_limit_fail_alone()
    {
        using var folder = new TempFolder();
        var items = await ListAsync(Tar(folder["s.tar"], TarEntryFormat.Ustar, ("a.jpg", new string('x', (int)Limit + 1)), ("b.jpg", "B")));
        Assert.Contains("--max-file-bytes", await ErrorAsync(items[0]));
        Assert.Equal("B", Text((await ReadAsync(items[1])).Bytes));
    }

    [Fact]
    public async Task An_empty_tar_holds_no_images()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["s.tar"], new byte[1024]);
        Assert.Contains("holds no images", await ErrorAsync(folder["s.tar"]));
    }

    [Property(MaxTest = 300)]
    public async Task Mutated_tars_are_read_or_refused(DoNotSize<int> seed, bool repair)
    {
        using var folder = new TempFolder();
        var format = (TarEntryFormat)(2 + (uint)seed.Item % 3); // ustar, pax, GNU
        var tar = Mutate(File.ReadAllBytes(Tar(folder["a.tar"], format, [.. Sample, (new string('n', 99) + "/long.jpg", "long")])), seed);
        for (var block = 0; repair && block + 512 <= tar.Length; block += 512)
        {
            if (tar.AsSpan(block + 257, 5).SequenceEqual("ustar"u8))
            {
                SetSum(tar.AsSpan(block, 512));
            }
        }

        File.WriteAllBytes(folder["a.tar"], tar);
        try
        {
            await ReadAllAsync(folder["a.tar"]);
        }
        catch (WhenceException)
        {
        }
    }

    private static string WithSize(TempFolder folder, ReadOnlySpan<byte> size)
    {
        var tar = File.ReadAllBytes(Tar(folder["s.tar"], TarEntryFormat.Ustar, ("a.jpg", "A"), ("b.jpg", "B")));
        var header = tar.AsSpan(1024, 512);
        size.CopyTo(header[124..]);
        SetSum(header);
        File.WriteAllBytes(folder["s.tar"], tar);
        return folder["s.tar"];
    }

    private static void SetSum(Span<byte> header)
    {
        header.Slice(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var value in header)
        {
            sum += value;
        }

        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
    }
}
