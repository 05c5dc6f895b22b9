using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Whence.Files;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// Appends rows to an index, a part at a time. A part counts from the moment the manifest names it: features and metadata
/// are written and flushed before, so an interruption at any instant loses only the part in flight.
/// </summary>
internal sealed class IndexWriter : IDisposable
{
    // A part is gathered in memory before it is written: at most 1 GiB of float32.
    private const long MaxPartValues = 1 << 28;

    private readonly string _folder;
    private readonly int _partSize;
    private readonly IDisposable _lock;
    private readonly HashSet<UInt128> _seen = [];
    private readonly List<FailedImage> _failures;
    private readonly List<IndexedImage> _rows = [];
    private readonly List<float> _features = [];
    private int _savedFailures;

    /// <summary>Creates the folder or goes on with the index in it.</summary>
    /// <exception cref="WhenceException">The folder holds another encoder's index, or another process writes it.</exception>
    public IndexWriter(string folder, IndexManifest blank, int partSize, bool retryFailures = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partSize, 1);
        if ((long)partSize * blank.Dimension > MaxPartValues)
        {
            throw new WhenceException(
                $"--part-size {partSize} makes parts of {(long)partSize * blank.Dimension} values, the limit is {MaxPartValues}; choose at most {MaxPartValues / blank.Dimension}.");
        }

        _folder = folder;
        _partSize = partSize;
        var manifestPath = Path.Combine(folder, IndexManifest.FileName);
        if (!File.Exists(manifestPath) && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any(IsForeign))
        {
            throw new WhenceException($"{folder}: not empty and no index; give --out a new or empty folder.");
        }

