namespace Whence.Vectors;

/// <summary>
/// A PyTorch file: a zip archive from torch.save (state dicts, features) or torch.jit.save (whose weights are read and whose
/// code is not), memory-mapped and read-only. Its pickle is never executed: it is read by a machine that knows tensors,
/// containers, numbers and text. Everything else stays inert and is an error only when asked for. Safe to read from several
/// threads once opened.
/// </summary>
public sealed class TorchFile : IDisposable
{
    private const string PickleName = "data.pkl";
    private const int MaxPickleLength = 512 * 1024 * 1024;

    private readonly ZipDirectory _zip;
    private readonly string _prefix;

    private TorchFile(MappedFile file)
    {
        Mapped = file;
        _zip = new ZipDirectory(file);
        var pickle = FindPickle();
        if (pickle.Deflated)
        {
            throw file.Bad($"'{pickle.Name}' is compressed, which torch.save never does and which could unpack to anything; save the file again.");
        }

        _prefix = pickle.Name[..^PickleName.Length];
        if (_zip.Entries.TryGetValue(_prefix + "byteorder", out var order) && !_zip.ReadAll(order, 16).AsSpan().SequenceEqual("little"u8))
        {
            throw file.Bad("was saved on a big-endian machine; load it with torch and save it again on another.");
        }

        Root = new TorchValue(
            this, null, null, PickleReader.Read(_zip.ReadAll(pickle, MaxPickleLength), message => file.Bad($"'{pickle.Name}' is {message}")));
    }

    /// <summary>The object that was saved.</summary>
    public TorchValue Root { get; }

    internal MappedFile Mapped { get; }

    /// <summary>Opens a file and reads its structure, not yet its tensors.</summary>
    /// <exception cref="WhenceException">Missing, damaged, or not of torch.save's zip format.</exception>
    public static TorchFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            if (!ZipDirectory.LooksLikeZip(file))
            {
                throw NotAnArchive(file);
            }

            return new TorchFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Unmaps the file; tensors cannot be read any more.</summary>
    public void Dispose() => Mapped.Dispose();

    /// <summary>Whether PyTorch wrote the file, in today's format or in one that is refused with what to do.</summary>
    internal static bool LooksLikeTorch(MappedFile file) =>
        ZipDirectory.LooksLikeZip(file) || (file.Bytes(0, 1)[0] == 0x80 && !SafetensorsHeader.LooksLikeSafetensors(file));

    /// <summary>Checks a tensor against the archive: its class, its storage, and that every element lies in it.</summary>
    internal TorchTensor Tensor(string path, string described, PickleTensor tensor)
    {
        ElementType type = tensor.Storage.Class switch
        {
            "FloatStorage" => ElementType.F32,
            "HalfStorage" => ElementType.F16,
            "BFloat16Storage" => ElementType.BF16,
            "DoubleStorage" => ElementType.F64,
            "LongStorage" => ElementType.I64,
            "IntStorage" => ElementType.I32,
            "ShortStorage" => ElementType.I16,
            "CharStorage" => ElementType.I8,
            "ByteStorage" => ElementType.U8,
            "BoolStorage" => ElementType.Bool,
            _ => throw Mapped.Bad($"{described} is a tensor of torch.{tensor.Storage.Class}, which is not read; convert it, for example with .float()."),
        };
        if (Numbers(tensor.Shape) is not { } shape || Numbers(tensor.Strides) is not { } strides
            || shape.Length != strides.Length || Elements.Count(shape) is not { } count)
        {
            throw Mapped.Bad($"{described} is a tensor without a sensible shape; the file is damaged, save it again.");
        }

        var name = $"{_prefix}data/{tensor.Storage.Key}";
        if (!_zip.Entries.TryGetValue(name, out var entry) || entry.Deflated)
        {
            throw Mapped.Bad($"{described} needs the uncompressed entry '{name}', which is not in the archive; save it again with torch.save.");
        }

        var held = entry.Length / type.Size();
        if (count > held)
        {
            throw Mapped.Bad(
                $"{described} has {count} elements in a storage of {held}: it is damaged, or an expanded view; save x.clone() instead.");
        }

        if (count > 0 && !(LastElement(tensor.Offset, shape, strides) < held))
        {
            throw Mapped.Bad($"{described} reaches beyond its storage of {held} elements; the file is damaged, save it again.");
        }

        var info = new TensorInfo(type, shape);
        var start = count == 0 ? 0 : _zip.Locate(entry) + tensor.Offset * type.Size();
        return new TorchTensor(path, new TensorView(Mapped, described, info, start, strides));
    }

    private static WhenceException NotAnArchive(MappedFile file) => file.Bad(LooksLikeTorch(file)
        ? "is a plain pickle or of torch.save's format before 1.6, and Whence never executes pickles; " +
            "in Python: torch.save(torch.load(path), path), or convert it to .safetensors."
        : "is not a PyTorch file (torch.save writes a zip archive); check the path, or make or copy it again.");

    private static long[]? Numbers(PickleList list) =>
        list.Items.Count <= 32 && list.Items.TrueForAll(item => item is long) ? [.. list.Items.Cast<long>()] : null;

    /// <summary>Index of the furthest element; infinitely far where an offset or stride is negative.</summary>
    private static Int128 LastElement(long offset, long[] shape, long[] strides)
    {
        Int128 last = offset;
        for (var i = 0; i < shape.Length; i++)
        {
            // Each product is below 2^126 and the sum before it below 2^63: 128 bits never overflow.
            last += (Int128)(shape[i] - 1) * strides[i];
            if (strides[i] < 0 || last > long.MaxValue)
            {
                return Int128.MaxValue;
            }
        }

        return offset < 0 ? Int128.MaxValue : last;
    }

    private ZipEntry FindPickle()
    {
        var found = _zip.Entries.Values
            .Where(entry => entry.Name.EndsWith("/" + PickleName, StringComparison.Ordinal))
            .Where(entry => entry.Name.IndexOf('/', StringComparison.Ordinal) == entry.Name.Length - PickleName.Length - 1)
            .ToList();
        return found.Count == 1
            ? found[0]
            : throw Mapped.Bad($"a zip archive, but not one of torch.save (no 'NAME/{PickleName}' in it); check the path.");
    }
}
