using System.IO.Compression;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

public sealed class TorchFileWriterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_of_every_type_and_shape_are_read_back()
    {
        TensorData[] tensors =
        [
            TensorData.FromSingle("weight", [1, 2, 3, 4, 5, 6], 2, 3),
            TensorData.FromSingle("scalar", [7.5f]),
            TensorData.FromInt64("1.num_batches_tracked", [1L << 40]),
            TensorData.FromHalf("half", [(Half)1.5], 1, 1),
            TensorData.FromSingle("empty", [], 0, 4),
        ];
        TorchFileWriter.Write(_folder["x.pth"], tensors);
        using var file = TorchFile.Open(_folder["x.pth"]);
        var read = file.Root.ReadStateDict();
        Assert.Equal(tensors.Select(t => (t.Name, $"{t.Info}")), read.Select(r => (r.Key, $"{r.Value.Info}")));
        Assert.Equal([1, 2, 3, 4, 5, 6], read["weight"].ReadSingle());
        Assert.Equal([7.5f], read["scalar"].ReadSingle());
        Assert.Equal([1L << 40], read["1.num_batches_tracked"].ReadInt64());
        Assert.Equal([1.5f], read["half"].ReadSingle());
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("channel")]
    [InlineData("mlp")]
    public void Mappers_are_laid_out_as_torch_lays_out_the_authors(string kind)
    {
        var golden = SharedData.Get("reference", "evaluation", $"mapper_{kind}.pth");
        var pair = MapperPair.Load(golden);
        pair.Save(_folder["ours.pth"]);
        pair.Save(_folder["again.pth"]);
        Assert.Equal(File.ReadAllBytes(_folder["ours.pth"]), File.ReadAllBytes(_folder["again.pth"]));

        Assert.Equal(Entries(golden), Entries(_folder["ours.pth"]));
        using var theirs = TorchFile.Open(golden);
        using var ours = TorchFile.Open(_folder["ours.pth"]);
        Assert.Equal(theirs.Root.AsDictionary().Keys, ours.Root.AsDictionary().Keys);
        Assert.Equal(
            theirs.Root.ReadStateDict().Select(t => (t.Key, $"{t.Value.Info}")),
            ours.Root.ReadStateDict().Select(t => (t.Key, $"{t.Value.Info}")));
        var (a, b) = (new MapperPair(pair.Real, pair.Synth, "x"), MapperPair.Load(_folder["ours.pth"]));
        Assert.Equal(a.Sha256, new MapperPair(b.Real, b.Synth, "x").Sha256);
        Assert.Null(b.Provenance);
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file()
    {
        TorchFileWriter.Write(_folder["x.pth"], [TensorData.FromSingle("a", [1], 1)]);
        var before = File.ReadAllBytes(_folder["x.pth"]);
        Assert.Throws<ArgumentException>(() => TorchFileWriter.Write(_folder["x.pth"], [TensorData.FromBytes("b", ElementType.BF16, [0, 0], 1)]));
        Assert.Equal(before, File.ReadAllBytes(_folder["x.pth"]));
        Assert.Throws<WhenceException>(() => TorchFileWriter.Write(_folder["none", "x.pth"], [TensorData.FromSingle("a", [1], 1)]));
    }

    // What torch.load opens, stored and not compressed, in any order.
    private static IEnumerable<string> Entries(string path)
    {
        using var zip = ZipFile.OpenRead(path);
        Assert.All(zip.Entries, e => Assert.Equal(e.Length, e.CompressedLength));
        return [.. zip.Entries.Select(e => e.FullName[(e.FullName.IndexOf('/', StringComparison.Ordinal) + 1)..])
            .Where(name => name is not ("byteorder" or ".data/serialization_id")).Order(StringComparer.Ordinal)];
    }
}
