using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Whence.Encoders;

/// <summary>
/// The descriptor of a <see cref="StyleSpec"/>. The means of a layer's channels are one block, their standard deviations another; of each block its
/// own mean is subtracted and it is brought to length 1. Layers differ in scale by orders of magnitude, and after a ReLU all statistics are positive: so the cosine
/// of two descriptors is the mean over blocks of their correlation, to which every layer counts alike. Where there are more statistics than
/// the feature has values, a random orthonormal projection reduces them: it needs no data and keeps angles in expectation, off by about
/// 1 / sqrt(values).
/// </summary>
internal sealed class StyleDescriptor(StyleSpec spec, int dimension)
{
    private Projection? _projection;

    /// <summary>The values of one layer, n x channels x positions.</summary>
    /// <param name="layer">Its place in <see cref="StyleSpec.Layers"/>.</param>
    public delegate FeatureMaps MapsOf(int layer);

    /// <summary>Describes n images. Several threads may do so at once.</summary>
    /// <param name="n">Number of images.</param>
    /// <param name="maps">Gives each layer's values; asked more than once.</param>
    /// <param name="features">Receives n x dimension values.</param>
    /// <exception cref="WhenceException">The layers have fewer statistics than the feature has values.</exception>
    public void Describe(int n, MapsOf maps, Span<float> features)
    {
        var total = 0L;
        for (var layer = 0; layer < spec.Layers.Count; layer++)
        {
            total += 2L * maps(layer).Channels;
        }

        if (total < dimension || total > 1 << 24)
        {
            throw new WhenceException(
                $"the layers have {total} means and deviations, but the spec's dimension is {dimension}; give a dimension up to their number, or other layers, in the spec.");
        }

        var projection = total == dimension ? null : ProjectionOf((int)total);
        var padded = projection?.Length ?? (int)total;
        var statistics = new float[n * (long)padded];
        var start = 0;
        for (var layer = 0; layer < spec.Layers.Count; layer++)
        {
            var layerMaps = maps(layer);
            for (var image = 0; image < n; image++)
            {
                layerMaps.Write(image, statistics.AsSpan((image * padded) + start, 2 * layerMaps.Channels));
            }

            start += 2 * layerMaps.Channels;
        }

        for (var image = 0; image < n; image++)
        {
            var own = statistics.AsSpan(image * padded, padded);
            var feature = features.Slice(image * dimension, dimension);
            if (projection is null)
            {
                own.CopyTo(feature);
            }
            else
            {
                projection.Apply(own, feature);
            }
        }
    }

    // A benign race: whoever comes second makes the same again.
    private Projection ProjectionOf(int total) => _projection is { } made && made.Total == total ? made : _projection = new Projection(spec.Seed, total, dimension);

    /// <summary>
    /// Rows, drawn without replacement, of a Hadamard matrix whose columns have random signs (Ailon and Chazelle 2006, without its sparse part): orthonormal by
    /// construction, not stored, n log n additions.
    /// </summary>
    private sealed class Projection
    {
        private readonly float[] _signs;
        private readonly int[] _rows;

        public Projection(int seed, int total, int dimension)
        {
            Total = total;
            Length = (int)BitOperations.RoundUpToPowerOf2((uint)total);
            var scale = 1 / MathF.Sqrt(Length);
            _signs = [.. Enumerable.Range(0, Length).Select(i => (Random(seed, 0, i) & 1) == 0 ? scale : -scale)];
            _rows = [.. Enumerable.Range(0, Length).OrderBy(i => Random(seed, 1, i)).ThenBy(i => i).Take(dimension)];
        }

        /// <summary>Statistics that it takes.</summary>
        public int Total { get; }

        /// <summary>The same, filled up with zeros to a power of two.</summary>
        public int Length { get; }

        /// <param name="values">As many as <see cref="Length"/>; overwritten.</param>
        /// <param name="feature">Receives the projection.</param>
        public void Apply(Span<float> values, Span<float> feature)
        {
            System.Numerics.Tensors.TensorPrimitives.Multiply(values, _signs, values);
            for (var half = 1; half < values.Length; half *= 2)
            {
                for (var first = 0; first < values.Length; first += 2 * half)
                {
                    Butterfly(values.Slice(first, half), values.Slice(first + half, half));
                }
            }

            for (var i = 0; i < feature.Length; i++)
            {
                feature[i] = values[_rows[i]];
            }
        }

