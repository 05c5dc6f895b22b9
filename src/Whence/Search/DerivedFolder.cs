using System.Security.Cryptography;
using System.Text.Json;
using Whence.Encoders;
using Whence.Files;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// A folder in an index with files that are made of its features, for one mapper, and can be made again at any time. A table of contents
/// says what they were made of; one that is missing, unreadable, of another version or for somebody else is an empty one.
/// </summary>
/// <param name="Path">The folder: <c>NAME/features</c>, or <c>NAME/mapped-KEY</c> with a mapper.</param>
/// <param name="Encoder">Name of the index's encoder.</param>
/// <param name="Mapper">SHA-256 of the mapper's tensors; empty for none.</param>
internal sealed record DerivedFolder(string Path, string Encoder, string Mapper)
{
    private const string FeaturesName = "features";
    private const string MappedPrefix = "mapped-";
    private const int KeyLength = 16;

    /// <summary>The folder for an index and a mapper, there or not.</summary>
    public static DerivedFolder Of(FeatureIndex index, Mapper? mapper, string name) => Of(index, Key(mapper), name);

    /// <summary>The folders that are there for whatever mappers, in ordinal order; one whose table of contents means nothing is for none.</summary>
    public static IReadOnlyList<DerivedFolder> All<T>(FeatureIndex index, string name, string file, string format, int version)
        where T : DerivedContents
    {
        var root = System.IO.Path.Combine(index.Folder, name);
        return !Directory.Exists(root) ? [] : RegularFile.Guard(root, () => Directory.GetDirectories(root).Where(HasName).Order(StringComparer.Ordinal).Select(path =>
        {
            var nobody = new DerivedFolder(path, index.Manifest.Encoder, "");
            return Parse<T>(nobody[file]) is { Mapper: not null } contents && Of(index, contents.Mapper, name) is var folder && folder.Path == path
                && folder.Read<T>(file, format, version) is not null ? folder : nobody;
        }).ToArray());
    }

    /// <summary>Path of a file in the folder.</summary>
    public string this[string file] => System.IO.Path.Combine(Path, file);

    /// <summary>Reads a table of contents; null where it is none, or none of this format, version, encoder and mapper.</summary>
    public T? Read<T>(string file, string format, int version)
        where T : DerivedContents =>
        Parse<T>(this[file]) is { } contents
            && contents.Format == format && contents.Version == version && contents.Encoder == Encoder && contents.Mapper == Mapper
            ? contents
            : null;

    /// <summary>Writes a table of contents: what it names counts from now on.</summary>
    public void Write<T>(string file, T contents)
        where T : DerivedContents =>
        AtomicFile.Write(this[file], stream => JsonSerializer.Serialize(stream, contents, SpecJson.Options));

    private static DerivedFolder Of(FeatureIndex index, string mapper, string name) => new(
        System.IO.Path.Combine(index.Folder, name, mapper.Length == 0 ? FeaturesName : MappedPrefix + mapper[..Math.Min(KeyLength, mapper.Length)]),
        index.Manifest.Encoder,
        mapper);

    private static bool HasName(string folder) =>
        System.IO.Path.GetFileName(folder) is var name
        && (name == FeaturesName || (name.StartsWith(MappedPrefix, StringComparison.Ordinal) && name[MappedPrefix.Length..].All(char.IsAsciiHexDigitLower)));

    private static T? Parse<T>(string path)
        where T : DerivedContents
    {
        try
        {
            return RegularFile.Length(path) > 0 ? JsonSerializer.Deserialize<T>(File.ReadAllBytes(path), SpecJson.Options) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Key(Mapper? mapper)
    {
        if (mapper is null)
        {
            return "";
        }

        using var bytes = new MemoryStream();
        SafetensorsFile.Write(bytes, [.. mapper.State("")]);
        return Convert.ToHexStringLower(SHA256.HashData(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
    }
}

/// <summary>What every table of contents of a <see cref="DerivedFolder"/> begins with.</summary>
internal abstract record DerivedContents(string Format, int Version, string Encoder, string Mapper);
