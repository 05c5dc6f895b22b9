using System.IO.Compression;
using System.Runtime.InteropServices;
using Whence.Encoders;
using Whence.Tests.Vectors;
using Whence.Torch.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

/// <summary>Checkpoints with random damage fill a network or are refused; none costs more memory than its few bytes can account for.</summary>
public sealed class HostileCheckpointTests : IDisposable
{
    private const int Mutations = 500;
    private const long MostBytes = 8 << 20;

    private static readonly VisionTransformerSpec Tiny =
        new() { Family = VisionTransformerFamily.Timm, ImageSize = 4, PatchSize = 2, Width = 4, Depth = 1, Heads = 2 };

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("safetensors")]
    [InlineData("state dict")]
    [InlineData("TorchScript")]
    [InlineData("npz")]
    public void Damaged_checkpoints_fill_a_network_or_are_refused(string format)
    {
        var valid = File.ReadAllBytes(Write(format));
        Assert.True(Load(_temp["valid"], valid));
        var random = new Random(5);
        var read = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var bytes = (byte[])valid.Clone();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            bytes = random.Next(8) == 0 ? bytes[..random.Next(1, bytes.Length)] : bytes;
            var before = GC.GetAllocatedBytesForCurrentThread();
            read += Load(_temp["damaged"], bytes) ? 1 : 0;
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        }

        Assert.InRange(read, 1, Mutations - 1); // most bytes are numbers, some are structure
    }

    private static bool Load(string path, byte[] bytes)
    {
        File.WriteAllBytes(path, bytes);
        try
        {
            using var checkpoint = Checkpoint.Open(path);
            using var network = VisionTransformerWeights.Load(Tiny, Tiny.Width, checkpoint);
            return true;
        }
        catch (WhenceException e)
        {
            Assert.DoesNotContain('\n', e.Message);
            return false;
        }
    }

    private string Write(string format)
    {
        var random = new Random(1);
        using var scope = NewDisposeScope();
        using var network = new VisionTransformer(Tiny, Tiny.Width, META);
        var names = format == "npz" ? VisionTransformerWeights.Jax(Tiny) : VisionTransformerWeights.Timm();
        TensorData[] tensors = [.. WeightLoading.Expected(network, names).Select(pair =>
            TensorData.FromSingle(pair.Key, [.. Enumerable.Range(0, (int)pair.Value.Aggregate(1L, (a, b) => a * b)).Select(_ => random.NextSingle())], pair.Value))];
        switch (format)
        {
            case "safetensors":
                SafetensorsFile.Write(_temp["x"], tensors);
                break;
            case "state dict":
                TorchFileWriter.Write(_temp["x"], tensors);
                break;
            case "TorchScript":
                return TorchArchive.SaveModule(_temp, tensors);
            default:
                using (var zip = new ZipArchive(File.Create(_temp["x"]), ZipArchiveMode.Create))
                {
                    foreach (var tensor in tensors)
                    {
                        using var stream = zip.CreateEntry(tensor.Name + ".npy", CompressionLevel.Optimal).Open();
                        stream.Write(JaxArrays.Npy(MemoryMarshal.Cast<byte, float>(tensor.ToBytes()).ToArray(), [.. tensor.Info.Shape]));
                    }
                }

                break;
        }

        return _temp["x"];
    }
}
