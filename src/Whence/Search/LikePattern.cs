namespace Whence.Search;

/// <summary>SQL's <c>like</c>: <c>%</c> stands for any text, <c>_</c> for one character, everything else for itself, ordinal.</summary>
internal static class LikePattern
{
    /// <summary>
    /// Whether the whole value has the pattern, in at most as many steps as their lengths' product: of what a <c>%</c> stands
    /// for only the last one's is ever tried again, since what the pattern had matched before it stays matched.
    /// </summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> value)
    {
        var (p, v) = (0, 0);
        var (afterAny, resume) = (-1, 0);
        while (v < value.Length)
        {
            if (p < pattern.Length && pattern[p] == '%')
            {
                (afterAny, resume) = (++p, v);
            }
            else if (p < pattern.Length && pattern[p] == '_')
            {
                v += v + 1 < value.Length && char.IsSurrogatePair(value[v], value[v + 1]) ? 2 : 1;
                p++;
            }
            else if (p < pattern.Length && pattern[p] == value[v])
            {
                (p, v) = (p + 1, v + 1);
            }
            else if (afterAny >= 0)
            {
                (p, v) = (afterAny, ++resume);
            }
            else
            {
                return false;
            }
        }

        return pattern[p..].Trim('%').IsEmpty;
    }
}