        Directory.CreateDirectory(Path.Combine(folder, "features"));
        Directory.CreateDirectory(Path.Combine(folder, "metadata"));
        _lock = FolderLock.Acquire(folder, ".lock");
        try
        {
            DeleteLeftovers();
            Manifest = File.Exists(manifestPath) ? IndexManifest.Load(folder) : blank;
            CheckSameKind(blank);
            _failures = retryFailures ? [] : [.. FeatureIndex.ReadFailures(folder)];
            _savedFailures = _failures.Count;
            _seen.UnionWith(_failures.Select(f => Identity(f.Source)));
            _seen.UnionWith(ExistingRows().Select(i => Identity(i.Source)));
            if (!File.Exists(manifestPath))
            {
                Manifest.Save(folder);
            }
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    public IndexManifest Manifest { get; private set; }

    public IReadOnlyList<FailedImage> Failures => _failures;

    /// <summary>False where the index already has the image, or knows that it cannot be read.</summary>
    public bool IsNew(string source) => _seen.Add(Identity(source));

    /// <summary>Appends a row; its id is given here.</summary>
    /// <exception cref="WhenceException">A value that the index cannot hold.</exception>
    public void Add(IndexedImage image, ReadOnlySpan<float> features)
    {
        if (features.Length != Manifest.Dimension)
        {
            throw new ArgumentException($"{features.Length} values, expected {Manifest.Dimension}.");
        }

        // A feature must survive the way it is stored: not finite, or beyond float16, is an error of the model or of the choice.
        var limit = Manifest.Type == ElementType.F16 ? (float)Half.MaxValue : float.MaxValue;
        foreach (var value in features)
        {
            if (!(Math.Abs(value) <= limit))
            {
                throw new WhenceException(
                    $"{image.Source}: encoder '{Manifest.Encoder}' gave the value {value}, which {Manifest.Type} cannot hold; {(float.IsFinite(value) ? "use --dtype float32" : "check the model")}.");
            }
        }

        _rows.Add(image with { Id = Manifest.Count + _rows.Count });
        _features.AddRange(features);
        if (_rows.Count == _partSize)
        {
            Commit();
        }
    }

    public void AddFailure(FailedImage failure) => _failures.Add(failure);

    /// <summary>Writes what has gathered as a part of its own, and the failures.</summary>
    public void Commit()
    {
        if (_failures.Count > _savedFailures || (_failures.Count == 0 && File.Exists(Path.Combine(_folder, FeatureIndex.FailuresFile))))
        {
            AtomicFile.WriteBytes(Path.Combine(_folder, FeatureIndex.FailuresFile), MetadataFile.WriteFailures(_failures));
            _savedFailures = _failures.Count;
        }

        if (_rows.Count == 0)
        {
            return;
        }

        var part = new IndexPart
        {
            Number = Manifest.Parts.Count == 0 ? 0 : Manifest.Parts.Max(p => p.Number) + 1,
            FirstId = Manifest.Count,
            Rows = _rows.Count,
            FeaturesSha256 = "",
            MetadataSha256 = "",
        };
        part = part with
        {
            FeaturesSha256 = WriteFeatures(
                Path.Combine(_folder, part.FeaturesFile), CollectionsMarshal.AsSpan(_features), Manifest.Dimension, Manifest.Type),
            MetadataSha256 = AtomicFile.WriteBytes(Path.Combine(_folder, part.MetadataFile), MetadataFile.WriteImages(_rows)),
        };
        Manifest = Manifest with { Parts = [.. Manifest.Parts, part] };
        Manifest.Save(_folder);
        _rows.Clear();
        _features.Clear();
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>Writes rows x d features as they are stored and returns the file's SHA-256.</summary>
    public static string WriteFeatures(string path, ReadOnlySpan<float> features, int dimension, ElementType type)
    {
        using var bytes = new MemoryStream();
        if (type == ElementType.F16)
        {
            var halves = new Half[features.Length];
            TensorPrimitives.ConvertToHalf(features, halves);
            NpyFile.Write(bytes, halves, dimension);
        }
        else
        {
            NpyFile.Write(bytes, features, dimension);
        }

        return AtomicFile.WriteBytes(path, bytes.ToArray());
    }

    // Temporary files of a run that was killed; removed.parquet belongs to another writer, which may be at work.
    private void DeleteLeftovers()
    {
        foreach (var leftover in Directory.EnumerateFiles(_folder, "*" + AtomicFile.TemporarySuffix, SearchOption.AllDirectories)
            .Where(path => !Path.GetFileName(path).StartsWith(IndexRemoval.FileName, StringComparison.Ordinal)))
        {
            File.Delete(leftover);
        }
    }

    private IEnumerable<IndexedImage> ExistingRows() =>
        Manifest.Parts.SelectMany(p => MetadataFile.ReadImages(_folder, p));

    private void CheckSameKind(IndexManifest blank)
    {
        var sameEncoder = Manifest.Encoder == blank.Encoder
            && (Manifest.EncoderSpec is null || blank.EncoderSpec is null
                ? Manifest.EncoderSpec == blank.EncoderSpec
                : Manifest.EncoderSpec.IsSameEncoder(blank.EncoderSpec));
        if (sameEncoder && Manifest.AutoOrient != blank.AutoOrient)
        {
            throw new WhenceException($"{_folder}: built {(Manifest.AutoOrient ? "with" : "without")} --auto-orient; go on in the same way, or give --out another folder.");
        }

        if (!sameEncoder || Manifest.Dimension != blank.Dimension || Manifest.Type != blank.Type || Manifest.Normalized != blank.Normalized)
        {
            throw new WhenceException(
                $"{_folder}: an index of encoder '{Manifest.Encoder}' ({Manifest.Dimension} x {Manifest.Type}); features of '{blank.Encoder}' ({blank.Dimension} x {blank.Type}) cannot be added, give --out another folder.");
        }
    }

    // A 128-bit hash instead of the string: a hundred million locators fit in memory.
    private static UInt128 Identity(string source) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(source)));

    private static bool IsForeign(string path) =>
        Path.GetFileName(path) is not ("features" or "metadata" or ".lock") && !path.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal);
}
