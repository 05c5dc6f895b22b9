using System.Security.Cryptography;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;

namespace Whence.Search;

/// <summary>Makes damaged features again, from the images that the metadata names, and has damaged search layouts made again.</summary>
public static class IndexRepair
{
    /// <summary>Encodes again every part whose features file is damaged and whose metadata is sound.</summary>
    /// <param name="folder">The index.</param>
    /// <param name="damaged">What <see cref="IndexVerification.Verify"/> found.</param>
    /// <param name="encoder">The encoder that made the index.</param>
    /// <param name="limits">Bounds against hostile files.</param>
    /// <param name="cancellation">Stops between images; parts finished so far stay repaired.</param>
    /// <returns>The number of parts repaired.</returns>
    /// <exception cref="WhenceException">An image is gone or is no longer what was indexed, or the encoder is another one.</exception>
    public static async Task<int> RebuildAsync(
        string folder, IReadOnlyList<DamagedFile> damaged, IImageEncoder encoder, DecodeLimits limits, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(damaged);
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(limits);
        using var single = FolderLock.Acquire(folder, ".lock");
        var index = FeatureIndex.Open(folder);
        if (index.Manifest.EncoderSpec?.IsSameEncoder(encoder.Spec) != true)
        {
            throw new WhenceException($"{folder}: made by encoder '{index.Manifest.Encoder}', '{encoder.Spec.Name}' cannot make its features again.");
        }

        var unreadable = damaged.Where(d => !d.IsFeatures && !d.IsLayout).Select(d => d.Part).ToHashSet();
        var parts = damaged.Where(d => d.IsFeatures && !unreadable.Contains(d.Part)).Select(d => d.Part!).ToArray();
        var manifest = index.Manifest;
        foreach (var part in parts)
        {
            var features = await EncodeAsync(index, part, encoder, limits, cancellation);
            var sha256 = IndexWriter.WriteFeatures(Path.Combine(folder, part.FeaturesFile), features, manifest);
            if (sha256 != part.FeaturesSha256)
            {
                // Another processor may round differently, and removed images are left out; the new file is the truth from here on.
                manifest = manifest with { Parts = [.. manifest.Parts.Select(p => p == part ? p with { FeaturesSha256 = sha256 } : p)] };
                manifest.Save(folder);
            }
        }

        return parts.Length;
    }

    /// <summary>Deletes the damaged files of search layouts; the next search makes their parts again.</summary>
    /// <param name="damaged">What <see cref="IndexVerification.Verify"/> found.</param>
    /// <returns>The number of files deleted.</returns>
    /// <exception cref="WhenceException">A file cannot be deleted.</exception>
    public static int DeleteLayouts(IReadOnlyList<DamagedFile> damaged)
    {
        ArgumentNullException.ThrowIfNull(damaged);
        var files = damaged.Where(d => d.IsLayout).Select(d => d.File).ToArray();
        foreach (var file in files)
        {
            try
            {
                File.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new WhenceException($"'{file}' cannot be deleted: {e.Message.ReplaceLineEndings(" ")} Allow writing, or delete it yourself.", e);
            }
        }

        return files.Length;
    }

    private static async Task<float[]> EncodeAsync(
        FeatureIndex index, IndexPart part, IImageEncoder encoder, DecodeLimits limits, CancellationToken cancellation)
    {
        var preprocessor = new Preprocessor(encoder.Spec.Preprocessing, limits, index.Manifest.AutoOrient);
        var dimension = encoder.Spec.Dimension;
        var features = new float[part.Rows * dimension];

        // Nobody may ask a rights holder for an image that was taken out: its row stays empty.
        var images = index.ReadMetadata(part).Where(image => !index.Removed.Contains(image.Id));
        await Parallel.ForEachAsync(images, cancellation, async (image, stop) =>
        {
            var bytes = await ImageSources.ReadAsync(image.Source, limits.MaxFileBytes, stop);
            if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != image.Sha256)
            {
                throw new WhenceException($"{image.Source}: no longer the image that was indexed; bring the old one back, or index again into a new folder.");
            }

            var pixels = new float[preprocessor.Length];
            preprocessor.Preprocess(bytes, pixels);
            encoder.EncodeWith(pixels, [image.Caption], features.AsSpan((int)(image.Id - part.FirstId) * dimension, dimension));
        });
        return features;
    }
}
