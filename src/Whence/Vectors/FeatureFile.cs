using System.Runtime.InteropServices;

namespace Whence.Vectors;

/// <summary>
/// n x d features in a file of any format that is read, told by its content: .npy, .npz, .safetensors, or a PyTorch file of a dictionary, as the
/// authors' <c>{"feats": [n, d], "paths": [n texts]}</c>. Rows are read when asked for (an array of an .npz at once). Safe to read from several threads.
/// </summary>
public sealed class FeatureFile : IDisposable
{
    private const string Separator = "::";
    private const string UsualName = "feats";
    private const string NamesKey = "paths";
    private const string EncoderKey = "encoder";
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

    /// <summary>Gives a row of features to be written.</summary>
    internal delegate void RowWriter(int row, Span<float> feature);

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

    /// <summary>Name of the encoder that made the features; null where the file does not say.</summary>
    public string? Encoder { get; private init; }

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

    /// <summary>Writes features of float32 as a .safetensors file with the tensor <c>feats</c>, beside its place, and renames it.</summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="rows">n, at least 1.</param>
    /// <param name="columns">d.</param>
    /// <param name="read">Gives a row when its turn comes.</param>
    /// <param name="names">n texts, or null.</param>
    /// <param name="encoder">Name of the encoder; null where nobody says.</param>
    /// <exception cref="WhenceException">It cannot be written, or the names take too much room.</exception>
    internal static void Write(string path, int rows, int columns, RowWriter read, IReadOnlyList<string>? names, string? encoder)
    {
        var tensor = TensorData.FromWriter(UsualName, ElementType.F32, stream =>
        {
            var feature = new float[columns];
            for (var row = 0; row < rows; row++)
            {
                read(row, feature);
                stream.Write(MemoryMarshal.AsBytes<float>(feature));
            }
        }, rows, columns);
        SafetensorsFile.Write(path, [tensor], Header(names, encoder));
    }

    /// <summary>Writes the features of any file that is read as a .safetensors file, of float32, with their names.</summary>
    /// <param name="source">As for <see cref="Open"/>.</param>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="encoder">Name of the encoder; null keeps what the source says.</param>
    /// <exception cref="WhenceException">It cannot be read or written, or a number is not finite.</exception>
    public static void Convert(string source, string path, string? encoder = null)
    {
        using var file = Open(source);
        Write(path, checked((int)file.Rows), file.Columns, Read, file.Names, encoder ?? file.Encoder);

        void Read(int row, Span<float> feature)
        {
            file.ReadRows(row, feature);
            foreach (var value in feature)
            {
                if (!float.IsFinite(value))
                {
                    throw new WhenceException($"'{source}': row {row} holds {value}, expected finite numbers; extract the features again.");
                }
            }
        }
    }

    /// <summary>Refuses names that a header has no room for, before features are made.</summary>
    /// <exception cref="WhenceException">They take too much room.</exception>
    internal static void CheckNames(string path, IReadOnlyList<string> names, int columns)
    {
        try
        {
            SafetensorsHeader.Write([TensorData.FromWriter(UsualName, ElementType.F32, _ => { }, names.Count, columns)], Header(names, "encoder"));
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"'{path}': the paths of {names.Count:N0} images are too long for one file ({e.Message.TrimEnd('.')}); extract them into several, or index them instead ('whence index').", e);
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
        if (view != file.TryView(UsualName))
        {
            return new FeatureFile(path, file, view.Info, view.ReadRows) { Encoder = file.Metadata.GetValueOrDefault(EncoderKey) };
        }

        return WithNames(new FeatureFile(path, file, view.Info, view.ReadRows)
        {
            Names = file.ReadTexts(NamesKey),
            Encoder = file.Metadata.GetValueOrDefault(EncoderKey),
        });
    }

    private static FeatureFile OpenTorch(string path, string? name, TorchFile file)
    {
        var root = file.Root.AsDictionary();
        var tensor = root[name ?? UsualName].AsTensor();
        var names = name is null && root.TryGetValue(NamesKey, out var paths) ? paths.AsTexts() : null;
        return WithNames(new FeatureFile(path, file, tensor.Info, tensor.ReadRows) { Names = names });
    }

    private static FeatureFile WithNames(FeatureFile file) => file.Names is null || file.Names.Count == file.Rows
        ? file
        : throw new WhenceException($"'{file.Path}': '{UsualName}' has {file.Rows} rows and '{NamesKey}' {file.Names.Count} entries; the two do not belong together.");

    private static Dictionary<string, string> Header(IReadOnlyList<string>? names, string? encoder)
    {
        var header = new Dictionary<string, string> { ["format"] = "whence-features", ["version"] = "1" };
        if (names is not null)
        {
            header[NamesKey] = SafetensorsFile.FromTexts(names);
        }

        if (encoder is not null)
        {
            header[EncoderKey] = encoder;
        }

        return header;
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
