namespace Whence.Vectors;

/// <summary>
/// The tensors of a trained network by name, from .safetensors or from PyTorch's files (state dicts, training checkpoints, TorchScript, of
/// which only the weights are read). No code of a file is ever run, and no number is read before it is asked for.
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

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What there is, by name; those of nested dictionaries as <c>state_dict.module.weight</c>.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Opens a file, told apart by its content, and reads its structure.</summary>
    /// <exception cref="WhenceException">Missing, damaged, or of another format.</exception>
    public static Checkpoint Open(string path)
    {
        if (IsTorch(path))
        {
            var torch = TorchFile.Open(path);
            return Keep(path, torch, () => torch.Root.ReadStateDict().ToDictionary(pair => pair.Key, pair => pair.Value.View, StringComparer.Ordinal));
        }

        var safetensors = SafetensorsFile.Open(path);
        return Keep(path, safetensors, () => safetensors.Tensors.Keys.ToDictionary(name => name, safetensors.View, StringComparer.Ordinal));
    }

    /// <summary>All elements of a tensor as float32, row after row.</summary>
    /// <exception cref="WhenceException">No such tensor, or more elements than an array holds.</exception>
    public float[] ReadSingle(string name) => View(name).ReadSingle();

    /// <summary>All elements of an integer or Boolean tensor, row after row.</summary>
    /// <exception cref="WhenceException">No such tensor, or not integers.</exception>
    public long[] ReadInt64(string name) => View(name).ReadInt64();

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static bool IsTorch(string path)
    {
        using var file = MappedFile.Open(path);
        return TorchFile.LooksLikeTorch(file);
    }

    private static Checkpoint Keep(string path, IDisposable file, Func<Dictionary<string, TensorView>> views)
    {
        try
        {
            return new Checkpoint(path, file, views());
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private TensorView View(string name) => _views.TryGetValue(name, out var view)
        ? view
        : throw new WhenceException($"'{Path}': has no tensor '{name}'; it holds {Listing.Of([.. _views.Keys])}.");
}