        private static void Butterfly(Span<float> a, Span<float> b)
        {
            var i = 0;
            for (; i + Vector<float>.Count <= a.Length; i += Vector<float>.Count)
            {
                var (x, y) = (new Vector<float>(a[i..]), new Vector<float>(b[i..]));
                (x + y).CopyTo(a[i..]);
                (x - y).CopyTo(b[i..]);
            }

            for (; i < a.Length; i++)
            {
                (a[i], b[i]) = (a[i] + b[i], a[i] - b[i]);
            }
        }

        // A hash instead of a generator: the same on every version of .NET, and no state.
        private static ulong Random(int seed, int purpose, int i)
        {
            Span<byte> bytes = stackalloc byte[2 * sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, purpose);
            BinaryPrimitives.WriteInt32LittleEndian(bytes[sizeof(int)..], i);
            return XxHash3.HashToUInt64(bytes, seed);
        }
    }
}

/// <summary>A layer's values of some images: n x channels x positions, one after the other.</summary>
internal readonly ref struct FeatureMaps
{
    // What deviates less is rounding of float32.
    private const double Rounding = 1e-7;

    private readonly ReadOnlySpan<float> _values;
    private readonly int _positions;

    public FeatureMaps(ReadOnlySpan<float> values, int channels, int positions)
    {
        _values = values;
        Channels = channels;
        _positions = positions;
    }

    public int Channels { get; }

    /// <summary>Takes a tensor as a layer's values.</summary>
    /// <param name="values">All of them.</param>
    /// <param name="shape">[n, channels, ...positions].</param>
    /// <param name="n">Number of images.</param>
    /// <param name="layer">Its name, for the message.</param>
    /// <exception cref="WhenceException">Of another shape.</exception>
    public static FeatureMaps Of(ReadOnlySpan<float> values, ReadOnlySpan<long> shape, int n, string layer) =>
        shape.Length >= 3 && shape[0] == n && shape[1] > 0 && values.Length > 0
            ? new FeatureMaps(values, (int)shape[1], values.Length / n / (int)shape[1])
            : throw new WhenceException($"layer '{layer}' has shape [{string.Join(", ", shape.ToArray())}] for {n} images, but style is described by [{n}, channels, ...positions]; name other layers in the spec.");

    /// <summary>Writes an image's block of means and its block of standard deviations, each centred and of length 1.</summary>
    /// <param name="image">0 and up.</param>
    /// <param name="blocks">2 x channels values.</param>
    public void Write(int image, Span<float> blocks)
    {
        for (var channel = 0; channel < Channels; channel++)
        {
            var map = _values.Slice(checked(((image * Channels) + channel) * _positions), _positions);
            var mean = Sum(map) / _positions;
            var deviation = Math.Sqrt(SquaredDeviations(map, mean) / _positions);
            blocks[channel] = (float)mean;
            blocks[Channels + channel] = deviation > Rounding * Math.Abs(mean) ? (float)deviation : 0;
        }

        Normalize(blocks[..Channels]);
        Normalize(blocks[Channels..]);
    }

    private static void Normalize(Span<float> block)
    {
        var mean = Sum(block) / block.Length;
        var length = Math.Sqrt(SquaredDeviations(block, mean));
        if (length <= Rounding * Math.Sqrt(SquaredDeviations(block, 0)))
        {
            block.Clear();
            return;
        }

        foreach (ref var value in block)
        {
            value = (float)((value - mean) / length);
        }
    }

    private static double Sum(ReadOnlySpan<float> values)
    {
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(values);
        foreach (var vector in vectors)
        {
            var (a, b) = Vector512.Widen(vector);
            (low, high) = (low + a, high + b);
        }

        var sum = Vector512.Sum(low + high);
        foreach (var value in values[(vectors.Length * Vector512<float>.Count)..])
        {
            sum += value;
        }

        return sum;
    }

    private static double SquaredDeviations(ReadOnlySpan<float> values, double mean)
    {
        var (low, high, center) = (Vector512<double>.Zero, Vector512<double>.Zero, Vector512.Create(mean));
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(values);
        foreach (var vector in vectors)
        {
            var (a, b) = Vector512.Widen(vector);
            (a, b) = (a - center, b - center);
            (low, high) = (low + (a * a), high + (b * b));
        }

        var sum = Vector512.Sum(low + high);
        foreach (var value in values[(vectors.Length * Vector512<float>.Count)..])
        {
            sum += (value - mean) * (value - mean);
        }

        return sum;
    }
}
