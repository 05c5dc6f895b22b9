using System.IO.Enumeration;

namespace Whence.Images;

/// <summary>
/// A pattern over paths: <c>*</c> and <c>?</c> within a name, <c>**</c> for any folders (or none) between, ordinal and
/// case-sensitive. Brackets and braces mean themselves.
/// </summary>
internal sealed class Glob
{
    private readonly string[] _segments;

    private Glob(string root, string[] segments) => (Root, _segments) = (root, segments);

    /// <summary>The folder before the first wildcard, absolute.</summary>
    public string Root { get; }

    /// <summary>The pattern's last name.</summary>
    public string LastSegment => _segments[^1];

    /// <summary>Parses a pattern; null where there is no wildcard.</summary>
    public static Glob? Parse(string pattern)
    {
        var full = Path.GetFullPath(pattern).Replace(Path.DirectorySeparatorChar, '/');
        var wildcard = full.AsSpan().IndexOfAny('*', '?');
        var cut = wildcard < 0 ? -1 : full.LastIndexOf('/', wildcard);
        var segments = cut < 0 ? [] : full[(cut + 1)..].Split('/', StringSplitOptions.RemoveEmptyEntries);
        return segments.Length is > 0 and < 64 ? new Glob(full[..Math.Max(cut, 1)], segments) : null;
    }

    /// <summary>How a path below the root (with <c>/</c> between folders) stands to the pattern.</summary>
    public GlobMatch Match(string relative)
    {
        // Bit i is set while the segments before i have matched: all readings of ** at once, in one pass.
        var end = 1UL << _segments.Length;
        var states = Close(1);
        bool whole = false, inside = false;
        foreach (var range in relative.AsSpan().Split('/'))
        {
            inside |= whole;
            var name = relative.AsSpan(range);
            ulong next = 0;
            for (var i = 0; i < _segments.Length; i++)
            {
                if ((states >> i & 1) != 0)
                {
                    next |= _segments[i] == "**" ? 1UL << i
                        : FileSystemName.MatchesSimpleExpression(_segments[i], name, ignoreCase: false) ? 1UL << (i + 1) : 0;
                }
            }

            states = Close(next);
            whole = (states & end) != 0;
        }

        return new GlobMatch(whole, inside, (states & (end - 1)) != 0);
    }

    private ulong Close(ulong states)
    {
        for (var i = 0; i < _segments.Length; i++)
        {
            if ((states >> i & 1) != 0 && _segments[i] == "**")
            {
                states |= 1UL << (i + 1);
            }
        }

        return states;
    }
}

/// <summary>How a path stands to a pattern.</summary>
/// <param name="Whole">It matches.</param>
/// <param name="Inside">A folder above it matches.</param>
/// <param name="Begun">Something below it could match.</param>
internal readonly record struct GlobMatch(bool Whole, bool Inside, bool Begun);
