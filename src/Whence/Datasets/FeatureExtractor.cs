using System.Collections.ObjectModel;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Whence.Encoders;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Datasets;

/// <summary>
/// Makes features files from images: of a test case (<see cref="TestCaseFeatures"/>), or plain ones, as distractors are (<see cref="FeatureFile"/>). An
/// image that is named several times is encoded once. What an interrupted run has encoded is kept beside the output, and used by the next run
/// with the same images, encoder and options.
/// </summary>
public sealed class FeatureExtractor
{
    private const int MaxUnreadLength = 600;

    private readonly IImageEncoder _encoder;
    private readonly FeatureExtractionOptions _options;
    private readonly Preprocessor _preprocessor;
    private readonly Augmenter _augmenter;

    /// <summary>An extractor.</summary>
    /// <param name="encoder">The encoder; stays the caller's.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="WhenceException">A batch takes too much memory.</exception>
    public FeatureExtractor(IImageEncoder encoder, FeatureExtractionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        options ??= new();
        options.Validate();
        (_encoder, _options) = (encoder, options);
        _preprocessor = new Preprocessor(encoder.Spec.Preprocessing, options.Limits, options.AutoOrient);
        _augmenter = new Augmenter(options.Augmentation, encoder.Spec.Preprocessing, options.Seed);
        Pipeline([]); // refuses what would take too much memory
    }

    private int Dimension => _encoder.Spec.Dimension;

    /// <summary>Extracts the exemplars and synthesized images of a test case.</summary>
    /// <param name="testCase">Its images.</param>
    /// <param name="root">Folder that relative paths begin at.</param>
    /// <param name="output">The file, replaced where there is one.</param>
    /// <param name="progress">Told after every batch; null for nobody.</param>
    /// <param name="cancellation">Stops cleanly: images already encoded are kept.</param>
    /// <exception cref="WhenceException">
    /// Images are missing (nothing was encoded then), a model has no exemplar left or a type of prompts no query, or an image cannot be read with
    /// <see cref="FeatureExtractionOptions.FailFast"/>.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the next run goes on.</exception>
    public async Task<ExtractionResult> ExtractAsync(
        TestCase testCase, string root, string output, IProgress<ExtractionProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(testCase);
        ArgumentException.ThrowIfNullOrEmpty(root);
        CheckOutput(output);
        var images = ImagesOf(testCase, root);
        return await RunAsync(images, output, progress, Save, cancellation);

        void Save(PartialFeatures partial, IReadOnlyList<UnreadImage> unread) =>
            TestCaseAssembly.Of(testCase, images, partial, unread, _encoder.Spec.Name, Dimension, _options.Views).Save(output);
    }

    /// <summary>
    /// Refuses what <see cref="ExtractAsync(TestCase, string, string, IProgress{ExtractionProgress}?, CancellationToken)"/> would refuse before it begins, and says in one checksum what the features follow from: encoder,
    /// options, and of every image its name, its place, its size and when it was last changed.
    /// </summary>
    /// <param name="testCase">Its images.</param>
    /// <param name="root">Folder that relative paths begin at.</param>
    /// <exception cref="WhenceException">Images are missing, or there are too many.</exception>
    public string Check(TestCase testCase, string root)
    {
        ArgumentNullException.ThrowIfNull(testCase);
        ArgumentException.ThrowIfNullOrEmpty(root);
        return KeyOf(ImagesOf(testCase, root));
    }

    /// <summary>The same of sources.</summary>
    /// <param name="sources">Folders, list files, tar shards, Parquet files, or patterns of these.</param>
    /// <param name="cancellation">Stops the listing.</param>
    /// <exception cref="WhenceException">There are no images, or some are missing.</exception>
    public async Task<string> CheckAsync(IReadOnlyList<string> sources, CancellationToken cancellation = default) =>
        KeyOf(await ImagesOfAsync(sources, cancellation));

