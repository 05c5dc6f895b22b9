namespace Whence.Search;

/// <summary>
/// The k most similar of n rows: similarity descending, the smaller row first among equals. A row's similarity and number
/// are packed into one integer whose order is that order, so a tie needs no thought; candidates gather in a buffer of 2k
/// that is cut back to k whenever it is full, so the cost is O(n) and the memory O(k) for any k.
/// </summary>
internal static class TopK
{
    /// <param name="similarities">n similarities; NaN rows are never chosen.</param>
    /// <param name="k">At least 0; all rows are returned where there are fewer.</param>
    public static (long Id, float Similarity)[] Select(ReadOnlySpan<float> similarities, int k)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        if (k == 0)
        {
            return [];
        }

        var buffer = new ulong[(int)Math.Min(similarities.Length, Math.Max(2L * k, 1024))];
        var (used, worst) = (0, ulong.MaxValue);
        for (var i = 0; i < similarities.Length; i++)
        {
            if (float.IsNaN(similarities[i]))
            {
                continue;
            }

            var key = Pack(similarities[i], (uint)i);
            if (key >= worst)
            {
                continue;
            }

            if (used == buffer.Length)
            {
                // The buffer holds more than k only while it is being filled: what is beyond the k-th can never return.
                Array.Sort(buffer);
                used = k;
                worst = buffer[k - 1];
                if (key >= worst)
                {
                    continue;
                }
            }

            buffer[used++] = key;
        }

        Array.Sort(buffer, 0, used);
        return buffer.AsSpan(0, Math.Min(used, k)).ToArray().Select(Unpack).ToArray();
    }

    // Floats compare like integers once negative ones are flipped; inverted, the best similarity becomes the smallest key.
    private static ulong Pack(float similarity, uint row)
    {
        var bits = BitConverter.SingleToUInt32Bits(similarity + 0f);
        var ascending = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ((ulong)~ascending << 32) | row;
    }

    private static (long, float) Unpack(ulong key)
    {
        var ascending = ~(uint)(key >> 32);
        var bits = (ascending & 0x8000_0000) != 0 ? ascending & 0x7FFF_FFFF : ~ascending;
        return ((uint)key, BitConverter.UInt32BitsToSingle(bits));
    }
}
