using System.Text.Json;
using System.Text.Json.Serialization;

namespace Whence.Encoders;

/// <summary>An encoder whose weights are to be had from its authors: they are not part of Whence.</summary>
public sealed record CatalogueEntry
{
    /// <summary>What the encoder is; the checksum of its model is empty where none is published.</summary>
    public required EncoderSpec Spec { get; init; }

    /// <summary>Where the file of the model is published, the best place first.</summary>
    public required IReadOnlyList<string> Urls { get; init; }

    /// <summary>Size of that file in bytes; null where it is not known.</summary>
    public long? Size { get; init; }

    /// <summary>SHA-256 of that file, lower-case hexadecimal; null where none is published.</summary>
    [JsonIgnore]
    public string? Sha256 => Model.Sha256 is { Length: > 0 } published ? published : null;

    [JsonIgnore]
    internal ModelFile Model => Spec.Model!;
}

/// <summary>The encoders that Whence knows how to describe and where to fetch, whether they are here or not (<c>docs/encoders.md</c>).</summary>
public static class EncoderCatalogue
{
    private static readonly Lazy<IReadOnlyList<CatalogueEntry>> Read = new(() =>
    {
        using var stream = typeof(EncoderCatalogue).Assembly.GetManifestResourceStream("catalogue.json")!;
        return JsonSerializer.Deserialize<CatalogueEntry[]>(stream, SpecJson.Options)!;
    });

    /// <summary>All of them, in the order of the documentation.</summary>
    public static IReadOnlyList<CatalogueEntry> Entries => Read.Value;

    /// <summary>The entry of a name; null where there is none.</summary>
    public static CatalogueEntry? Find(string name) => Entries.FirstOrDefault(entry => entry.Spec.Name == name);

    /// <summary>The entry of a name.</summary>
    /// <exception cref="WhenceException">There is none; the message lists all.</exception>
    public static CatalogueEntry Get(string name) => Find(name) ?? throw new WhenceException(
        $"'{name}' is not in the catalogue, which has {string.Join(", ", Entries.Select(entry => entry.Spec.Name))}; for another model write a spec (docs/encoders.md).");
}
