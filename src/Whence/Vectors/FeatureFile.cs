namespace Whence.Vectors;

/// <summary>
/// n x d features in a file of any format that is read, told by its content: .npy, .npz, .safetensors, or a PyTorch file of a dictionary, as the
/// authors' <c>{"feats": [n, d], "paths": [n texts]}</c>. Rows are read when asked for (an array of an .npz at once). Safe to read from several threads.
/// </summary>
public sealed class FeatureFile : IDisposable
{
    private const string Separator = "::";
    private const string UsualName = "feats";
    private const int MaxColumns = 65_536;

    private readonly IDisposable _file;
    private readonly RowReader _read;

    private FeatureFile(string path, IDisposable file, TensorInfo info, RowReader read)
    {
        (Path, _file, _read) = (path, file, read);
        if (info.Shape is not [>= 1 and var rows, >= 1 and <= MaxColumns and var columns])
        {
            throw new WhenceException($"'{path}': the features are {info}, where n x d numbers are needed, n at least 1, d from 1 to {MaxColumns}.");
        }

        (Rows, Columns, Type) = (rows, (int)columns, info.Type);
    }

    private delegate void RowReader(long firstRow, Span<float> destination);

    /// <summary>The file, without the name of an array in it.</summary>
    public string Path { get; }

    /// <summary>n, at least 1.</summary>
    public long Rows { get; }

    /// <summary>d, from 1 to 65,536.</summary>
    public int Columns { get; }

    /// <summary>How the numbers are stored; <see cref="ElementType.F32"/> for an array of an .npz, whatever its own type.</summary>
    public ElementType Type { get; }

    /// <summary>What each row is called, usually the path of an image; null where the file does not say.</summary>
    public IReadOnlyList<string>? Names { get; private init; }

    /// <summary>Opens a file.</summary>
    /// <param name="location">
    /// The file, or <c>FILE::NAME</c> for one array of several. Without a name it is <c>feats</c>, or the only matrix that is no part of a test
    /// case (<c>docs/formats.md</c>).
    /// </param>
    /// <exception cref="WhenceException">Missing, damaged, without such an array, or not of n x d numbers.</exception>
    public static FeatureFile Open(string location)
    {
        ArgumentException.ThrowIfNullOrEmpty(location);
        var (path, name) = Split(location);
        IDisposable? file = null;
        try
        {
            return FormatOf(path) switch
            {
                Format.Npy => OpenNpy(path, name, (NpyFile)(file = NpyFile.Open(path))),
                Format.Npz => OpenNpz(path, name, (NpzFile)(file = NpzFile.Open(path))),
                Format.Torch => OpenTorch(path, name, (TorchFile)(file = TorchFile.Open(path))),
                _ => OpenSafetensors(path, name, (SafetensorsFile)(file = SafetensorsFile.Open(path))),
            };
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>The file of a <c>FILE::NAME</c>, and the name where there is one.</summary>
    public static (string Path, string? Name) Split(string location)
    {
        ArgumentException.ThrowIfNullOrEmpty(location);
        var at = location.LastIndexOf(Separator, StringComparison.Ordinal);
        return at <= 0 || File.Exists(location) ? (location, null) : (location[..at], location[(at + Separator.Length)..]);
    }

    /// <summary>Reads rows as float32.</summary>
    /// <param name="firstRow">0 to n - 1.</param>
    /// <param name="destination">A multiple of d numbers, as many rows as are wanted.</param>
    public void ReadRows(long firstRow, Span<float> destination) => _read(firstRow, destination);

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static Format FormatOf(string path)
    {
        using var file = MappedFile.Open(path);
        return LooksLikeNpy(file) ? Format.Npy
            : ZipDirectory.LooksLikeZip(file) && path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase) ? Format.Npz
            : TorchFile.LooksLikeTorch(file) ? Format.Torch
            : Format.Safetensors;
    }

    private static bool LooksLikeNpy(MappedFile file) => file.Length >= 6 && file.Bytes(0, 1)[0] == 0x93 && file.Bytes(1, 5).SequenceEqual("NUMPY"u8);

    private static FeatureFile OpenNpy(string path, string? name, NpyFile file) => name is null
        ? new FeatureFile(path, file, new TensorInfo(file.Type, [file.Rows, file.Columns]), file.ReadRows)
        : throw new WhenceException($"'{path}': an .npy file has a single array without a name; leave '{Separator}{name}' out.");

    private static FeatureFile OpenNpz(string path, string? name, NpzFile file)
    {
        var matrix = file.ReadMatrix(name ?? Only(path, file.Names));
        return new FeatureFile(path, file, new TensorInfo(ElementType.F32, [matrix.Rows, matrix.Columns]), (first, destination) =>
            matrix.Span.Slice(checked((int)first * matrix.Columns), destination.Length).CopyTo(destination));
    }

    private static FeatureFile OpenSafetensors(string path, string? name, SafetensorsFile file)
    {
        var matrices = file.Tensors.Where(t => t.Value.Shape.Count == 2 && !t.Value.Type.IsInteger()).Select(t => t.Key);
        var view = file.View(name ?? Only(path, [.. matrices.Where(m => m != "exemplars" && !m.StartsWith("synth.", StringComparison.Ordinal))]));
        return new FeatureFile(path, file, view.Info, view.ReadRows);
    }

    private static FeatureFile OpenTorch(string path, string? name, TorchFile file)
    {
        var root = file.Root.AsDictionary();
        var tensor = root[name ?? UsualName].AsTensor();
        var names = name is null && root.TryGetValue("paths", out var paths) ? paths.AsTexts() : null;
        var features = new FeatureFile(path, file, tensor.Info, tensor.ReadRows) { Names = names };
        return names is null || names.Count == features.Rows
            ? features
            : throw new WhenceException($"'{path}': '{UsualName}' has {features.Rows} rows and 'paths' {names.Count} entries; the two do not belong together.");
    }

    private static string Only(string path, IReadOnlyList<string> names) => names.Contains(UsualName) ? UsualName
        : names is [var only] ? only
        : throw new WhenceException($"'{path}': holds no single matrix of features (candidates: {Listing.Of(names)}); name it: {path}{Separator}NAME.");

    private enum Format
    {
        Npy,
        Npz,
        Torch,
        Safetensors,
    }
}
