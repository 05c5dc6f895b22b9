using System.IO.Compression;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

public sealed class NpzFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Optimal)]
    public void Stored_and_deflated_arrays_are_read(CompressionLevel level)
    {
        var values = Enumerable.Range(0, 1_000_000).Select(i => i % 1000 * 0.5f).ToArray();
        using var file = NpzFile.Open(Save(level, ("feats", Npy(values, 10)), ("other", Npy([1], 1))));
        Assert.Equal(["feats", "other"], file.Names);
        var matrix = file.ReadMatrix("feats");
        Assert.Equal((100_000, 10), (matrix.Rows, matrix.Columns));
        Assert.Equal(values, matrix.Span.ToArray());
    }

    [Fact]
    public void A_missing_array_is_named_with_those_there_are()
    {
        using var file = NpzFile.Open(Save(CompressionLevel.Optimal, ("feats", Npy([1], 1))));
        Assert.Contains("no array 'x'; it holds feats", Assert.Throws<WhenceException>(() => file.ReadMatrix("x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_that_holds_less_than_its_header_says_is_refused()
    {
        using var file = NpzFile.Open(Save(CompressionLevel.Optimal, ("feats", Npy([1, 2], 2)[..^1])));
        Assert.Contains("array 'feats' holds 7 bytes", Assert.Throws<WhenceException>(() => file.ReadMatrix("feats")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_claim_that_no_compression_could_fulfil_is_refused()
    {
        var path = Save(CompressionLevel.Optimal, ("feats", Npy([1], 1)));
        var bytes = File.ReadAllBytes(path);
        var central = bytes.AsSpan().LastIndexOf("PK\x1\x2"u8);
        BitConverter.GetBytes(int.MaxValue).CopyTo(bytes, central + 24);
        File.WriteAllBytes(path, bytes);
        Assert.Contains("claims 2147483647 bytes", Assert.Throws<WhenceException>(() => NpzFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Something_else_than_an_archive_is_refused()
    {
        File.WriteAllBytes(_folder["x.npz"], Npy([1], 1));
        Assert.Contains("not a zip archive", Assert.Throws<WhenceException>(() => NpzFile.Open(_folder["x.npz"])).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder["y.npz"], "PK but nothing behind it");
        Assert.Contains("no end record", Assert.Throws<WhenceException>(() => NpzFile.Open(_folder["y.npz"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_of_arrays_holds_every_rank_and_plain_type()
    {
        var path = Save(
            CompressionLevel.Optimal,
            ("block/kernel", Raw("<f4", "(2, 1, 3)", [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))])),
            ("half", Raw("<f2", "()", BitConverter.GetBytes((Half)1.5f))),
            ("steps", Raw("<i8", "(1,)", BitConverter.GetBytes(7L))));
        using var checkpoint = Checkpoint.Open(path);
        Assert.Equal("F32 [2, 1, 3]", checkpoint.Tensors["block/kernel"].ToString());
        Assert.Equal([0, 1, 2, 3, 4, 5], checkpoint.ReadSingle("block/kernel"));
        Assert.Equal([1.5f], checkpoint.ReadSingle("half"));
        Assert.Equal([7], checkpoint.ReadInt64("steps"));
        Assert.Contains("integers are needed", Assert.Throws<WhenceException>(() => checkpoint.ReadInt64("half")).Message, StringComparison.Ordinal);
        Assert.Contains("no tensor 'x'; it holds block/kernel, half, steps", Assert.Throws<WhenceException>(() => checkpoint.ReadSingle("x")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", "more than 8 dimensions")]
    [InlineData("<f4", "(2, 2)", "holds 4 bytes of numbers where its header says F32 [2, 2] = 16")]
    [InlineData("<f4", "(0, 9223372036854775807)", "holds 4 bytes of numbers where its header says F32 [0, 9223372036854775807] = 0")]
    [InlineData("|V2", "(1, 2)", "'|V2'")]
    [InlineData("<c8", "(1,)", "'<c8'")]
    public void A_checkpoint_of_arrays_that_cannot_be_is_refused(string code, string shape, string expected)
    {
        var path = Save(CompressionLevel.Optimal, ("x", Raw(code, shape, new byte[4])));
        Assert.Contains($"array 'x'", Assert.Throws<WhenceException>(() => Checkpoint.Open(path)).Message, StringComparison.Ordinal);
        Assert.Contains(expected, Assert.Throws<WhenceException>(() => Checkpoint.Open(path)).Message, StringComparison.Ordinal);
    }

    private static byte[] Raw(string code, string shape, byte[] numbers)
    {
        var header = System.Text.Encoding.ASCII.GetBytes($"{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. numbers];
    }

    private static byte[] Npy(float[] values, int columns)
    {
        using var stream = new MemoryStream();
        NpyFile.Write(stream, values, columns);
        return stream.ToArray();
    }

    private string Save(CompressionLevel level, params (string Name, byte[] Content)[] arrays)
    {
        var path = _folder[Guid.NewGuid().ToString("N")];
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, content) in arrays)
        {
            using var stream = zip.CreateEntry(name + ".npy", level).Open();
            stream.Write(content);
        }

        return path;
    }
}
