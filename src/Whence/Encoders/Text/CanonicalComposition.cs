using System.Globalization;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>
/// Unicode's normalization form C. The runtime's own does nothing where globalization is invariant, as in the command line, and elsewhere depends on the machine's
/// Unicode library.
/// </summary>
internal static class CanonicalComposition
{
    // Hangul syllables are computed (Unicode, section 3.12): leading consonant, vowel, trailing consonant.
    private const int Syllables = 0xAC00, Leads = 0x1100, Vowels = 0x1161, Trails = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TrailCount = 28, SyllableCount = LeadCount * VowelCount * TrailCount;

    private static readonly Lazy<Tables> Data = new(Load);

    /// <summary>The text in form C; a surrogate without its other half becomes U+FFFD if there is anything to compose.</summary>
    public static string Compose(string text)
    {
        // No character below is combining or has another form.
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', '\u02FF'))
        {
            return text;
        }

        var tables = Data.Value;
        var characters = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(tables, rune.Value, characters);
        }

        Reorder(tables, characters);
        var result = new StringBuilder(text.Length);
        foreach (var character in Compose(tables, characters))
        {
            result.Append(new Rune(character).ToString());
        }

        return result.ToString();
    }

    private static void Decompose(Tables tables, int character, List<int> output)
    {
        if (character - Syllables is >= 0 and < SyllableCount and var syllable)
        {
            output.Add(Leads + (syllable / (VowelCount * TrailCount)));
            output.Add(Vowels + (syllable / TrailCount % VowelCount));
            if (syllable % TrailCount is > 0 and var trail)
            {
                output.Add(Trails + trail);
            }
        }
        else if (tables.Decompositions.TryGetValue(character, out var parts))
        {
            Decompose(tables, parts.First, output);
            if (parts.Second >= 0)
            {
                output.Add(parts.Second);
            }
        }
        else
        {
            output.Add(character);
        }
    }

    // Marks between two characters of class 0 are sorted by class; equals keep their order.
    private static void Reorder(Tables tables, List<int> characters)
    {
        for (var start = 0; start < characters.Count; start++)
        {
            var end = start;
            while (end < characters.Count && tables.Class(characters[end]) != 0)
            {
                end++;
            }

            if (end > start + 1)
            {
                var sorted = characters[start..end].OrderBy(tables.Class).ToArray();
                for (var i = 0; i < sorted.Length; i++)
                {
                    characters[start + i] = sorted[i];
                }
            }

            start = end;
        }
    }

    private static List<int> Compose(Tables tables, List<int> characters)
    {
        var output = new List<int>(characters.Count);
        var (starter, last) = (-1, -1);
        foreach (var character in characters)
        {
            // A mark combines with the last starter unless one of its own class or higher stands between.
            var order = tables.Class(character);
            if (starter >= 0 && last < order && Pair(tables, output[starter], character) is { } composite)
            {
                output[starter] = composite;
                continue;
            }

            (starter, last) = order == 0 ? (output.Count, -1) : (starter, order);
            output.Add(character);
        }

        return output;
    }

    private static int? Pair(Tables tables, int first, int second)
    {
        if (first - Leads is >= 0 and < LeadCount and var lead && second - Vowels is >= 0 and < VowelCount and var vowel)
        {
            return Syllables + (((lead * VowelCount) + vowel) * TrailCount);
        }

        if (first - Syllables is >= 0 and < SyllableCount and var syllable && syllable % TrailCount == 0 && second - Trails is > 0 and < TrailCount and var trail)
        {
            return first + trail;
        }

        return tables.Compositions.TryGetValue((first, second), out var composite) ? composite : null;
    }

    // "= C A B": C and A B are the same; "> C A [B]": C is replaced and never composed; "+ FIRST LAST CLASS": combining classes.
    private static Tables Load()
    {
        var tables = new Tables([], [], []);
        foreach (var line in Resource.Lines("canonical-equivalence.txt"))
        {
            var fields = line.Split(' ');
            int Hex(int field) => int.Parse(fields[field], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (fields[0] == "+")
            {
                for (var character = Hex(1); character <= Hex(2); character++)
                {
                    tables.Classes[character] = byte.Parse(fields[3], CultureInfo.InvariantCulture);
                }

                continue;
            }

            tables.Decompositions[Hex(1)] = (Hex(2), fields.Length > 3 ? Hex(3) : -1);
            if (fields[0] == "=")
            {
                tables.Compositions[(Hex(2), Hex(3))] = Hex(1);
            }
        }

        return tables;
    }

    private sealed record Tables(
        Dictionary<int, (int First, int Second)> Decompositions, Dictionary<(int First, int Second), int> Compositions, Dictionary<int, byte> Classes)
    {
        /// <summary>The canonical combining class, 0 for what does not combine.</summary>
        public byte Class(int character) => character < 0x300 ? (byte)0 : Classes.GetValueOrDefault(character);
    }
}
