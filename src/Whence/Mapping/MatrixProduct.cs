using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Whence.Mapping;

/// <summary>
/// X W^T + b of features with a weight matrix as torch's Linear stores it. Each result is the float64 sum b + x[0] w[0] +
/// x[1] w[1] + ... + x[d - 1] w[d - 1], added up in this order and rounded once to float32. A product of two float32 is exact
/// in float64, so only the order of the additions matters, and it is always this one: the bits are the same on every machine,
/// alone or in a batch, with any number of threads. (Of NaN only that it is one.)
/// <para>
/// What makes it fast: outputs lie side by side in the lanes of a vector, so that no sum is split over lanes. A tile of
/// 6 features x 2 vectors of outputs keeps its 12 sums in registers (with AVX2 there are 16), enough to hide how long an
/// addition takes, and each number loaded serves 2 or 6 multiply-adds. A panel of 16 outputs' weights stays in the nearest
/// caches while a block of features passes by it; the block, in float64, stays in the second.
/// </para>
/// </summary>
internal sealed class MatrixProduct
{
    /// <summary>Outputs whose weights lie together: those of input 0, then those of input 1, and so on.</summary>
    public const int PanelOutputs = 16;

    /// <summary>Features that share one pass over the weights: as float64, 48 x 768 take 288 KiB.</summary>
    public const int BlockRows = 8 * TileRows;

    private const int TileRows = 6;

    private readonly int _inputs;
    private readonly int _outputs;
    private readonly float[] _panels;
    private readonly double[] _bias;

    /// <summary>Copies the parameters into the order in which they are read.</summary>
    /// <param name="inputs">d, at least 1.</param>
    /// <param name="outputs">m, at least 1.</param>
    /// <param name="weight">W, m x d, row after row.</param>
    /// <param name="bias">b, m numbers, or none for zeros.</param>
    public MatrixProduct(int inputs, int outputs, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        (_inputs, _outputs) = (inputs, outputs);
        var panels = ((outputs - 1) / PanelOutputs) + 1;
        _bias = new double[panels * PanelOutputs];
        for (var o = 0; o < bias.Length; o++)
        {
            _bias[o] = bias[o];
        }

        _panels = new float[checked(panels * PanelOutputs * inputs)];
        for (var o = 0; o < outputs; o++)
        {
            var panel = _panels.AsSpan(o / PanelOutputs * PanelOutputs * inputs, PanelOutputs * inputs);
            Interleave(weight.Slice(o * inputs, inputs), panel, o % PanelOutputs, PanelOutputs);
        }
    }

