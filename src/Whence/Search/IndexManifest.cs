using System.Text.Json;
using Whence.Encoders;
using Whence.Files;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>The index's table of contents, <c>whence.json</c>: what it was made with and which parts it consists of.</summary>
public sealed record IndexManifest
{
    /// <summary>The newest format version this build reads and the one it writes.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The largest dimension that is read and searched: encoders stay far below it, and buffers of a block of rows fit into memory.</summary>
    internal const int LargestDimension = 65_536;

    internal const string FileName = "whence.json";
    private const string FormatName = "whence-index";

    /// <summary>Always <c>whence-index</c>.</summary>
    public string Format { get; init; } = FormatName;

    /// <summary>Format version, from 1.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Name of the encoder that made the features.</summary>
    public required string Encoder { get; init; }

    /// <summary>The encoder's spec; null where features were imported and nobody said which encoder made them.</summary>
    public EncoderSpec? EncoderSpec { get; init; }

    /// <summary>Number of values in a feature.</summary>
    public required int Dimension { get; init; }

    /// <summary>How features are stored: F16 or F32.</summary>
    public required ElementType Type { get; init; }

    /// <summary>True where the stored features were L2-normalised before they came here; a mapper cannot be applied to them.</summary>
    public bool Normalized { get; init; }

    /// <summary>True where images were turned as their EXIF data says; queries are treated alike.</summary>
    public bool AutoOrient { get; init; }

    /// <summary>Number of rows, removed ones included.</summary>
    public long Count => Parts.Sum(p => (long)p.Rows);

    /// <summary>The parts in id order.</summary>
    public required IReadOnlyList<IndexPart> Parts { get; init; }

    /// <summary>Reads and checks the manifest of an index.</summary>
    /// <exception cref="WhenceException">The folder is no index, a newer Whence wrote it, or the manifest is damaged.</exception>
    public static IndexManifest Load(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new WhenceException(
                $"{folder}: {(Directory.Exists(folder) ? $"no index (it has no {FileName})" : "no such folder")}; build one with 'whence index SOURCE... --out {folder}'.");
        }

        try
        {
            using var document = JsonDocument.Parse(RegularFile.Length(path) > 0 ? File.ReadAllBytes(path) : throw new JsonException("it is empty or no regular file"));
            CheckFormat(path, document.RootElement);
            var manifest = document.Deserialize<IndexManifest>(SpecJson.Options) ?? throw new JsonException("it holds null");
            manifest.Validate();
            return manifest;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException or OverflowException)
        {
            throw new WhenceException(
                $"{path}: the manifest is damaged ({e.Message.ReplaceLineEndings(" ")}); restore it from a backup or index into a new folder.", e);
        }
    }

    /// <summary>Whether rows made as <paramref name="other"/> says may be added to this index.</summary>
    /// <exception cref="WhenceException">They differ; the message says in what.</exception>
    internal void RequireSameKind(IndexManifest other, string folder)
    {
        var sameEncoder = Encoder == other.Encoder
            && (EncoderSpec is null || other.EncoderSpec is null ? EncoderSpec == other.EncoderSpec : EncoderSpec.IsSameEncoder(other.EncoderSpec));
        var difference =
            !sameEncoder || Dimension != other.Dimension
                ? $"was made by encoder '{Encoder}' ({Dimension} values), not by '{other.Encoder}' ({other.Dimension} values){(Encoder == other.Encoder ? " with these weights and this preprocessing" : "")}"
            : Type != other.Type ? $"stores features as {Type}, not as {other.Type} (--dtype)"
            : Normalized != other.Normalized ? $"holds {(Normalized ? "features normalised before they were imported" : "raw features")}, these would be {(other.Normalized ? "normalised ones" : "raw ones")}"
            : AutoOrient != other.AutoOrient ? $"was built {(AutoOrient ? "with" : "without")} --auto-orient"
            : null;
        if (difference is not null)
        {
            throw new WhenceException($"{folder}: the index in it {difference}; go on in the same way, or give --out another folder.");
        }
    }

    internal void Save(string folder) => AtomicFile.Write(
        Path.Combine(folder, FileName), stream => JsonSerializer.Serialize(stream, this, SpecJson.Options));

    private static void CheckFormat(string path, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("format", out var format) || format.GetString() != FormatName
            || !root.TryGetProperty("version", out var version) || !version.TryGetInt32(out var number) || number < 1)
        {
            throw new JsonException($"it does not start with \"format\": \"{FormatName}\" and a version");
        }

        if (number > CurrentVersion)
        {
            throw new WhenceException(
                $"{path}: the index has format version {number}, this build reads up to {CurrentVersion}; update Whence.");
        }
    }

    private void Validate()
    {
        EncoderSpec?.Validate();
        var next = 0L;
        foreach (var part in Parts)
        {
            if (part is null || part.Rows < 1 || part.FirstId != next || part.Number < 0
                || part.FeaturesSha256 is not { Length: 64 } || part.MetadataSha256 is not { Length: 64 })
            {
                throw new JsonException($"part {part?.Number} has {part?.Rows} rows from id {part?.FirstId}, expected id {next}");
            }

            next = checked(next + part.Rows);
        }

        if (Dimension is < 1 or > LargestDimension || Type is not (ElementType.F16 or ElementType.F32)
            || (EncoderSpec is not null && EncoderSpec.Dimension != Dimension)
            || Parts.Select(p => p.Number).Distinct().Count() != Parts.Count)
        {
            throw new JsonException($"dimension {Dimension} and type {Type} do not fit together with the rest");
        }
    }
}

/// <summary>A run of consecutive ids: one features file and one metadata file.</summary>
public sealed record IndexPart
{
    /// <summary>Number in the files' names, from 0.</summary>
    public required int Number { get; init; }

    /// <summary>Id of the first row.</summary>
    public required long FirstId { get; init; }

    /// <summary>Number of rows, at least 1.</summary>
    public required int Rows { get; init; }

    /// <summary>SHA-256 of the features file.</summary>
    public required string FeaturesSha256 { get; init; }

    /// <summary>SHA-256 of the metadata file.</summary>
    public required string MetadataSha256 { get; init; }

    internal string FeaturesFile => $"features/part-{Number:D5}.npy";

    internal string MetadataFile => $"metadata/part-{Number:D5}.parquet";
}
