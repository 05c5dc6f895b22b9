using Whence.Files;

namespace Whence.Images;

/// <summary>A plain image file and its sidecars.</summary>
internal static class ImageFile
{
    /// <summary>What raises the size limit, named in messages.</summary>
    public const string LimitOption = "--max-file-bytes";

    private static readonly HashSet<string> Extensions =
        new(StringComparer.OrdinalIgnoreCase) { ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".jfif" };

    /// <summary>Whether a name has an image's extension.</summary>
    public static bool HasImageName(string name) => Extensions.Contains(Path.GetExtension(name));

    /// <summary>An item for the file at an absolute path.</summary>
    public static ImageItem Item(string path, string key, long maxFileBytes) => new(path, key, async cancellationToken =>
    {
        var image = await RegularFile.ReadAllAsync(path, maxFileBytes, LimitOption, cancellationToken).ConfigureAwait(false);
        var json = Path.ChangeExtension(path, ".json");
        return Sidecar.Join(
            image,
            await ReadSidecarAsync(Path.ChangeExtension(path, ".txt"), cancellationToken).ConfigureAwait(false),
            await ReadSidecarAsync(json, cancellationToken).ConfigureAwait(false),
            json);
    });

    // An empty caption file means no caption, which RegularFile would refuse.
    private static async ValueTask<byte[]?> ReadSidecarAsync(string path, CancellationToken cancellationToken) =>
        File.Exists(path) && (new FileInfo(path) is { LinkTarget: not null } or { Length: > 0 })
            ? await RegularFile.ReadAllAsync(path, Sidecar.MaxBytes, null, cancellationToken).ConfigureAwait(false)
            : null;
}
