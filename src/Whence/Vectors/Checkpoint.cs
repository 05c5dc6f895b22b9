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
    /// <param name="path">The file, or the index of one that was split into several (<c>....index.json</c>, as Hugging Face's).</param>
    /// <exception cref="WhenceException">Missing, damaged, or of another format.</exception>
    public static Checkpoint Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (ShardIndex.IsName(path))
        {
            return OpenShards(path);
        }

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

    private static Checkpoint OpenShards(string path)
    {
        var shards = new Shards();
        return Keep(shards, () =>
        {
            var views = new Dictionary<string, TensorView>(StringComparer.Ordinal);
            foreach (var (file, names) in ShardIndex.Read(path))
            {
                var shard = Open(file);
                shards.Add(shard);
                if (shard._file is NpzFile)
                {
                    throw new WhenceException($"'{path}': names '{file}', which is an .npz archive; only .safetensors and PyTorch's files can be parts.");
                }

                foreach (var name in names)
                {
                    views[name] = shard._views.TryGetValue(name, out var view)
                        ? view
                        : throw new WhenceException($"'{path}': says that '{name}' lies in '{file}', where it does not; get the files again.");
                }
            }

            return new Checkpoint(path, shards, views);
        });
    }

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

    /// <summary>The files of one that was split.</summary>
    private sealed class Shards : IDisposable
    {
        private readonly List<Checkpoint> _files = [];

        public void Add(Checkpoint file) => _files.Add(file);

        public void Dispose() => _files.ForEach(file => file.Dispose());
    }
}
