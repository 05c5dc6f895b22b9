namespace Whence.Images;

/// <summary>
/// How columns that come with the images are named beside the index's own. Columns that only repeat what Whence knows itself
/// are dropped rather than stored twice (<c>key</c>, <c>width</c>, <c>height</c>, <c>caption</c>, as img2dataset writes them).
/// Others that carry a name of the index (<c>id</c>, <c>source</c>, <c>sha256</c>) say something else, for example the hash of
/// the original before it was resized, and get the prefix <c>meta_</c>. Case does not matter.
/// </summary>
public static class MetadataNames
{
    private static readonly HashSet<string> Repeated = new(StringComparer.OrdinalIgnoreCase) { "key", "width", "height", "caption" };
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase) { "id", "source", "sha256" };

    /// <summary>The name to store a column of an image's sidecar or Parquet row under; null if it is dropped.</summary>
    public static string? ForImage(string column) => Repeated.Contains(column) ? null : Rename(column);

    /// <summary>The name to store a column of a <see cref="MetadataTable"/> under: there nothing is dropped, since the person chose it.</summary>
    public static string ForTable(string column) => Repeated.Contains(column) ? "meta_" + column : Rename(column);

    private static string Rename(string column) => Reserved.Contains(column) ? "meta_" + column : column;
}
