namespace Whence.Search;

/// <summary>What the index knows of an image beside its feature: one row of <c>metadata/part-NNNNN.parquet</c>.</summary>
public sealed record IndexedImage
{
    /// <summary>Row number in the index, from 0 in source order; never used for another image.</summary>
    public required long Id { get; init; }

    /// <summary>Locator that finds the image again: a path, or <c>container::entry</c>.</summary>
    public required string Source { get; init; }

    /// <summary>The image's short name within its source.</summary>
    public required string Key { get; init; }

    /// <summary>Width in pixels as stored; null where features were imported without it.</summary>
    public int? Width { get; init; }

    /// <summary>Height in pixels as stored; null where features were imported without it.</summary>
    public int? Height { get; init; }

    /// <summary>SHA-256 of the file's bytes, lower-case hexadecimal; null where features were imported without it.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Caption; null where there is none.</summary>
    public string? Caption { get; init; }

    /// <summary>Every extra column that came along (creator, licence, url, ...), as text.</summary>
    public IReadOnlyDictionary<string, string> Extra { get; init; } = new Dictionary<string, string>();

    /// <summary>Key, caption, size, hash and extra columns as one dictionary of text, in the order they are shown.</summary>
    public IReadOnlyDictionary<string, string> ToMetadata()
    {
        var metadata = new Dictionary<string, string> { ["key"] = Key };
        Add("caption", Caption);
        foreach (var (name, value) in Extra)
        {
            metadata.TryAdd(name, value);
        }

        Add("width", Width?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Add("height", Height?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Add("sha256", Sha256);
        return metadata;

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                metadata.TryAdd(name, value);
            }
        }
    }
}

/// <summary>An image that could not be read or encoded: one row of <c>failures.parquet</c>.</summary>
/// <param name="Source">Locator of the image.</param>
/// <param name="Key">The image's short name within its source.</param>
/// <param name="Error">What was wrong with it.</param>
public sealed record FailedImage(string Source, string Key, string Error);
