using System.Globalization;
using System.Runtime.CompilerServices;
using Parquet.Schema;
using Whence.Files;

namespace Whence.Images;

/// <summary>
/// Images in a Parquet file: a column of bytes (<c>image</c>, <c>jpg</c>, ...; also Hugging Face's struct <c>image.bytes</c>),
/// a key, a caption, and every other scalar column as metadata.
/// </summary>
internal static class ParquetSource
{
    private static readonly string[] ImageNames = ["image", "jpg", "png", "webp", "bytes", "image_bytes", "img", "content"];
    private static readonly string[] KeyNames = ["key", "id", "filename", "path"];
    private static readonly string[] CaptionNames = ["caption", "text", "TEXT"];

    /// <summary>
    /// The images, lazily: only keys are read on the way, the rest of a row group when its first image is read. A row group that
    /// cannot be read is stood for by one item that fails.
    /// </summary>
    public static async IAsyncEnumerable<ImageItem> EnumerateAsync(
        string path, long maxFileBytes, RowGroupCache cache, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ParquetTable? table = null;
        WhenceException? broken = null;
        DataField? image = null, key = null;
        try
        {
            table = await ParquetTable.OpenAsync(path, cancellationToken).ConfigureAwait(false);
            image = FindImage(table);
            key = FindKey(table, image);
        }
        catch (WhenceException error)
        {
            broken = error;
        }

        if (table is null)
        {
            yield return ImageItem.Failed($"{path}::", "", broken!);
            yield break;
        }

        await using var closing = table.ConfigureAwait(false);
        if (image is null)
        {
            yield return ImageItem.Failed($"{path}::", "", broken!);
            yield break;
        }

        long first = 0;
        for (var group = 0; group < table.RowGroupCount; group++)
        {
            string?[]? keys = null;
            try
            {
                await table.CheckAsync(group, image).ConfigureAwait(false);
                keys = key is null ? null : await table.ReadTextAsync(group, key, cancellationToken).ConfigureAwait(false);
                broken = null;
            }
            catch (WhenceException error)
            {
                broken = error;
            }

            var rows = table.RowsIn(group);
            if (broken is not null)
            {
                yield return ImageItem.Failed($"{path}::", "", broken);
            }

            for (var row = 0; row < rows && broken is null; row++)
            {
                var (groupNow, rowNow) = (group, row);
                var locator = $"{path}::{(first + row).ToString(CultureInfo.InvariantCulture)}";
                yield return new ImageItem(locator, keys?[row] ?? (first + row).ToString(CultureInfo.InvariantCulture), async token =>
                    (await cache.GetAsync(path, groupNow, token).ConfigureAwait(false)).Row(rowNow, locator, maxFileBytes));
            }

            first += rows;
        }
    }

    /// <summary>Reads the image of one row again. The whole column of its row group is read for it.</summary>
    public static async ValueTask<byte[]> ReadRowAsync(string path, string row, long maxFileBytes, CancellationToken cancellationToken)
    {
        var table = await ParquetTable.OpenAsync(path, cancellationToken).ConfigureAwait(false);
        await using var closing = table.ConfigureAwait(false);
        if (long.TryParse(row, NumberStyles.None, CultureInfo.InvariantCulture, out var left))
        {
            var image = FindImage(table);
            for (var group = 0; group < table.RowGroupCount; left -= table.RowsIn(group++))
            {
                if (left < table.RowsIn(group))
                {
                    var bytes = await table.ReadBytesAsync(group, image, cancellationToken).ConfigureAwait(false);
                    return Checked(bytes[left], $"{path}::{row}", maxFileBytes);
                }
            }
        }

        throw new WhenceException($"{path}: no longer holds a row {row}; was the file replaced?");
    }

    /// <summary>Reads all columns of a row group that belong to its images.</summary>
    public static async Task<ImageRows> LoadAsync(string path, int group)
    {
        var table = await ParquetTable.OpenAsync(path, CancellationToken.None).ConfigureAwait(false);
        await using var closing = table.ConfigureAwait(false);
        var image = FindImage(table);
        var caption = CaptionNames.Select(table.Find).FirstOrDefault(column => column is not null && IsText(column));
        var key = FindKey(table, image);
        var metadata = new Dictionary<string, string?[]>(StringComparer.Ordinal);
        foreach (var column in table.Columns.Where(column => column != image && column != caption && column != key && ParquetTable.IsScalar(column)))
        {
            if (MetadataNames.ForImage(ParquetTable.NameOf(column)) is { } name
                && !metadata.TryAdd(name, await table.ReadTextAsync(group, column, CancellationToken.None).ConfigureAwait(false)))
            {
                throw new WhenceException($"{path}: two columns would be stored as {name}; rename one");
            }
        }

        return new ImageRows(
            await table.ReadBytesAsync(group, image, CancellationToken.None).ConfigureAwait(false),
            caption is null ? null : await table.ReadTextAsync(group, caption, CancellationToken.None).ConfigureAwait(false),
            metadata);
    }

    private static byte[] Checked(byte[]? image, string locator, long maxFileBytes)
    {
        if (image is not { Length: > 0 })
        {
            throw new WhenceException($"{locator}: the row holds no image");
        }

        RegularFile.CheckSize(locator, image.Length, maxFileBytes, ImageFile.LimitOption);
        return image;
    }

    private static DataField FindImage(ParquetTable table) =>
        ImageNames.SelectMany(name => new[] { table.Find(name), table.Find(name + ".bytes") })
            .FirstOrDefault(column => column is not null && ParquetTable.IsBinary(column))
        ?? throw new WhenceException(
            $"{table.Path}: no column of image bytes ({string.Join(", ", ImageNames)} or image.bytes) among {Shown(table)}; a table "
            + "without images can be joined to images as metadata instead");

    private static DataField? FindKey(ParquetTable table, DataField image)
    {
        var beside = ParquetTable.NameOf(image) is var name && name.EndsWith(".bytes", StringComparison.Ordinal) ? name[..^6] + ".path" : "";
        return KeyNames.Append(beside).Select(table.Find).FirstOrDefault(column => column is not null && IsText(column));
    }

    // Text may lack its annotation and look like bytes.
    private static bool IsText(DataField column) => ParquetTable.IsScalar(column) || ParquetTable.IsBinary(column);

    private static string Shown(ParquetTable table) =>
        string.Join(", ", table.Columns.Take(20).Select(ParquetTable.NameOf)) + (table.Columns.Count > 20 ? ", ..." : "");

    /// <summary>A row group in memory.</summary>
    internal sealed record ImageRows(byte[]?[] Images, string?[]? Captions, IReadOnlyDictionary<string, string?[]> Metadata)
    {
        public ImageContent Row(int row, string locator, long maxFileBytes) => new(
            Checked(Images[row], locator, maxFileBytes),
            Captions?[row],
            Metadata.Where(column => column.Value[row] is not null).ToDictionary(column => column.Key, column => column.Value[row]!, StringComparer.Ordinal));
    }
}