    /// <summary>Extracts all images of sources, one row each, named by where they are.</summary>
    /// <param name="sources">Folders, list files, tar shards, Parquet files, or patterns of these.</param>
    /// <param name="output">The file, replaced where there is one.</param>
    /// <param name="progress">Told after every batch; null for nobody.</param>
    /// <param name="cancellation">Stops cleanly: images already encoded are kept.</param>
    /// <exception cref="WhenceException">There are no images, some are missing, or one cannot be read with <see cref="FeatureExtractionOptions.FailFast"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the next run goes on.</exception>
    public async Task<ExtractionResult> ExtractAsync(
        IReadOnlyList<string> sources, string output, IProgress<ExtractionProgress>? progress = null, CancellationToken cancellation = default)
    {
        CheckOutput(output);
        if (_options.Views > 0)
        {
            throw new WhenceException("Views are made of test cases only; leave --views out, or give the JSON of a test case.");
        }

        var images = await ImagesOfAsync(sources, cancellation);
        FeatureFile.CheckNames(output, [.. images.Images.Select(i => i.Name)], Dimension);
        return await RunAsync(images, output, progress, Save, cancellation);

        void Save(PartialFeatures partial, IReadOnlyList<UnreadImage> unread)
        {
            int[] read = [.. Enumerable.Range(0, images.Images.Count).Where(partial.Has)];
            if (read.Length == 0)
            {
                throw new WhenceException($"None of {images.Images.Count:N0} images could be read: {Of(unread)}.");
            }

            FeatureFile.Write(
                output, read.Length, Dimension, (row, feature) => partial.Read(read[row], 0, feature), [.. read.Select(i => images.Images[i].Name)], _encoder.Spec.Name);
        }
    }

    private ExtractionImages ImagesOf(TestCase testCase, string root)
    {
        CheckSizes(testCase);
        var images = new ExtractionImages();
        foreach (var path in testCase.Models.SelectMany(m => m.Exemplars.Concat(m.Synthesized.Values.SelectMany(paths => paths))))
        {
            images.Add(path, () =>
            {
                var source = FullPath(path, root);
                return new ExtractionImage(path, source, new ImageItem(
                    source, path, async stop => new ImageContent(await ImageSources.ReadAsync(source, _options.Limits.MaxFileBytes, stop), Caption: null, ReadOnlyDictionary<string, string>.Empty)));
            });
        }

        images.CheckFiles($"relative paths of test case '{testCase.Name}' begin at {Path.GetFullPath(root)}, name another folder with --images");
        return images;
    }

    private async Task<ExtractionImages> ImagesOfAsync(IReadOnlyList<string> sources, CancellationToken cancellation)
    {
        ImageSources.Check(sources);
        var (images, columns, all) = (new ExtractionImages(), new HashSet<string>(StringComparer.Ordinal), 0);
        await foreach (var item in ImageSources.EnumerateAsync(sources, _options.Limits.MaxFileBytes, cancellation))
        {
            all++;
            if (_options.Where is null || await FitsAsync(item))
            {
                images.Add(item.Source, () => new ExtractionImage(item.Source, item.Source, item));
            }
        }

        _options.Where?.RequireColumns(string.Join(", ", sources), columns, () => columns.Order(StringComparer.Ordinal));
        if (all > 0 && images.Images.Count == 0)
        {
            throw new WhenceException($"{string.Join(", ", sources)}: of {all:N0} images none is one of '{_options.Where}'; ask for others.");
        }

        images.CheckFiles("correct the list, or bring them back");
        return images;

        async Task<bool> FitsAsync(ImageItem item)
        {
            try
            {
                var about = (await item.ReadAsync(cancellation)).Metadata;
                columns.UnionWith(about.Keys);
                return _options.Where!.Holds(about);
            }
            catch (WhenceException)
            {
                return true; // told where it is encoded
            }
        }
    }

    private string KeyOf(ExtractionImages images) => Convert.ToHexStringLower(SHA256.HashData(
        [.. images.Key(_encoder.Spec, _options), .. MemoryMarshal.AsBytes<long>(images.Stamps)]));

