using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Whence.Files;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// Appends rows to an index, a part at a time. A part counts from the moment the manifest names it: features and metadata
/// are written and flushed before, so an interruption at any instant loses only the part in flight.
/// </summary>
internal sealed class IndexWriter : IDisposable
{
    // A part is gathered in memory before it is written: 512 MB of float32, twice that while the buffer grows.
    private const long MaxPartValues = 1 << 27;

    private readonly string _folder;
    private readonly int _partSize;
    private readonly bool _flush;
    private readonly IDisposable _lock;
    private readonly SourceSet _seen = new();
    private readonly OrderedDictionary<string, FailedImage> _failures = [];
    private readonly List<IndexedImage> _rows = [];
    private readonly List<float> _features = [];
    private bool _failuresChanged;

    /// <summary>Creates the folder or goes on with the index in it.</summary>
    /// <param name="folder">The index.</param>
    /// <param name="blank">What it is made with.</param>
    /// <param name="partSize">Rows of a part.</param>
    /// <param name="retryFailures">Whether images that could not be read are tried again.</param>
    /// <param name="flush">Whether what is written survives a loss of power; false for an index that nobody keeps.</param>
    /// <exception cref="WhenceException">The folder holds another encoder's index, or another process writes it.</exception>
    public IndexWriter(string folder, IndexManifest blank, int partSize, bool retryFailures = false, bool flush = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partSize, 1);
        if ((long)partSize * blank.Dimension > MaxPartValues)
        {
            throw new WhenceException(
                $"--part-size {partSize} makes parts of {(long)partSize * blank.Dimension} values, the limit is {MaxPartValues}; choose at most {MaxPartValues / blank.Dimension}.");
        }

        _folder = folder;
        _partSize = partSize;
        _flush = flush;
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
            Manifest.RequireSameKind(blank, folder);
            foreach (var failure in FeatureIndex.ReadFailures(folder))
            {
                _failures.TryAdd(failure.Source, failure);
                _ = retryFailures || _seen.Add(failure.Source);
            }

            foreach (var image in Manifest.Parts.SelectMany(part => MetadataFile.ReadImages(folder, part)))
            {
                _seen.Add(image.Source);
            }

