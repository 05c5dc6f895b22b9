using System.Numerics.Tensors;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Torch.Encoders;
using Whence.Vectors;

namespace Whence.Bench.BaseModel;

/// <summary>The pictures that a model was trained with: what they show, their features, and which are nearest to others.</summary>
internal sealed class Gallery
{
    private readonly IReadOnlyList<byte[]> _files;

    private Gallery(IReadOnlyList<Drawing> drawings, IReadOnlyList<byte[]> files, FeatureMatrix features) => (Drawings, _files, Features) = (drawings, files, features);

    public IReadOnlyList<Drawing> Drawings { get; }

    /// <summary>Rows of length 1.</summary>
    public FeatureMatrix Features { get; }

    public RgbImage Image(int drawing) => ImageDecoder.Decode(_files[drawing]);

    /// <summary>Encodes the pictures; features are kept in a folder, by the checksums of the pictures and of the encoder.</summary>
    /// <param name="drawings">The pictures of a tar file.</param>
    /// <param name="sha256">Checksum of that file.</param>
    /// <param name="encoder">What encodes.</param>
    /// <param name="folder">Where features are kept.</param>
    public static Gallery Load(TrainedDrawings drawings, string sha256, PictureEncoder encoder, string folder)
    {
        var files = drawings.Files;
        var features = Kept(Path.Combine(folder, $"features-{encoder.Key}-{sha256[..16]}.npy"), () => encoder.Encode(files.Count, i => ImageDecoder.Decode(files[i])));
        var rows = new float[drawings.Places.Count * features.Columns];
        foreach (var (to, from) in drawings.Places.Index())
        {
            features.Row(from).CopyTo(rows.AsSpan(to * features.Columns));
        }

        return new Gallery(drawings.Drawings, [.. drawings.Places.Select(i => files[i])], new FeatureMatrix(drawings.Places.Count, features.Columns, rows));
    }

    /// <summary>The most similar rows, the best first, of equal ones the first.</summary>
    /// <param name="features">Rows of length 1.</param>
    /// <param name="query">Of length 1.</param>
    /// <param name="count">How many.</param>
    /// <param name="without">A row that does not count; -1 for none.</param>
    public static IReadOnlyList<(int Row, float Similarity)> Nearest(FeatureMatrix features, ReadOnlySpan<float> query, int count, int without = -1)
    {
        var best = new PriorityQueue<int, (float Similarity, int Before)>();
        for (var row = 0; row < features.Rows; row++)
        {
            if (row == without)
            {
                continue;
            }

            best.Enqueue(row, (TensorPrimitives.Dot(features.Row(row), query), -row));
            if (best.Count > count)
            {
                best.Dequeue();
            }
        }

        var found = new List<(int, float)>();
        while (best.TryDequeue(out var row, out var place))
        {
            found.Insert(0, (row, place.Similarity));
        }

        return found;
    }

    private static FeatureMatrix Kept(string path, Func<FeatureMatrix> make)
    {
        if (!File.Exists(path))
        {
            var made = make();
            AtomicFile.Write(path, stream => NpyFile.Write(stream, made.Span, made.Columns));
        }

        using var file = NpyFile.Open(path);
        var values = new float[file.Rows * file.Columns];
        file.ReadRows(0, values);
        return new FeatureMatrix((int)file.Rows, file.Columns, values);
    }
}

/// <summary>The encoder that says what is near, as indexing runs it.</summary>
/// <param name="name">As <c>whence encoders list</c> shows it.</param>
internal sealed class PictureEncoder(string name = EncoderRegistry.DefaultName) : IDisposable
{
    private const int Batch = 8;

    private readonly IImageEncoder _encoder = ImageEncoders.Open(new EncoderRegistry().Resolve(name));

    /// <summary>Names the encoder and its weights.</summary>
    public string Key => $"{_encoder.Spec.Name}-{_encoder.Spec.Model!.Sha256[..16]}";

    /// <summary>Features of length 1, one row a picture.</summary>
    public FeatureMatrix Encode(IReadOnlyList<Picture> pictures) => Encode(pictures.Count, i => pictures[i].Image);

    /// <summary>Features of length 1, one row a picture.</summary>
    public FeatureMatrix Encode(int count, Func<int, RgbImage> image)
    {
        var (preprocessor, dimension) = (new Preprocessor(_encoder.Spec.Preprocessing), _encoder.Spec.Dimension);
        var (values, row) = (new float[count * dimension], 0);
        var pipeline = new EncodingPipeline<int, int>(_encoder, Environment.ProcessorCount, Batch)
        {
            Prepare = (i, inputs) =>
            {
                preprocessor.Preprocess(image(i), inputs.Span);
                return ValueTask.FromResult(i);
            },
            FailFast = i => $"picture {i}",
        };
        pipeline.RunAsync(
            Enumerable.Range(0, count).ToAsyncEnumerable(),
            _ => null,
            encoded =>
            {
                foreach (var one in encoded)
                {
                    one.Features.Span.CopyTo(values.AsSpan(row++ * dimension, dimension));
                }
            },
            CancellationToken.None).GetAwaiter().GetResult();
        Normalization.NormalizeRows(values, dimension);
        return new FeatureMatrix(count, dimension, values);
    }

    public void Dispose() => _encoder.Dispose();
}
