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
    public static DerivedFolder Of(FeatureIndex index, Mapper? mapper, string name)
    {
        var key = Key(mapper);
        return new(System.IO.Path.Combine(index.Folder, name, mapper is null ? "features" : $"mapped-{key[..16]}"), index.Manifest.Encoder, key);
    }

    /// <summary>Path of a file in the folder.</summary>
    public string this[string file] => System.IO.Path.Combine(Path, file);

    /// <summary>Reads a table of contents; null where it is none, or none of this format, version, encoder and mapper.</summary>
    public T? Read<T>(string file, string format, int version)
        where T : DerivedContents
    {
        try
        {
            return File.Exists(this[file]) && JsonSerializer.Deserialize<T>(File.ReadAllBytes(this[file]), SpecJson.Options) is { } contents
                && contents.Format == format && contents.Version == version && contents.Encoder == Encoder && contents.Mapper == Mapper
                ? contents
                : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes a table of contents: what it names counts from now on.</summary>
    public void Write<T>(string file, T contents)
        where T : DerivedContents =>
        AtomicFile.Write(this[file], stream => JsonSerializer.Serialize(stream, contents, SpecJson.Options));

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