    /// <summary>result[i, o] = bias[o] + dot(x[i], weight[o]).</summary>
    /// <param name="x">n x d.</param>
    /// <param name="result">n x m.</param>
    public void Compute(ReadOnlySpan<float> x, Span<float> result)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Compute<DoubleLanes512, Vector512<double>>(x, result);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Compute<DoubleLanes256, Vector256<double>>(x, result);
        }
        else
        {
            Compute<DoubleLanes128, Vector128<double>>(x, result);
        }
    }

    /// <summary>The same at one width.</summary>
    public void Compute<TLanes, TVector>(ReadOnlySpan<float> x, Span<float> result)
        where TLanes : IDoubleLanes<TVector>
        where TVector : struct
    {
        var rows = x.Length / _inputs;
        var length = checked(TileRows * Tiles(Math.Min(rows, BlockRows)) * _inputs);
        var buffer = ArrayPool<double>.Shared.Rent(length);
        for (var start = 0; start < rows; start += BlockRows)
        {
            var count = Math.Min(BlockRows, rows - start);
            Block<TLanes, TVector>(
                x.Slice(start * _inputs, count * _inputs), result.Slice(start * _outputs, count * _outputs), buffer.AsSpan(0, length));
        }

        ArrayPool<double>.Shared.Return(buffer);
    }

    /// <summary>Tiles that so many features fill; the last one's missing features are zeros, whose results nobody reads.</summary>
    private static int Tiles(int rows) => (rows + TileRows - 1) / TileRows;

    private void Block<TLanes, TVector>(ReadOnlySpan<float> x, Span<float> result, Span<double> features)
        where TLanes : IDoubleLanes<TVector>
        where TVector : struct
    {
        var rows = x.Length / _inputs;
        var tileLength = TileRows * _inputs;
        features = features[..(Tiles(rows) * tileLength)];
        features[(rows / TileRows * tileLength)..].Clear();
        for (var row = 0; row < rows; row++)
        {
            Interleave(x.Slice(row * _inputs, _inputs), features.Slice(row / TileRows * tileLength, tileLength), row % TileRows, TileRows);
        }

        Span<float> tile = stackalloc float[TileRows * PanelOutputs];
        for (var output = 0; output < _outputs; output += PanelOutputs)
        {
            var width = Math.Min(PanelOutputs, _outputs - output);
            for (var row = 0; row < rows; row += TileRows)
            {
                for (var lane = 0; lane < PanelOutputs; lane += 2 * TLanes.Count)
                {
                    Tile<TLanes, TVector>(features.Slice(row * _inputs, tileLength), output, lane, tile);
                }

                for (var r = row; r < Math.Min(row + TileRows, rows); r++)
                {
                    tile.Slice((r - row) * PanelOutputs, width).CopyTo(result[((r * _outputs) + output)..]);
                }
            }
        }
    }

    /// <summary>6 features and two vectors of outputs, those from <paramref name="lane"/> on of the panel that begins at <paramref name="output"/>.</summary>
    private void Tile<TLanes, TVector>(ReadOnlySpan<double> features, int output, int lane, Span<float> tile)
        where TLanes : IDoubleLanes<TVector>
        where TVector : struct
    {
        ref var x = ref MemoryMarshal.GetReference(features);
        ref var panel = ref _panels[output * _inputs];
        var (low0, high0) = (TLanes.Load(ref _bias[output + lane]), TLanes.Load(ref _bias[output + lane + TLanes.Count]));
        var (low1, high1) = (low0, high0);
        var (low2, high2) = (low0, high0);
        var (low3, high3) = (low0, high0);
        var (low4, high4) = (low0, high0);
        var (low5, high5) = (low0, high0);
        for (var i = 0; i < _inputs; i++)
        {
            var (low, high) = TLanes.Widen(ref Unsafe.Add(ref panel, lane));
            var value = TLanes.Broadcast(x);
            (low0, high0) = (TLanes.MultiplyAdd(low0, low, value), TLanes.MultiplyAdd(high0, high, value));
            value = TLanes.Broadcast(Unsafe.Add(ref x, 1));
            (low1, high1) = (TLanes.MultiplyAdd(low1, low, value), TLanes.MultiplyAdd(high1, high, value));
            value = TLanes.Broadcast(Unsafe.Add(ref x, 2));
            (low2, high2) = (TLanes.MultiplyAdd(low2, low, value), TLanes.MultiplyAdd(high2, high, value));
            value = TLanes.Broadcast(Unsafe.Add(ref x, 3));
            (low3, high3) = (TLanes.MultiplyAdd(low3, low, value), TLanes.MultiplyAdd(high3, high, value));
            value = TLanes.Broadcast(Unsafe.Add(ref x, 4));
            (low4, high4) = (TLanes.MultiplyAdd(low4, low, value), TLanes.MultiplyAdd(high4, high, value));
            value = TLanes.Broadcast(Unsafe.Add(ref x, 5));
            (low5, high5) = (TLanes.MultiplyAdd(low5, low, value), TLanes.MultiplyAdd(high5, high, value));
            x = ref Unsafe.Add(ref x, TileRows);
            panel = ref Unsafe.Add(ref panel, PanelOutputs);
        }

        TLanes.Narrow(low0, high0, ref tile[lane]);
        TLanes.Narrow(low1, high1, ref tile[PanelOutputs + lane]);
        TLanes.Narrow(low2, high2, ref tile[(2 * PanelOutputs) + lane]);
        TLanes.Narrow(low3, high3, ref tile[(3 * PanelOutputs) + lane]);
        TLanes.Narrow(low4, high4, ref tile[(4 * PanelOutputs) + lane]);
        TLanes.Narrow(low5, high5, ref tile[(5 * PanelOutputs) + lane]);
    }

    /// <summary>Puts one row into its column of a matrix of <paramref name="columns"/> columns.</summary>
    private static void Interleave<T>(ReadOnlySpan<float> row, Span<T> target, int column, int columns)
        where T : struct, INumber<T>
    {
        for (var (i, at) = (0, column); i < row.Length; i++, at += columns)
        {
            target[at] = T.CreateTruncating(row[i]);
        }
    }
}
