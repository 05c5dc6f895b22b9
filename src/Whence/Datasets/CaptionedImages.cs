using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Whence.Images;
using Whence.Search;

namespace Whence.Datasets;

/// <summary>Images with captions, decoded once to a square of pixels and held in memory, in the order of their sources.</summary>
public sealed class CaptionedImages
{
    private byte[][]? _pixels;

    private CaptionedImages(int size, byte[][] pixels, IReadOnlyList<string> captions) => (Size, _pixels, Captions) = (size, pixels, captions);

    /// <summary>Side in pixels.</summary>
    public int Size { get; }

    /// <summary>Number of images.</summary>
    public int Count => Captions.Count;

    /// <summary>A caption for each image.</summary>
    public IReadOnlyList<string> Captions { get; }

    /// <summary>Images without a caption, which are left out.</summary>
    public int WithoutCaption { get; private init; }

    /// <summary>Images that could not be read, which are left out.</summary>
    public IReadOnlyList<UnreadImage> Unread { get; private init; } = [];

    /// <summary>The pixels of an image: size x size x 3 bytes, row-major, red, green, blue.</summary>
    /// <exception cref="InvalidOperationException">They were let go: a training that loaded the images needs none of them any more.</exception>
    public ReadOnlySpan<byte> Pixels(int image) => (_pixels ?? throw new InvalidOperationException("The pixels were let go; load the images again."))[image];

    /// <summary>Images that somebody made.</summary>
    /// <param name="size">Side in pixels, at least 1.</param>
    /// <param name="images">Pixels of size x size x 3 bytes, and a caption.</param>
    /// <exception cref="ArgumentException">An image has another number of bytes.</exception>
    public static CaptionedImages Of(int size, IReadOnlyList<(byte[] Pixels, string Caption)> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        return images.Any(image => image.Pixels.Length != size * size * 3)
            ? throw new ArgumentException($"An image has not {size} x {size} x 3 bytes.", nameof(images))
            : new CaptionedImages(size, [.. images.Select(i => i.Pixels)], [.. images.Select(i => i.Caption)]);
    }

    /// <summary>Reads images: the short side becomes the size by Pillow's bicubic filter, and what the square in the centre does not hold is cut off.</summary>
    /// <param name="sources">Folders, lists, tar files, ... (<see cref="ImageSources"/>); captions in the text file beside an image or its JSON.</param>
    /// <param name="metadata">Table with a column <c>caption</c> and others, which comes first; null for none.</param>
    /// <param name="size">Side in pixels, at least 1.</param>
    /// <param name="where">Which images, by their metadata (<see cref="MetadataPredicate"/>); null for all.</param>
    /// <param name="threads">Images that are decoded at a time.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="WhenceException">A source or the table cannot be read, no image has a column that the filter names, or no image with a caption is left.</exception>
    public static async Task<CaptionedImages> LoadAsync(
        IReadOnlyList<string> sources, string? metadata, int size, MetadataPredicate? where = null, int threads = 1, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sources);
        var table = metadata is null ? null : await MetadataTable.LoadAsync(metadata, cancellation);
        var items = new List<ImageItem>();
        await foreach (var item in ImageSources.EnumerateAsync(sources, DecodeLimits.Default.MaxFileBytes, cancellation))
        {
            items.Add(item);
        }

        var preprocessor = new Preprocessor(new PreprocessingSpec { Resize = size, Crop = size, Interpolation = Interpolation.Bicubic });
        var read = new Read[items.Count];
        var columns = new ConcurrentDictionary<string, bool>((table?.Columns ?? []).Select(name => KeyValuePair.Create(name, true)), StringComparer.Ordinal);
        await Parallel.ForEachAsync(
            Enumerable.Range(0, items.Count),
            new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation },
            async (i, stop) => read[i] = await ReadAsync(items[i], table, where, columns, preprocessor, stop));
        if (read.Any(r => r.Error is null))
        {
            where?.RequireColumns(string.Join(", ", sources), columns.Keys.ToHashSet(StringComparer.Ordinal), () => columns.Keys.Order(StringComparer.Ordinal));
        }

        Read[] usable = [.. read.Where(r => r.Pixels is not null)];
        var (without, unread) = (read.Count(r => r.WithoutCaption), read.Where(r => r.Error is not null).Select(r => r.Error!.Value).ToArray());
        return usable.Length > 0
            ? new CaptionedImages(size, [.. usable.Select(r => r.Pixels!)], [.. usable.Select(r => r.Caption!)]) { WithoutCaption = without, Unread = unread }
            : throw new WhenceException(
                $"{string.Join(", ", sources)}: of {items.Count} images none can be trained with: {without} have no caption, {unread.Length} cannot be read"
                + $"{(unread is [var first, ..] ? $" ({first.Path}: {first.Error})" : "")}{(where is null ? "" : $", the others are not '{where}'")}; captions stand in NAME.txt beside each image, or in a table's column 'caption'.");
    }

    /// <summary>Lets go of the pixels, which are most of the memory; all else stays.</summary>
    internal void ReleasePixels() => _pixels = null;

    /// <summary>A checksum of the pixels and captions in their order, lower-case hexadecimal.</summary>
    public string Sha256()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(BitConverter.GetBytes(Size));
        for (var i = 0; i < Count; i++)
        {
            hash.AppendData(Pixels(i));
            var caption = Encoding.UTF8.GetBytes(Captions[i]);
            hash.AppendData(BitConverter.GetBytes(caption.Length));
            hash.AppendData(caption);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static async ValueTask<Read> ReadAsync(
        ImageItem item, MetadataTable? table, MetadataPredicate? where, ConcurrentDictionary<string, bool> columns, Preprocessor preprocessor, CancellationToken cancellation)
    {
        try
        {
            var content = await item.ReadAsync(cancellation);
            if (where is not null)
            {
                var values = MetadataTable.Joined(content.Metadata, table?.Find(item));
                foreach (var name in values.Keys)
                {
                    columns.TryAdd(name, true);
                }

                if (!where.Holds(values))
                {
                    return default;
                }
            }

            var caption = table?.FindCaption(item) ?? content.Caption;
            if (string.IsNullOrWhiteSpace(caption))
            {
                return new Read { WithoutCaption = true };
            }

            var crop = preprocessor.Crop(content.Bytes.Span);
            var pixels = new byte[crop.Width * crop.Height * 3];
            crop.CopyRgbTo(pixels);
            return new Read { Pixels = pixels, Caption = caption.Trim() };
        }
        catch (WhenceException e)
        {
            return new Read { Error = new UnreadImage(item.Source, e.Message) };
        }
    }

    private readonly record struct Read(byte[]? Pixels, string? Caption, bool WithoutCaption, UnreadImage? Error);
}
