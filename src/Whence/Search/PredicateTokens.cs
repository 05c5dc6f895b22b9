using System.Globalization;

namespace Whence.Search;

/// <summary>What a token of a filter is.</summary>
internal enum PredicateTokenKind
{
    /// <summary>A keyword or the name of a column.</summary>
    Word,

    /// <summary>The name of a column in double quotes.</summary>
    QuotedName,

    /// <summary>A text in single quotes.</summary>
    Text,

    /// <summary>A number.</summary>
    Number,

    /// <summary>An operator, a parenthesis or a comma.</summary>
    Symbol,

    /// <summary>The end of the filter.</summary>
    End,
}

/// <summary>A token of a filter.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">What it says, without quotes.</param>
/// <param name="Start">Where it begins, from 0.</param>
/// <param name="Number">The value of a number.</param>
internal readonly record struct PredicateToken(PredicateTokenKind Kind, string Text, int Start, double Number = 0)
{
    private const int MostShown = 40;

    /// <summary>Whether it is that symbol, or that keyword in whatever case.</summary>
    public bool Is(string keywordOrSymbol) =>
        Kind is PredicateTokenKind.Word or PredicateTokenKind.Symbol && Text.Equals(keywordOrSymbol, StringComparison.OrdinalIgnoreCase);

    /// <summary>The token as an error shows it.</summary>
    public override string ToString()
    {
        var shown = Text.Length <= MostShown ? Text : Text[..MostShown] + "...";
        return Kind switch
        {
            PredicateTokenKind.End => "the end",
            PredicateTokenKind.QuotedName => $"\"{shown}\" (double quotes are for columns)",
            PredicateTokenKind.Text => $"the text '{shown}'",
            _ => $"'{shown}'",
        };
    }
}

/// <summary>Cuts a filter into tokens.</summary>
internal sealed class PredicateTokens(string filter)
{
    private static readonly string[] Keywords = ["and", "or", "not", "in", "like", "contains", "is", "missing"];
    private static readonly string[] Symbols = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ","]; // the longer first
    private int _position;

    public static bool IsKeyword(string word) => Keywords.Contains(word, StringComparer.OrdinalIgnoreCase);

    /// <summary>The next token; at the end the end, however often it is asked for.</summary>
    /// <exception cref="WhenceException">No token begins there, or a quote is not closed.</exception>
    public PredicateToken Next()
    {
        while (_position < filter.Length && char.IsWhiteSpace(filter[_position]))
        {
            _position++;
        }

        var start = _position;
        if (start == filter.Length)
        {
            return new PredicateToken(PredicateTokenKind.End, "", start);
        }

        var first = filter[start];
        if (first is '\'' or '"')
        {
            return new PredicateToken(first == '"' ? PredicateTokenKind.QuotedName : PredicateTokenKind.Text, Quoted(first), start);
        }

        if (char.IsLetter(first) || first == '_')
        {
            return new PredicateToken(PredicateTokenKind.Word, Run(), start);
        }

        if (char.IsAsciiDigit(first) || first is '+' or '-' or '.')
        {
            return NumberAt(start);
        }

        var symbol = Array.Find(Symbols, s => string.CompareOrdinal(filter, start, s, 0, s.Length) == 0)
            ?? throw Error(start, $"'{first}' has no meaning here; text goes in single quotes, a column of that name in double quotes");
        _position += symbol.Length;
        return new PredicateToken(PredicateTokenKind.Symbol, symbol, start);
    }

    /// <summary>What is wrong where a token begins.</summary>
    public static WhenceException Error(int position, string what) =>
        new(string.Create(CultureInfo.InvariantCulture, $"The filter is not written right at character {position + 1}: {what}."));

    // What belongs to a bare name or number; a date such as 1990-01-02 is then seen whole, and refused whole.
    private string Run()
    {
        var start = _position;
        while (_position < filter.Length && (char.IsLetterOrDigit(filter[_position]) || filter[_position] is '_' or '.' or '-' or '+'))
        {
            _position++;
        }

        return filter[start.._position];
    }

    private PredicateToken NumberAt(int start)
    {
        const NumberStyles plain = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        var token = new PredicateToken(PredicateTokenKind.Number, Run(), start);
        return double.TryParse(token.Text, plain, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? token with { Number = number }
            : throw Error(start, $"{token} is no number; text goes in single quotes");
    }

    // A quote is doubled where it belongs to the text.
    private string Quoted(char quote)
    {
        var start = _position++;
        var hasQuotes = false;
        for (; ; _position++)
        {
            if (_position == filter.Length)
            {
                throw Error(start, $"the quote {quote} is not closed");
            }

            if (filter[_position] != quote)
            {
                continue;
            }

            if (_position + 1 == filter.Length || filter[_position + 1] != quote)
            {
                break;
            }

            hasQuotes = true;
            _position++;
        }

        var text = filter[(start + 1).._position++];
        return hasQuotes ? text.Replace($"{quote}{quote}", $"{quote}", StringComparison.Ordinal) : text;
    }
}
