using System.Buffers.Binary;
using System.IO.Compression;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

/// <summary>Small valid files with random damage: they are read or refused with a <see cref="WhenceException"/>, nothing else.</summary>
public sealed class HostileFilesTests : IDisposable
{
    private const int Mutations = 800;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Damaged_npy_files_are_read_or_refused() => Damage(Npy(), path =>
    {
        using var file = NpyFile.Open(path);
        file.ReadRows(0, new float[file.Rows * file.Columns]);
        if (file.Type == ElementType.F16)
        {
            _ = file.HalfRows(0, (int)file.Rows).ToArray();
        }
    });

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Optimal)]
    public void Damaged_npz_files_are_read_or_refused(CompressionLevel level)
    {
        var path = _folder["valid.npz"];
        using (var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create))
        {
            using var stream = zip.CreateEntry("x.npy", level).Open();
            stream.Write(Npy());
        }

        Damage(File.ReadAllBytes(path), damaged =>
        {
            using var file = NpzFile.Open(damaged);
            foreach (var name in file.Names)
            {
                file.ReadMatrix(name);
            }
        });
    }

    [Fact]
    public void Damaged_safetensors_files_are_read_or_refused()
    {
        var path = _folder["valid.safetensors"];
        SafetensorsFile.Write(
            path,
            [TensorData.FromSingle("a", [1, 2, 3, 4], 2, 2), TensorData.FromInt64("b", [1, 2], 2), TensorData.FromHalf("c", [(Half)1], 1)],
            new Dictionary<string, string> { ["format"] = "pt" });
        Damage(File.ReadAllBytes(path), damaged =>
        {
            using var file = SafetensorsFile.Open(damaged);
            foreach (var (name, tensor) in file.Tensors)
            {
                file.ReadSingle(name);
                _ = file.Bytes(name).ToArray();
                if (tensor.Shape.Count is 1 or 2)
                {
                    file.ReadMatrix(name);
                }
            }
        });
    }

    [Theory]
    [InlineData("everything.pth")]
    [InlineData("protocol4.pth")]
    [InlineData("scripted.pt")]
    [InlineData("module.pth")]
    public void Damaged_torch_files_are_read_or_refused(string name)
    {
        var valid = File.ReadAllBytes(Path.Combine(SharedData.RepositoryRoot, "tests", "Whence.Tests", "Vectors", "TorchFiles", name));
        Damage(valid, ReadTorch);
    }

    [Fact]
    public void Damaged_pickles_in_sound_archives_are_read_or_refused()
    {
        var pickle = TorchArchive.Tensor("FloatStorage", 4, 0, [2, 2], [2, 1]);
        var archive = File.ReadAllBytes(TorchArchive.Save(_folder, pickle, ("data/0", new byte[16])));
        var start = archive.AsSpan().IndexOf(pickle);
        Damage(archive, ReadTorch, start, start + pickle.Length);
    }

    private static byte[] Npy()
    {
        using var stream = new MemoryStream();
        NpyFile.Write(stream, [(Half)1, (Half)2, (Half)3, (Half)4, (Half)5, (Half)6], 3);
        return stream.ToArray();
    }

    private static void ReadTorch(string path)
    {
        using var file = TorchFile.Open(path);
        ReadAll(file.Root, 0);
    }

    private static void ReadAll(TorchValue value, int depth)
    {
        if (depth > 4)
        {
            return;
        }

        foreach (var child in value.Kind switch
        {
            TorchKind.Dictionary => Try(() => value.AsDictionary().Values.Take(40).ToList()) ?? [],
            TorchKind.List => value.AsList().Take(40).ToList(),
            _ => [],
        })
        {
            ReadAll(child, depth + 1);
        }

        if (value.Kind == TorchKind.Tensor)
        {
            Try(() => value.AsTensor().ReadSingle());
        }
        else
        {
            Try(value.ReadStateDict);
        }
    }

    private static T? Try<T>(Func<T> read) where T : class
    {
        try
        {
            return read();
        }
        catch (WhenceException)
        {
            return null;
        }
    }

    private void Damage(byte[] valid, Action<string> read, int from = 0, int? to = null)
    {
        var random = new Random(valid.Length);
        var path = _folder["damaged"];
        File.WriteAllBytes(path, valid);
        read(path);
        for (var i = 0; i < Mutations; i++)
        {
            var bytes = Mutate(valid, random, from, to ?? valid.Length);
            File.WriteAllBytes(path, bytes);
            try
            {
                read(path);
            }
            catch (WhenceException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
            catch (Exception e)
            {
                Assert.Fail($"Mutation {i}: {e}");
            }
        }
    }

    private static byte[] Mutate(byte[] valid, Random random, int from, int to)
    {
        var bytes = valid.ToArray();
        var at = random.Next(from, to);
        switch (random.Next(6))
        {
            case 0:
                return bytes[..at];
            case 1:
                return [.. bytes[..at], .. bytes[random.Next(from, to)..]];
            case 2 when at <= bytes.Length - 4:
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), random.Next(4) - 2);
                return bytes;
            case 3 when at <= bytes.Length - 8:
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), long.MaxValue >> random.Next(64));
                return bytes;
            default:
                for (var n = random.Next(1, 5); n > 0; n--)
                {
                    bytes[random.Next(from, to)] = (byte)random.Next(256);
                }

                return bytes;
        }
    }
}
