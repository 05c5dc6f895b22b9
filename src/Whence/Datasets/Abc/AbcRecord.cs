using System.Text.Json;
using Whence.Files;

namespace Whence.Datasets.Abc;

/// <summary>What was made of a model, as <c>models/ID/model.json</c> has it: written last, so that where it is the model is whole. Paths are relative to the data set's folder.</summary>
public sealed record AbcRecord
{
    /// <summary>Folder of the models in a data set.</summary>
    internal const string Models = "models";

    private const string FileName = "model.json";
    private const int MaxBytes = 1 << 26;

    /// <summary>Name of the model.</summary>
    public required string Id { get; init; }

    /// <summary>Name of its set.</summary>
    public required string Set { get; init; }

    /// <summary>Whether it is of an object or of a style.</summary>
    public required AbcKind Kind { get; init; }

    /// <summary>What it is for.</summary>
    public required AbcSplit Split { get; init; }

    /// <summary>What the exemplar shows; null of styles.</summary>
    public string? Category { get; init; }

    /// <summary>The style, or what the category is held out by.</summary>
    public required string Group { get; init; }

    /// <summary>The prompt that it was customized with (<see cref="AbcModel.Prompt"/>); null of a baseline, which was not.</summary>
    public string? Prompt { get; init; }

    /// <summary>The seed of its customization.</summary>
    public required long Seed { get; init; }

    /// <summary>Loss of the customization's last steps, the mean of a tenth of them; null of a baseline.</summary>
    public double? Loss { get; init; }

    /// <summary>What it was customized on.</summary>
    public required IReadOnlyList<AbcExemplarRecord> Exemplars { get; init; }

    /// <summary>What it drew.</summary>
    public required IReadOnlyList<AbcSampleRecord> Samples { get; init; }

    /// <summary>What the model drew of the same words with the same noise before it was customized, of each prompt a few; null of a baseline, and where nothing is checked.</summary>
    public IReadOnlyList<AbcSampleRecord>? Before { get; init; }

    /// <summary>What was measured of it; null of a baseline, and where nothing is checked.</summary>
    public AbcCheckRecord? Check { get; init; }

    /// <summary>Why it is in no list; null where it is. In the manifest only, since it depends on the thresholds of the time.</summary>
    public IReadOnlyList<AbcFault>? Faults { get; init; }

    /// <summary>The weights that it learned; null where they were not kept.</summary>
    public AbcFileRecord? Concept { get; init; }

    /// <summary>All of its files but the record, with their checksums.</summary>
    internal IEnumerable<AbcFileRecord> Files =>
        [.. Exemplars.Select(e => new AbcFileRecord(e.Path, e.Sha256)), .. Samples.Concat(Before ?? []).Select(s => new AbcFileRecord(s.Path, s.Sha256)), .. Concept is null ? (AbcFileRecord[])[] : [Concept]];

    /// <summary>Folder of a model, relative to the data set's.</summary>
    internal static string FolderOf(string id) => $"{Models}/{id}";

    /// <summary>Whether a model is whole.</summary>
    internal static bool IsThere(string folder, string id) => File.Exists(PathOf(folder, id));

    /// <summary>Reads the record of a model.</summary>
    /// <exception cref="WhenceException">Missing or damaged.</exception>
    internal static AbcRecord Load(string folder, string id)
    {
        var path = PathOf(folder, id);
        try
        {
            var record = JsonSerializer.Deserialize<AbcRecord>(RegularFile.ReadAll(path, MaxBytes), RecipeJson.Options) ?? throw new JsonException("it holds null.");
            return record.Id == id && AbcSet.IsName(record.Set) && record.Exemplars.Count > 0 && record.Exemplars.All(e => e is not null) && record.Samples.Concat(record.Before ?? []).All(s => s is not null) && record.Files.All(f => IsIn(f.Path, id))
                ? record
                : throw new JsonException("it is of another model, or names files outside its folder.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new WhenceException($"{path}: is damaged, {RegularFile.OneLine(e.Message)} Delete the folder '{FolderOf(id)}', and the model is made anew.", e);
        }
    }

    /// <summary>Writes the record, whole or not at all.</summary>
    internal void Save(string folder) => AtomicFile.Write(PathOf(folder, Id), stream => JsonSerializer.Serialize(stream, this, RecipeJson.Indented));

    // A record may come from a stranger's part of a data set.
    private static bool IsIn(string? path, string id) =>
        path is not null && path.StartsWith(FolderOf(id) + "/", StringComparison.Ordinal) && path.Split('/').All(part => part.Length > 0 && part is not ("." or "..") && part.IndexOfAny(['\\', ':']) < 0);

    private static string PathOf(string folder, string id) => Path.Combine(folder, Models, id, FileName);
}

/// <summary>An exemplar.</summary>
/// <param name="Path">The file.</param>
/// <param name="Name">What it was called where it came from (<see cref="AbcImage.Name"/>).</param>
/// <param name="Sha256">Checksum of the file, lower-case hexadecimal.</param>
/// <param name="Caption">What is said of it; null for nothing.</param>
/// <param name="Prompt">The prompt that it was trained with, where that is not the model's as it stands; null where it is.</param>
public sealed record AbcExemplarRecord(string Path, string Name, string Sha256, string? Caption, string? Prompt = null);

/// <summary>An image that a model drew.</summary>
/// <param name="Path">The file, PNG.</param>
/// <param name="Type">Type of its prompt.</param>
/// <param name="Prompt">Its prompt.</param>
/// <param name="Seed">Seed of its noise.</param>
/// <param name="Sha256">Checksum of the file, lower-case hexadecimal.</param>
/// <param name="Similarity">To the exemplar that it is most like; null where nothing is checked.</param>
/// <param name="Pixels">Mean difference of colours from that exemplar, 0 to 1; null where nothing is checked.</param>
/// <param name="Copy">True where it is nearly equal to that exemplar, else null. In the manifest only.</param>
public sealed record AbcSampleRecord(string Path, string Type, string Prompt, long Seed, string Sha256, double? Similarity = null, double? Pixels = null, bool? Copy = null);

/// <summary>A file.</summary>
/// <param name="Path">The file.</param>
/// <param name="Sha256">Its checksum, lower-case hexadecimal.</param>
public sealed record AbcFileRecord(string Path, string Sha256);
