using System.Diagnostics;
using Whence.Encoders;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>What a build would cost, measured on a few of its images.</summary>
public sealed record IndexEstimate
{
    private const int SampleSize = 32;

    // Metadata is mostly the locator and the hash, compressed; measured on photographs with short captions.
    private const int MetadataBytesPerRow = 200;

    /// <summary>Images that the index does not have yet.</summary>
    public required long New { get; init; }

    /// <summary>Images that it has, or knows to be bad.</summary>
    public required long Known { get; init; }

    /// <summary>Images that were encoded to measure the rate.</summary>
    public required int Sampled { get; init; }

    /// <summary>Measured rate of the whole pipeline; 0 where there was nothing to measure.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Expected size on disk, in bytes.</summary>
    public required long Bytes { get; init; }

    /// <summary>Free space where the index would lie, in bytes.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>Expected time.</summary>
    public TimeSpan Time => ImagesPerSecond > 0 ? TimeSpan.FromSeconds(New / ImagesPerSecond) : TimeSpan.Zero;

    /// <summary>Counts the images and encodes up to 32 of them, spread over the first thousand; writes nothing.</summary>
    /// <param name="sources">As for <see cref="IndexBuilder.BuildAsync"/>.</param>
    /// <param name="folder">Where the index would lie; only read.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="options">As for the build.</param>
    /// <param name="cancellation">Stops the measurement.</param>
    public static async Task<IndexEstimate> MeasureAsync(
        IReadOnlyList<string> sources, string folder, IImageEncoder encoder, IndexBuildOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(options);
        var known = new SourceSet();
        if (File.Exists(Path.Combine(folder, IndexManifest.FileName)))
        {
            var index = FeatureIndex.Open(folder);
            index.Manifest.RequireSameKind(new IndexBuilder(folder, encoder, options).BlankManifest(), folder);
            foreach (var source in index.ReadMetadata().Select(i => i.Source).Concat(index.ReadFailures().Select(f => f.Source)))
            {
                known.Add(source);
            }
        }

        var (fresh, seen) = (0L, 0L);
        var first = new List<string>();
        await foreach (var item in ImageSources.EnumerateAsync(sources, options.Limits.MaxFileBytes, cancellation))
        {
            if (known.Contains(item.Source))
            {
                seen++;
                continue;
            }

            if (fresh++ < 1000)
            {
                first.Add(item.Source);
            }
        }

        var (sampled, rate) = await SampleAsync(first, encoder, options, cancellation);
        var bytesPerRow = (encoder.Spec.Dimension * (options.Type == ElementType.F16 ? 2 : 4)) + MetadataBytesPerRow;
        return new IndexEstimate
        {
            New = fresh,
            Known = seen,
            Sampled = sampled,
            ImagesPerSecond = rate,
            Bytes = fresh * bytesPerRow,
            FreeBytes = FreeSpace(folder),
        };
    }

    private static async Task<(int Sampled, double Rate)> SampleAsync(
        List<string> locators, IImageEncoder encoder, IndexBuildOptions options, CancellationToken cancellation)
    {
        if (locators.Count == 0)
        {
            return (0, 0);
        }

        var step = Math.Max(1, locators.Count / SampleSize);
        var sample = locators.Where((_, i) => i % step == 0).Take(SampleSize).ToArray();
        var pixels = new Preprocessor(encoder.Spec.Preprocessing, options.Limits, options.AutoOrient);
        await EncodeAsync(sample.Take(options.Threads)); // the first images pay for starting up, and do not count
        var watch = Stopwatch.StartNew();
        await EncodeAsync(sample);
        return (sample.Length, sample.Length / watch.Elapsed.TotalSeconds);

        Task EncodeAsync(IEnumerable<string> some) => Parallel.ForEachAsync(
            some,
            new ParallelOptions { MaxDegreeOfParallelism = options.Threads, CancellationToken = cancellation },
            async (locator, stop) =>
            {
                try
                {
                    var input = new float[pixels.Length];
                    pixels.Preprocess(await ImageSources.ReadAsync(locator, options.Limits.MaxFileBytes, stop), input);
                    encoder.Encode(input, new float[encoder.Spec.Dimension]);
                }
                catch (WhenceException)
                {
                    // A bad image costs time too; the build will count it.
                }
            });
    }

    private static long FreeSpace(string folder)
    {
        var existing = Path.GetFullPath(folder);
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing)!;
        }

        return new DriveInfo(existing).AvailableFreeSpace;
    }
}
