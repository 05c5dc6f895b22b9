using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Whence.Encoders;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Datasets;

/// <summary>An image to encode.</summary>
/// <param name="Name">What the test case or the source calls it.</param>
/// <param name="Source">Where it is, as for <see cref="ImageSources.ReadAsync"/>.</param>
/// <param name="Item">Reads it.</param>
internal sealed record ExtractionImage(string Name, string Source, ImageItem Item);

/// <summary>The images of an extraction, each once, in the order in which they are first named.</summary>
internal sealed class ExtractionImages
{
    private const string Separator = "::";
    private const int MaxPathLength = 400;

    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<ExtractionImage> _images = [];

    /// <summary>The images.</summary>
    public IReadOnlyList<ExtractionImage> Images => _images;

    /// <summary>Times that an image was named again.</summary>
    public long Repeated { get; private set; }

    /// <summary>Per image a number that changes when its file does; set by <see cref="CheckFiles"/>.</summary>
    public long[] Stamps { get; private set; } = [];

    /// <summary>The number of the image of a name.</summary>
    public int this[string name] => _numbers[name];

    /// <summary>Adds an image unless one of that name is there.</summary>
    public void Add(string name, Func<ExtractionImage> image)
    {
        if (_numbers.TryAdd(name, _images.Count))
        {
            _images.Add(image());
        }
        else
        {
            Repeated++;
        }
    }

    /// <summary>Looks at every file before any work is done.</summary>
    /// <param name="advice">What to do about missing ones.</param>
    /// <exception cref="WhenceException">Some are missing; the message names up to a dozen.</exception>
    public void CheckFiles(string advice)
    {
        var containers = new Dictionary<string, long?>(StringComparer.Ordinal);
        var (stamps, missing) = (new long[_images.Count], new List<string>());
        foreach (var (i, image) in _images.Index())
        {
            if ((Stamp(image.Source) ?? StampOfContainer(image.Source)) is { } stamp)
            {
                stamps[i] = stamp;
            }
            else
            {
                missing.Add(image.Source);
            }
        }

        Stamps = missing.Count == 0 ? stamps : throw new WhenceException(
            $"{missing.Count:N0} of {_images.Count:N0} images are missing: {Listing.Of(missing, MaxPathLength)}; {advice}.");

        // The last separator behind something that exists, as for reading. Whether the entry is in it shows when it is read.
        long? StampOfContainer(string source)
        {
            for (var at = source.Length; at > 0 && (at = source.LastIndexOf(Separator, at - 1, StringComparison.Ordinal)) > 0;)
            {
                ref var stamp = ref CollectionsMarshal.GetValueRefOrAddDefault(containers, source[..at], out var known);
                if (!known)
                {
                    stamp = Stamp(source[..at]);
                }

                if (stamp is not null)
                {
                    return stamp;
                }
            }

            return null;
        }
    }

    /// <summary>What an interrupted run must have in common with this one, so that its features can be used: a SHA-256.</summary>
    public byte[] Key(EncoderSpec encoder, FeatureExtractionOptions options)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(System.Text.Json.JsonSerializer.Serialize(encoder, SpecJson.Options));
        Append($"views {options.Views}, auto-orient {options.AutoOrient}");
        if (options.Views > 0)
        {
            Append($"augmentation {options.Augmentation}, seed {options.Seed}");
        }

        foreach (var image in _images)
        {
            Append(image.Name);
            Append(image.Source);
            if (options.Captions is not null)
            {
                Append(options.Captions.FindCaption(image.Item) ?? "");
            }
        }

        return hash.GetHashAndReset();

        void Append(string text)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text));
            hash.AppendData([0]);
        }
    }

    private static long? Stamp(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? (long)XxHash3.HashToUInt64(MemoryMarshal.AsBytes<long>([file.Length, file.LastWriteTimeUtc.Ticks]))
            : Directory.Exists(path) ? 0 // stands for a folder that cannot be listed, which reading will tell
            : null;
    }
}
