using Microsoft.Win32.SafeHandles;
using Whence.Files;

namespace Whence.Images;

/// <summary>
/// A tar file in WebDataset's layout: entries that follow each other and share a key (the name up to the first dot of its last
/// part) are one sample, for example <c>000.jpg</c>, <c>000.txt</c>, <c>000.json</c>.
/// </summary>
internal static class TarSource
{
    private const int MaxEntriesOfSample = 1024;

    /// <summary>The images, lazily; where the file is broken a last item stands for the rest and fails when it is read.</summary>
    public static IEnumerable<ImageItem> Enumerate(string path, long maxFileBytes)
    {
        SafeFileHandle? file = null;
        WhenceException? broken = null;
        try
        {
            file = RegularFile.Open(path);
        }
        catch (WhenceException error)
        {
            broken = error;
        }

        using (file)
        {
            using var entries = file is null ? null : TarHeaders.List(file, path).GetEnumerator();
            var sample = new List<(TarPart Entry, string Extension)>();
            var key = "";
            while (entries is not null && TryNext(entries, out broken))
            {
                var entry = entries.Current;
                if (Split(entry.Name) is not { } name)
                {
                    continue;
                }

                if (name.Key != key || sample.Count == MaxEntriesOfSample)
                {
                    foreach (var item in Items(path, key, sample, maxFileBytes))
                    {
                        yield return item;
                    }

                    sample.Clear();
                }

                key = name.Key;
                sample.Add((entry, name.Extension));
            }

            foreach (var item in Items(path, key, sample, maxFileBytes))
            {
                yield return item;
            }
        }

        if (broken is not null)
        {
            yield return ImageItem.Failed($"{path}::", "", broken);
        }
    }

    /// <summary>Reads one entry again.</summary>
    public static async ValueTask<byte[]> ReadEntryAsync(string path, string name, long maxFileBytes, CancellationToken cancellationToken)
    {
        using var file = RegularFile.Open(path);
        foreach (var entry in TarHeaders.List(file, path))
        {
            if (entry.Name == name)
            {
                return await ReadAsync(file, path, entry, maxFileBytes, ImageFile.LimitOption, cancellationToken).ConfigureAwait(false);
            }
        }

        throw new WhenceException($"{path}: no longer holds an entry {name}; was the file replaced?");
    }

    private static bool TryNext(IEnumerator<TarPart> entries, out WhenceException? broken)
    {
        broken = null;
        try
        {
            return entries.MoveNext();
        }
        catch (WhenceException error)
        {
            broken = error;
            return false;
        }
    }

    // At the first dot of the last part. Null for hidden names, as macOS puts them beside each file ("._000.jpg").
    private static (string Key, string Extension)? Split(string name)
    {
        while (name.StartsWith("./", StringComparison.Ordinal))
        {
            name = name[2..];
        }

        if (name.StartsWith('.') || name.Contains("/.", StringComparison.Ordinal))
        {
            return null;
        }

        var dot = name.IndexOf('.', name.LastIndexOf('/') + 1);
        return dot < 0 ? (name, "") : (name[..dot], name[dot..]);
    }

    private static IEnumerable<ImageItem> Items(string path, string key, List<(TarPart Entry, string Extension)> sample, long maxFileBytes)
    {
        var text = Find(".txt");
        var json = Find(".json");
        foreach (var (image, _) in sample.Where(part => ImageFile.HasImageName(part.Extension)))
        {
            yield return new ImageItem($"{path}::{image.Name}", key, async cancellationToken =>
            {
                using var file = RegularFile.Open(path);
                return Sidecar.Join(
                    await ReadAsync(file, path, image, maxFileBytes, ImageFile.LimitOption, cancellationToken).ConfigureAwait(false),
                    await ReadSidecarAsync(file, text, cancellationToken).ConfigureAwait(false),
                    await ReadSidecarAsync(file, json, cancellationToken).ConfigureAwait(false),
                    $"{path}::{json?.Name}");
            });
        }

        TarPart? Find(string extension)
        {
            foreach (var part in sample)
            {
                if (part.Extension.Equals(extension, StringComparison.OrdinalIgnoreCase))
                {
                    return part.Entry;
                }
            }

            return null;
        }

        async ValueTask<byte[]?> ReadSidecarAsync(SafeFileHandle file, TarPart? entry, CancellationToken cancellationToken) =>
            entry is { Length: > 0 } some
                ? await ReadAsync(file, path, some, Sidecar.MaxBytes, null, cancellationToken).ConfigureAwait(false)
                : null;
    }

    private static ValueTask<byte[]> ReadAsync(
        SafeFileHandle file, string path, TarPart entry, long limit, string? option, CancellationToken cancellationToken)
    {
        RegularFile.CheckSize($"{path}::{entry.Name}", entry.Length, limit, option);
        return RegularFile.ReadAsync(file, path, entry.Offset, (int)entry.Length, cancellationToken);
    }
}
