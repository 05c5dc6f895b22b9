using Whence.Files;

namespace Whence.Images;

/// <summary>
/// One image of a source, found but not yet read: small, so that millions may pass by and those already indexed cost no reading.
/// </summary>
/// <param name="source">See <see cref="Source"/>.</param>
/// <param name="key">See <see cref="Key"/>.</param>
/// <param name="read">Reads the image; may be called more than once and from several threads.</param>
public sealed class ImageItem(string source, string key, Func<CancellationToken, ValueTask<ImageContent>> read)
{
    /// <summary>
    /// Locator that finds the image again with <see cref="ImageSources.ReadAsync"/>: an absolute path, or
    /// <c>ABS/shard.tar::entry/name.jpg</c>, or <c>ABS/file.parquet::ROW</c> with rows counted from 0 through the whole file.
    /// </summary>
    public string Source { get; } = source;

    /// <summary>
    /// Short name, with <c>/</c> between folders: the path below the folder or glob's root, the line of a list, the WebDataset
    /// key in a tar file, the key column or else the row number of a Parquet file. Need not be unique. Empty for what stands
    /// for a broken shard.
    /// </summary>
    public string Key { get; } = key;

    /// <summary>Reads the bytes and what comes with them. Items may be read in any order and in parallel.</summary>
    /// <exception cref="WhenceException">This one image cannot be had; the others still can.</exception>
    public async ValueTask<ImageContent> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await read(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (RegularFile.IsInputError(error))
        {
            throw RegularFile.Unreadable(Source, error);
        }
    }

    /// <summary>What stands in for images that cannot be reached: reading it fails, so that the failure is counted.</summary>
    internal static ImageItem Failed(string source, string key, WhenceException error) =>
        new(source, key, _ => ValueTask.FromException<ImageContent>(error));
}
