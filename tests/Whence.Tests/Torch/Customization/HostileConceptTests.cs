using Whence.Tests.Vectors;
using Whence.Torch.Customization;

namespace Whence.Tests.Torch.Customization;

/// <summary>Concepts with random damage are read or refused in one line, and cost no more memory than their few bytes can account for.</summary>
public sealed class HostileConceptTests : IDisposable
{
    private const int Mutations = 400;
    private const long MostBytes = 8 << 20;

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("delta.bin")]
    [InlineData("delta_epoch=000004.ckpt")]
    [InlineData("pytorch_custom_diffusion_weights.bin")]
    [InlineData("new1.bin")]
    public void Damaged_reference_files_are_read_or_refused(string name) => Damage(File.ReadAllBytes(GoldenCustomization.File(name)));

    [Theory]
    [InlineData("x.bin")]
    [InlineData("x.safetensors")]
    public void Damaged_compressed_files_are_read_or_refused(string name)
    {
        var concept = new ConceptWeights(
            new Dictionary<string, ConceptWeight> { ["mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"] = ConceptWeight.LowRank([2, 3], [5, 6, 7], 1) },
            [new ConceptToken("<new1>", [1, 2])]);
        concept.Save(_temp[name]);
        Damage(File.ReadAllBytes(_temp[name]));
    }

    [Fact]
    public void Tensors_that_share_their_numbers_are_not_multiplied()
    {
        // A thousand weights of the same 64 KB: little on the disk, much in memory.
        var tensor = TorchArchive.Tensor("FloatStorage", 1 << 14, 0, [128, 128], [128, 1])[2..^1];
        object[] items = [.. Enumerable.Range(0, 1000).SelectMany(i => (object[])[TorchArchive.Text($"mid_block.attentions.0.transformer_blocks.{i}.attn2.to_k.weight"), tensor])];
        var path = TorchArchive.Save(_temp, TorchArchive.Pickle(['}', '(', .. items, 'u']), ("data/0", new byte[1 << 16]));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var e = Assert.Throws<WhenceException>(() => ConceptWeights.Load(path));
        Assert.Contains("share storages", e.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
    }

    private void Damage(byte[] valid)
    {
        Assert.True(Load(valid));
        var random = new Random(7);
        var read = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var bytes = (byte[])valid.Clone();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                // Structure stands at both ends, numbers between.
                var at = random.Next(Math.Min(bytes.Length, 4096));
                bytes[random.Next(2) == 0 ? at : bytes.Length - 1 - at] = (byte)random.Next(256);
            }

            bytes = random.Next(8) == 0 ? bytes[..random.Next(1, bytes.Length)] : bytes;
            var before = GC.GetAllocatedBytesForCurrentThread();
            read += Load(bytes) ? 1 : 0;
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        }

        Assert.InRange(read, 1, Mutations - 1);
    }

    private bool Load(byte[] bytes)
    {
        File.WriteAllBytes(_temp["damaged"], bytes);
        try
        {
            ConceptWeights.Load(_temp["damaged"]);
            return true;
        }
        catch (WhenceException e)
        {
            Assert.DoesNotContain('\n', e.Message);
            return false;
        }
    }
}