    /// <summary>Images with their errors, a few of them.</summary>
    internal static string Of(IEnumerable<UnreadImage> unread) => Listing.Of([.. unread.Select(u => $"{u.Path} ({u.Error})")], MaxUnreadLength);

    private async Task<ExtractionResult> RunAsync(
        ExtractionImages images,
        string output,
        IProgress<ExtractionProgress>? progress,
        Action<PartialFeatures, IReadOnlyList<UnreadImage>> save,
        CancellationToken cancellation)
    {
        var pipeline = Pipeline(images.Images);
        using var partial = PartialFeatures.Open(output, images.Key(_encoder.Spec, _options), images.Stamps, pipeline.Inputs * Dimension);
        int[] missing = [.. Enumerable.Range(0, images.Images.Count).Where(i => !partial.Has(i))];
        var (encoded, known, unread) = (0L, images.Images.Count - missing.Length, new List<UnreadImage>());
        await pipeline.RunAsync(missing.ToAsyncEnumerable(), NotFinite, Write, cancellation);
        save(partial, unread);
        partial.Delete();
        return new ExtractionResult(encoded, known, images.Repeated, unread) { Uncaptioned = pipeline.Uncaptioned };

        void Write(IReadOnlyList<EncodedImage<int, string?>> batch)
        {
            foreach (var image in batch)
            {
                if (image.Error is null)
                {
                    partial.Add(image.Item, images.Stamps[image.Item], image.Features.Span);
                    encoded++;
                }
                else
                {
                    unread.Add(new UnreadImage(images.Images[image.Item].Name, image.Error));
                }
            }

            partial.Flush();
            progress?.Report(new ExtractionProgress(encoded, unread.Count, known, images.Images.Count));
        }
    }

    // What a row keeps of an image is its caption.
    private EncodingPipeline<int, string?> Pipeline(IReadOnlyList<ExtractionImage> images) => new(_encoder, _options.Threads, _options.Batch, 1 + _options.Views)
    {
        Prepare = (number, inputs) => PrepareAsync(images[number], inputs),
        CaptionOf = caption => caption,
        FailFast = _options.FailFast ? number => images[number].Name : null,
    };

    private async ValueTask<string?> PrepareAsync(ExtractionImage image, Memory<float> inputs)
    {
        var content = await image.Item.ReadAsync(CancellationToken.None);
        _preprocessor.PreprocessViews(content.Bytes.Span, _augmenter, image.Name, inputs.Span);
        return content.Caption ?? _options.Captions?.FindCaption(image.Item);
    }

    private string? NotFinite(ReadOnlySpan<float> feature)
    {
        foreach (var value in feature)
        {
            if (!float.IsFinite(value))
            {
                return $"encoder '{_encoder.Spec.Name}' gave the value {value}; check the model";
            }
        }

        return null;
    }

    private static string FullPath(string path, string root)
    {
        try
        {
            return Path.GetFullPath(path, Path.GetFullPath(root));
        }
        catch (ArgumentException e)
        {
            throw new WhenceException($"'{path.Replace("\0", "\\0", StringComparison.Ordinal)}' is no path; correct the test case.", e);
        }
    }

    private static void CheckOutput(string output)
    {
        ArgumentException.ThrowIfNullOrEmpty(output);
        if (Directory.Exists(output))
        {
            throw new WhenceException($"'{output}' is a folder; give --out the name of a file.");
        }
    }

    // What does not fit one array is known before hours of encoding.
    private void CheckSizes(TestCase testCase)
    {
        var rows = testCase.PromptTypes.Select(t => testCase.Models.Sum(m => m.Synthesized.TryGetValue(t, out var paths) ? (long)paths.Count : 0))
            .Append(testCase.Models.Sum(m => (long)m.Exemplars.Count)).Max();
        var values = rows * Math.Max(1, _options.Views) * Dimension;
        if (values > Array.MaxLength)
        {
            throw new WhenceException(
                $"test case '{testCase.Name}': {rows} images of one kind with {_options.Views} views of {Dimension} values are {values} values, the limit is {Array.MaxLength}; make fewer views, or split the test case.");
        }
    }
}
