using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Whence.Torch.Mapping;

/// <summary>
/// NT-Xent in both directions (Eq. 3 of the paper) over a batch of n pairs, and its gradient in closed form. With similarities s_ij of
/// synthesized image i and exemplar j and a temperature t,
/// <c>L_i = -log(exp(s_ii/t) / sum_j exp(s_ij/t)) - log(exp(s_ii/t) / sum_j exp(s_ji/t))</c>, and the loss is the mean of L_i.
/// </summary>
internal sealed class ContrastiveLoss(double temperature)
{
    private float[] _buffer = [];

    /// <summary>Computes the two parts of the loss, and the gradient in place of the similarities.</summary>
    /// <param name="similarities">n x n, row after row: a row a synthesized image, a column an exemplar. Receives the gradient.</param>
    /// <param name="n">Pairs, at least 1.</param>
    /// <param name="groups">
    /// A group for each pair, or empty. Pairs of one group are no negatives of each other: they are left out of the sums. A negative group
    /// holds that pair alone.
    /// </param>
    public (double SynthToReal, double RealToSynth) Replace(Span<float> similarities, int n, ReadOnlySpan<int> groups)
    {
        if (_buffer.Length < 6 * n)
        {
            _buffer = new float[6 * n];
        }

        var positive = _buffer.AsSpan(0, n);
        var rowSum = _buffer.AsSpan(n, n);
        var columnMost = _buffer.AsSpan(2 * n, n);
        var columnSum = _buffer.AsSpan(3 * n, n);
        var one = _buffer.AsSpan(4 * n, n);
        var two = _buffer.AsSpan(5 * n, n);
        columnMost.Fill(float.NegativeInfinity);
        for (var i = 0; i < n; i++)
        {
            var row = similarities.Slice(i * n, n);
            TensorPrimitives.Divide(row, (float)temperature, row);
            Mask(row, i, groups);
            positive[i] = row[i];
            TensorPrimitives.Max<float>(columnMost, row, columnMost);
        }

        // Sums of exponentials below the largest, of each row and each column; then their logarithms.
        columnSum.Clear();
        for (var i = 0; i < n; i++)
        {
            var row = similarities.Slice(i * n, n);
            var most = TensorPrimitives.Max<float>(row);
            TensorPrimitives.Subtract(row, most, one);
            TensorPrimitives.Exp<float>(one, one);
            rowSum[i] = most + MathF.Log(TensorPrimitives.Sum<float>(one));
            TensorPrimitives.Subtract(row, columnMost, two);
            TensorPrimitives.Exp<float>(two, two);
            TensorPrimitives.Add(columnSum, two, columnSum);
        }

        TensorPrimitives.Log<float>(columnSum, columnSum);
        TensorPrimitives.Add(columnSum, columnMost, columnSum);

        // d loss / d s_ij = (softmax of the row + softmax of the column - 2 where i = j) / (n t)
        var scale = (float)(1 / (n * temperature));
        var (synthToReal, realToSynth) = (0.0, 0.0);
        for (var i = 0; i < n; i++)
        {
            var row = similarities.Slice(i * n, n);
            TensorPrimitives.Subtract(row, rowSum[i], one);
            TensorPrimitives.Exp<float>(one, one);
            TensorPrimitives.Subtract(row, columnSum, two);
            TensorPrimitives.Exp<float>(two, two);
            TensorPrimitives.Add(one, two, row);
            row[i] -= 2;
            TensorPrimitives.Multiply(row, scale, row);
            synthToReal += rowSum[i] - positive[i];
            realToSynth += columnSum[i] - positive[i];
        }

        return (synthToReal / n, realToSynth / n);
    }

    private static void Mask(Span<float> row, int pair, ReadOnlySpan<int> groups)
    {
        if (groups.IsEmpty || groups[pair] < 0)
        {
            return;
        }

        for (var j = 0; j < row.Length; j++)
        {
            if (groups[j] == groups[pair] && j != pair)
            {
                row[j] = float.NegativeInfinity;
            }
        }
    }
}