            if (!File.Exists(manifestPath))
            {
                IndexRemoval.Create(folder);
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

    /// <summary>False where the index already has the image, or knows that it cannot be read.</summary>
    public bool IsNew(string source) => _seen.Add(source);

    /// <summary>Why the index cannot hold a feature: a value that is not finite, or beyond float16; null where it can.</summary>
    public string? Problem(ReadOnlySpan<float> feature)
    {
        var limit = Manifest.Type == ElementType.F16 ? (float)Half.MaxValue : float.MaxValue;
        foreach (var value in feature)
        {
            if (!(Math.Abs(value) <= limit))
            {
                return $"encoder '{Manifest.Encoder}' gave the value {value}, which {Manifest.Type} cannot hold; {(float.IsFinite(value) ? "use --dtype float32" : "check the model")}";
            }
        }

        return null;
    }

    /// <summary>Appends a row; its id is given here.</summary>
    /// <exception cref="WhenceException">A value that the index cannot hold.</exception>
    public void Add(IndexedImage image, ReadOnlySpan<float> feature)
    {
        if (feature.Length != Manifest.Dimension)
        {
            throw new ArgumentException($"{feature.Length} values, expected {Manifest.Dimension}.");
        }

        if (Problem(feature) is { } problem)
        {
            throw new WhenceException($"{image.Source}: {problem}.");
        }

        _failuresChanged |= _failures.Remove(image.Source); // it failed before and was tried again
        _rows.Add(image with { Id = Manifest.Count + _rows.Count });
        _features.AddRange(feature);
        if (_rows.Count == _partSize)
        {
            Commit();
        }
    }

    public void AddFailure(FailedImage failure)
    {
        _failures[failure.Source] = failure;
        _failuresChanged = true;
    }

    /// <summary>Writes what has gathered as a part of its own, and the failures.</summary>
    public void Commit()
    {
        if (_failuresChanged)
        {
            AtomicFile.Write(
                Path.Combine(_folder, FeatureIndex.FailuresFile), stream => stream.Write(MetadataFile.WriteFailures([.. _failures.Values])));
            _failuresChanged = false;
        }

        if (_rows.Count == 0)
        {
            return;
        }

        Append(WritePart(NextNumber, _rows, CollectionsMarshal.AsSpan(_features)));
        _rows.Clear();
        _features.Clear();
    }

    /// <summary>The number of the part that is appended next.</summary>
    public int NextNumber => Manifest.Parts.Count == 0 ? 0 : checked(Manifest.Parts.Max(p => p.Number) + 1);

    /// <summary>Writes the files of a part, which counts once it is appended. Several threads may each write another one ahead.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="rows">What is known of its images, with their ids.</param>
    /// <param name="features">Rows x dimension, values that the index can hold (<see cref="Problem"/>).</param>
    public IndexPart WritePart(int number, IReadOnlyList<IndexedImage> rows, ReadOnlySpan<float> features)
    {
        var part = new IndexPart { Number = number, FirstId = rows[0].Id, Rows = rows.Count, FeaturesSha256 = "", MetadataSha256 = "" };
        return part with
        {
            FeaturesSha256 = WriteFeatures(Path.Combine(_folder, part.FeaturesFile), features, Manifest, _flush),
            MetadataSha256 = AtomicFile.Write(
                Path.Combine(_folder, part.MetadataFile), stream => stream.Write(MetadataFile.WriteImages(rows)), _flush),
        };
    }

    /// <summary>Has the manifest name a part, the next one.</summary>
    public void Append(IndexPart part)
    {
        if ((part.Number, part.FirstId) != (NextNumber, Manifest.Count))
        {
            throw new ArgumentException($"Part {part.Number} begins with id {part.FirstId}, the next one is {NextNumber} and begins with {Manifest.Count}.", nameof(part));
        }

        Manifest = Manifest with { Parts = [.. Manifest.Parts, part] };
        Manifest.Save(_folder);
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>Writes rows x d features as the manifest says they are stored; returns the file's SHA-256.</summary>
    public static unsafe string WriteFeatures(string path, ReadOnlySpan<float> features, IndexManifest manifest, bool flush = true)
    {
        fixed (float* data = features)
        {
            var (first, length) = ((nint)data, features.Length); // a lambda cannot hold a span
            return AtomicFile.Write(path, stream =>
            {
                var values = new ReadOnlySpan<float>((float*)first, length);
                NpyFile.WriteHeader(stream, manifest.Type, length / manifest.Dimension, manifest.Dimension);
                if (manifest.Type == ElementType.F32)
                {
                    stream.Write(MemoryMarshal.AsBytes(values));
                    return;
                }

                var halves = ArrayPool<Half>.Shared.Rent(1 << 16);
                for (; values.Length > 0; values = values[Math.Min(halves.Length, values.Length)..])
                {
                    var chunk = halves.AsSpan(0, Math.Min(halves.Length, values.Length));
                    TensorPrimitives.ConvertToHalf(values[..chunk.Length], chunk);
                    stream.Write(MemoryMarshal.AsBytes(chunk));
                }

                ArrayPool<Half>.Shared.Return(halves);
            }, flush);
        }
    }

    // Temporary files of a run that was killed; removed.parquet belongs to another writer, which may be at work.
    private void DeleteLeftovers()
    {
        var leftovers = new[] { _folder, Path.Combine(_folder, "features"), Path.Combine(_folder, "metadata") }
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*" + AtomicFile.TemporarySuffix))
            .Where(path => !Path.GetFileName(path).StartsWith(IndexRemoval.FileName, StringComparison.Ordinal));
        foreach (var leftover in leftovers)
        {
            File.Delete(leftover);
        }
    }

    // What a run that was killed before its first manifest leaves.
    private static bool IsForeign(string path) =>
        Path.GetFileName(path) is not ("features" or "metadata" or ".lock" or IndexRemoval.FileName or FeatureIndex.FailuresFile)
        && !path.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal);
}
