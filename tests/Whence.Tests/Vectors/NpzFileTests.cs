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
