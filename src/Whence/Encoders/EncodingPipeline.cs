using System.Threading.Channels;

namespace Whence.Encoders;

/// <summary>What became of an image: its features, or why there are none.</summary>
/// <param name="Item">The image.</param>
/// <param name="Row">What its preparation returned; default where it failed.</param>
/// <param name="Features">One raw feature after the other for each of its inputs; empty where it failed.</param>
/// <param name="Error">Why it failed, in one line; null where it did not.</param>
internal readonly record struct EncodedImage<TItem, TRow>(TItem Item, TRow? Row, ReadOnlyMemory<float> Features, string? Error);

/// <summary>
/// From images to features on all cores: one producer enumerates, as many workers as threads take a few images each from file to feature, and
/// what they made is handed over in the images' order. The number of images in flight is bounded, so memory does not grow with the source.
/// </summary>
internal sealed class EncodingPipeline<TItem, TRow>
{
    // Each thread holds a batch: at most 512 MB of pixels.
    private const long MaxBatchValues = 1 << 27;

    private readonly IImageEncoder _encoder;
    private readonly int _threads;
    private readonly int _call;
    private readonly int _images;
    private readonly int _inputLength;
    private long _uncaptioned;

    /// <summary>A pipeline through an encoder.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="threads">Images prepared and encoded at the same time, at least 1.</param>
    /// <param name="batch">Inputs per call of the encoder, at least 1; models with a fixed batch use theirs.</param>
    /// <param name="inputs">Inputs that each image gives, at least 1.</param>
    /// <exception cref="WhenceException">A batch takes too much memory.</exception>
    public EncodingPipeline(IImageEncoder encoder, int threads, int batch, int inputs = 1)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        (_encoder, _threads, Inputs) = (encoder, threads, inputs);
        _call = Math.Min(batch, encoder.MaxBatch);
        _images = Math.Max(1, _call / inputs);
        _inputLength = 3 * encoder.Spec.Preprocessing.Crop * encoder.Spec.Preprocessing.Crop;
        var most = MaxBatchValues / _inputLength;
        if ((long)_images * inputs > most)
        {
            throw new WhenceException(inputs == 1
                ? $"--batch {_images} takes {_images * (long)_inputLength} values a call, the limit is {MaxBatchValues}; choose at most {most}."
                : $"--views {inputs - 1} makes {inputs} pictures of {_inputLength} values of each image, the limit is {MaxBatchValues} values; choose at most {most - 1} views.");
        }
    }

    /// <summary>Inputs that each image gives.</summary>
    public int Inputs { get; }

    /// <summary>
    /// Reads an image and writes its inputs to memory for <see cref="Inputs"/> of them; called from several threads. A <see cref="WhenceException"/>
    /// or an error of the system costs this image only.
    /// </summary>
    public required Func<TItem, Memory<float>, ValueTask<TRow>> Prepare { get; init; }

    /// <summary>The caption of an image, for encoders that look at it; null where it has none. Null: no image has one.</summary>
    public Func<TRow, string?>? CaptionOf { get; init; }

    /// <summary>Images that an encoder which looks at captions had to encode with an empty one.</summary>
    public long Uncaptioned => Interlocked.Read(ref _uncaptioned);

    /// <summary>What an image is called in the message that stops the run at a bad one; null passes bad ones over.</summary>
    public Func<TItem, string>? FailFast { get; init; }

    /// <summary>Encodes the images.</summary>
    /// <param name="images">Enumerated once.</param>
    /// <param name="problemOf">Says why a feature cannot be kept; called from several threads.</param>
    /// <param name="write">Receives all images in their order, a few at a time, never from two threads at once.</param>
    /// <param name="cancellation">Stops cleanly: images that a worker has begun are handed over first, without a gap in their order.</param>
    /// <exception cref="WhenceException">The encoder failed, or an image did and <see cref="FailFast"/> is given; images before it were handed over.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(
        IAsyncEnumerable<TItem> images,
        FeatureProblem problemOf,
        Action<IReadOnlyList<EncodedImage<TItem, TRow>>> write,
        CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var slots = new SemaphoreSlim(4 * _threads);
        var work = Channel.CreateUnbounded<Batch<TItem>>();
        var done = Channel.CreateUnbounded<Batch<EncodedImage<TItem, TRow>>>();

        var producer = Guard(() => ProduceAsync(images, work.Writer, slots, stop.Token), work.Writer);
        var workers = Guard(() => Task.WhenAll(Enumerable.Range(0, _threads).Select(_ => Task.Run(WorkAsync, CancellationToken.None))), done.Writer);
        try
        {
            var waiting = new Dictionary<long, EncodedImage<TItem, TRow>[]>();
            var next = 0L;
            await foreach (var batch in done.Reader.ReadAllAsync(CancellationToken.None))
            {
                waiting.Add(batch.Sequence, batch.Items);
                while (waiting.Remove(next, out var ready))
                {
                    next++;
                    slots.Release();
                    write(ready);
                }
            }

            await Task.WhenAll(producer, workers);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(producer, workers).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        // The batch of a worker that fails is never written, so nothing behind it would be either: everybody stops.
        async Task WorkAsync()
        {
            try
            {
                await EncodeAsync(work.Reader, done.Writer, problemOf, stop.Token);
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }

    private async Task ProduceAsync(IAsyncEnumerable<TItem> images, ChannelWriter<Batch<TItem>> work, SemaphoreSlim slots, CancellationToken stop)
    {
        var batch = new List<TItem>(_images);
        var sequence = 0L;
        await foreach (var image in images.WithCancellation(stop))
        {
            batch.Add(image);
            if (batch.Count == _images)
            {
                await SendAsync();
            }
        }

        if (batch.Count > 0)
        {
            await SendAsync();
        }

        async Task SendAsync()
        {
            await slots.WaitAsync(stop);
            await work.WriteAsync(new Batch<TItem>(sequence++, [.. batch]), stop);
            batch.Clear();
        }
    }

    private async Task EncodeAsync(
        ChannelReader<Batch<TItem>> work, ChannelWriter<Batch<EncodedImage<TItem, TRow>>> done, FeatureProblem problemOf, CancellationToken stop)
    {
        var pixels = new float[_images * Inputs * _inputLength];
        var length = Inputs * _encoder.Spec.Dimension;

        // Batches are taken in order and each one taken is finished, so that what is written after a stop has no gaps.
        await foreach (var batch in work.ReadAllAsync(stop))
        {
            var encoded = new EncodedImage<TItem, TRow>[batch.Items.Length];
            var prepared = new List<(int Place, TRow Row)>(batch.Items.Length);
            foreach (var (place, item) in batch.Items.Index())
            {
                try
                {
                    var inputs = pixels.AsMemory(prepared.Count * Inputs * _inputLength, Inputs * _inputLength);
                    prepared.Add((place, await Prepare(item, inputs)));
                }
                catch (Exception e) when (e is WhenceException or IOException or UnauthorizedAccessException)
                {
                    encoded[place] = Failure(item, e.Message);
                }
            }

            string?[] captions = [.. prepared.Select(p => CaptionOf?.Invoke(p.Row))];
            if (_encoder is ICaptionedImageEncoder)
            {
                Interlocked.Add(ref _uncaptioned, captions.Count(string.IsNullOrEmpty));
            }

            var features = Encode(pixels, captions);
            foreach (var (i, (place, row)) in prepared.Index())
            {
                var own = features.AsMemory(i * length, length);
                encoded[place] = FirstProblem(own.Span, problemOf) is { } problem
                    ? Failure(batch.Items[place], problem)
                    : new EncodedImage<TItem, TRow>(batch.Items[place], row, own, null);
            }

            await done.WriteAsync(new Batch<EncodedImage<TItem, TRow>>(batch.Sequence, encoded), CancellationToken.None);
        }
    }

    private float[] Encode(float[] pixels, string?[] captions)
    {
        var inputs = captions.Length * Inputs;
        var features = new float[inputs * _encoder.Spec.Dimension];
        for (var first = 0; first < inputs; first += _call)
        {
            var count = Math.Min(_call, inputs - first);
            _encoder.EncodeWith(
                pixels.AsSpan(first * _inputLength, count * _inputLength),
                Enumerable.Range(first, count).Select(input => captions[input / Inputs]),
                features.AsSpan(first * _encoder.Spec.Dimension, count * _encoder.Spec.Dimension));
        }

        return features;
    }

    private string? FirstProblem(ReadOnlySpan<float> features, FeatureProblem problemOf)
    {
        string? problem = null;
        for (; features.Length > 0 && problem is null; features = features[_encoder.Spec.Dimension..])
        {
            problem = problemOf(features[.._encoder.Spec.Dimension]);
        }

        return problem;
    }

    private EncodedImage<TItem, TRow> Failure(TItem item, string error) => FailFast is { } name
        ? throw new WhenceException($"{name(item)}: {error} (--fail-fast stops here)")
        : new EncodedImage<TItem, TRow>(item, default, default, error.ReplaceLineEndings(" "));

    // A stage's end or error closes its channel, so the next stage ends or fails in turn.
    private static async Task Guard<T>(Func<Task> stage, ChannelWriter<T> output)
    {
        Exception? error = null;
        try
        {
            await stage();
        }
        catch (Exception e)
        {
            error = e;
            throw;
        }
        finally
        {
            output.TryComplete(error);
        }
    }

    private readonly record struct Batch<T>(long Sequence, T[] Items);
}

/// <summary>Why a feature cannot be kept; null where it can.</summary>
internal delegate string? FeatureProblem(ReadOnlySpan<float> feature);
