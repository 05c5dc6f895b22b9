namespace Whence.Vectors;

/// <summary>
/// The tensors of a trained network by name, from .safetensors, from PyTorch's files (state dicts, training checkpoints, TorchScript, of
/// which only the weights are read), or from .npz archives of JAX networks. No code of a file is ever run, and no number is read before it is
/// asked for.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private readonly IDisposable _file;
    private readonly IReadOnlyDictionary<string, TensorView> _views;

    private Checkpoint(string path, IDisposable file, IReadOnlyDictionary<string, TensorView> views)
    {
        (Path, _file, _views) = (path, file, views);
        Tensors = views.ToDictionary(pair => pair.Key, pair => pair.Value.Info, StringComparer.Ordinal);
    }

    private Checkpoint(string path, NpzFile arrays)
    {
        (Path, _file, _views) = (path, arrays, new Dictionary<string, TensorView>());
        Tensors = arrays.ReadInfos();
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What there is, by name; those of nested dictionaries as <c>state_dict.module.weight</c>.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Opens a file, told apart by its content, and reads its structure.</summary>
    /// <exception cref="WhenceException">Missing, damaged, or of another format.</exception>
    public static Checkpoint Open(string path)
    {
        var (isTorch, isNpz) = Look(path);
        if (isNpz)
        {
            var arrays = NpzFile.Open(path);
            return Keep(arrays, () => new Checkpoint(path, arrays));
        }

        if (isTorch)
        {
            var torch = TorchFile.Open(path);
            return Keep(torch, () => new Checkpoint(
                path, torch, torch.Root.ReadStateDict().ToDictionary(pair => pair.Key, pair => pair.Value.View, StringComparer.Ordinal)));
        }

        var safetensors = SafetensorsFile.Open(path);
        return Keep(safetensors, () => new Checkpoint(
            path, safetensors, safetensors.Tensors.Keys.ToDictionary(name => name, safetensors.View, StringComparer.Ordinal)));
    }

    /// <summary>All elements of a tensor as float32, row after row.</summary>
    /// <exception cref="WhenceException">No such tensor, or more elements than an array holds.</exception>
    public float[] ReadSingle(string name)
    {
        var values = new float[CountOf(name)];
        ReadSingle(name, values);
        return values;
    }

    /// <summary>All elements of a tensor as float32, row after row.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">As many numbers as it has.</param>
    /// <exception cref="WhenceException">No such tensor, or more elements than an array holds.</exception>
    public void ReadSingle(string name, Span<float> destination)
    {
        var count = CountOf(name);
        if (destination.Length != count)
        {
            throw new ArgumentException($"'{name}' has {count} elements, there is room for {destination.Length}.", nameof(destination));
        }

        if (_file is NpzFile arrays)
        {
            arrays.Read(name, destination, Elements.ToSingle);
        }
        else
        {
            _views[name].ReadSingle(destination);
        }
    }

    /// <summary>All elements of an integer or Boolean tensor, row after row.</summary>
    /// <exception cref="WhenceException">No such tensor, or not integers.</exception>
    public long[] ReadInt64(string name)
    {
        var count = CountOf(name);
        if (_file is not NpzFile arrays)
        {
            return _views[name].ReadInt64();
        }

        if (!Tensors[name].Type.IsInteger())
        {
            throw new WhenceException($"'{Path}': '{name}' is {Tensors[name]} where integers are needed; save it as int64.");
        }

        var values = new long[count];
        arrays.Read(name, values, Elements.ToInt64);
        return values;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static (bool IsTorch, bool IsNpz) Look(string path)
    {
        using var file = MappedFile.Open(path);
        var isNpz = NpzFile.LooksLikeNpz(file);
        return (!isNpz && TorchFile.LooksLikeTorch(file), isNpz);
    }

    private static Checkpoint Keep(IDisposable file, Func<Checkpoint> open)
    {
        try
        {
            return open();
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private int CountOf(string name)
    {
        if (!Tensors.TryGetValue(name, out var info))
        {
            throw new WhenceException($"'{Path}': has no tensor '{name}'; it holds {Listing.Of([.. Tensors.Keys])}.");
        }

        return info.Count <= Array.MaxLength ? (int)info.Count : throw new WhenceException($"'{Path}': '{name}' is {info}, too large to be read at once.");
    }
}
