using System.Globalization;

namespace Whence.Search;

/// <summary>
/// Reads a <see cref="MetadataPredicate"/> by recursive descent, a method a rule:
/// <code>
/// any        = all { "or" all }
/// all        = one { "and" one }
/// one        = "not" one | "(" any ")" | comparison
/// comparison = column ( ("=" | "!=" | "&lt;" | "&lt;=" | "&gt;" | "&gt;=") literal
///                     | ["not"] ( "in" "(" literal { "," literal } ")" | "like" text | "contains" text )
///                     | "is" ["not"] "missing" )
/// </code>
/// What it makes is a chain of functions. They say true, false or null for unknown, and C#'s <c>&amp;</c>, <c>|</c> and <c>!</c>
/// on <c>bool?</c> are SQL's three-valued logic.
/// </summary>
internal sealed class PredicateParser
{
    // Bounds the stack, here and where the condition is evaluated; chains of "and" and "or" may have any length.
    private const int MostNested = 100;

    private readonly OrderedDictionary<string, int> _columns = [];
    private readonly PredicateTokens _tokens;
    private PredicateToken _next;

    public PredicateParser(string filter)
    {
        _tokens = new PredicateTokens(filter);
        _next = _tokens.Next();
    }

    /// <summary>Whether a row fulfils the filter; null where a value it needs is missing.</summary>
    /// <param name="columns">Per column its values, null where a row has none; null for a column that no row has.</param>
    /// <param name="row">The row.</param>
    internal delegate bool? Condition(string?[]?[] columns, int row);

    /// <summary>Names of the columns that the condition asks for, in the order of its argument.</summary>
    public IEnumerable<string> Columns => _columns.Keys;

    public Condition Parse()
    {
        var condition = Any(depth: 0);
        return _next.Kind == PredicateTokenKind.End ? condition : throw Expected("'and', 'or' or the end");
    }

    private Condition Any(int depth)
    {
        List<Condition> alternatives = [All(depth)];
        while (Take("or"))
        {
            alternatives.Add(All(depth));
        }

        return alternatives is [var only] ? only : (columns, row) =>
        {
            bool? result = false;
            for (var i = 0; i < alternatives.Count && result != true; i++)
            {
                result |= alternatives[i](columns, row);
            }

            return result;
        };
    }

    private Condition All(int depth)
    {
        List<Condition> conditions = [One(depth)];
        while (Take("and"))
        {
            conditions.Add(One(depth));
        }

        return conditions is [var only] ? only : (columns, row) =>
        {
            bool? result = true;
            for (var i = 0; i < conditions.Count && result != false; i++)
            {
                result &= conditions[i](columns, row);
            }

            return result;
        };
    }

    private Condition One(int depth)
    {
        if (depth > MostNested)
        {
            throw PredicateTokens.Error(_next.Start, $"nested more than {MostNested} deep");
        }

        if (Take("not"))
        {
            return Not(One(depth + 1));
        }

        if (Take("("))
        {
            var inner = Any(depth + 1);
            Require(")", "'and', 'or' or ')'");
            return inner;
        }

        return Comparison();
    }

    private Condition Comparison()
    {
        var column = TakeColumn();
        foreach (var (symbol, holds) in Orders)
        {
            if (Take(symbol))
            {
                return Test(column, Compare(TakeLiteral(), holds));
            }
        }

        if (Take("is"))
        {
            var negated = Take("not");
            Require("missing", negated ? "'missing'" : "'missing' or 'not missing'");
            return (columns, row) => (columns[column]?[row] is null) != negated;
        }

        var not = Take("not");
        var condition =
            Take("in") ? Test(column, In(TakeList()))
            : Take("like") ? Test(column, Like(TakeText()))
            : Take("contains") ? Test(column, Contains(TakeText()))
            : throw Expected(not ? "'in', 'like' or 'contains'" : "=, !=, <, <=, >, >=, 'in', 'like', 'contains' or 'is'");
        return not ? Not(condition) : condition;
    }

    private static readonly (string Symbol, Func<int, bool> Holds)[] Orders =
    [
        ("=", order => order == 0), ("!=", order => order != 0),
        ("<", order => order < 0), ("<=", order => order <= 0),
        (">", order => order > 0), (">=", order => order >= 0),
    ];

    private static Condition Not(Condition condition) => (columns, row) => !condition(columns, row);

    // A missing value is neither what is asked for nor anything else.
    private static Condition Test(int column, Func<string, bool?> holds) =>
        (columns, row) => columns[column]?[row] is { } value ? holds(value) : null;

    private static Func<string, bool?> Compare(PredicateToken literal, Func<int, bool> holds) =>
        literal.Kind == PredicateTokenKind.Text
            ? value => holds(string.CompareOrdinal(value, literal.Text))
            : value => Number(value) is { } number ? holds(number.CompareTo(literal.Number)) : null;

    private static Func<string, bool?> In(IReadOnlyList<PredicateToken> literals)
    {
        var texts = literals.Where(l => l.Kind == PredicateTokenKind.Text).Select(l => l.Text).ToHashSet(StringComparer.Ordinal);
        var numbers = literals.Where(l => l.Kind == PredicateTokenKind.Number).Select(l => l.Number).ToHashSet();
        return value => texts.Contains(value) ? true : numbers.Count == 0 ? false : Number(value) is { } n ? numbers.Contains(n) : null;
    }

    private static Func<string, bool?> Contains(string text) => value => value.Contains(text, StringComparison.Ordinal);

    private static Func<string, bool?> Like(string pattern) => value => LikePattern.Matches(pattern, value);

    private static double? Number(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;

    private int TakeColumn()
    {
        var isColumn = _next.Kind == PredicateTokenKind.QuotedName
            || (_next.Kind == PredicateTokenKind.Word && !PredicateTokens.IsKeyword(_next.Text));
        var name = isColumn ? Advance().Text : throw Expected("a column, 'not' or '('");
        _columns.TryAdd(name, _columns.Count);
        return _columns[name];
    }

    private List<PredicateToken> TakeList()
    {
        Require("(", "'('");
        List<PredicateToken> literals = [TakeLiteral()];
        while (Take(","))
        {
            literals.Add(TakeLiteral());
        }

        Require(")", "',' or ')'");
        return literals;
    }

    private PredicateToken TakeLiteral() =>
        _next.Kind is PredicateTokenKind.Text or PredicateTokenKind.Number ? Advance() : throw Expected("a number or a text in single quotes");

    private string TakeText() => _next.Kind == PredicateTokenKind.Text ? Advance().Text : throw Expected("a text in single quotes");

    private bool Take(string keywordOrSymbol)
    {
        var taken = _next.Is(keywordOrSymbol);
        if (taken)
        {
            Advance();
        }

        return taken;
    }

    private void Require(string keywordOrSymbol, string expected)
    {
        if (!Take(keywordOrSymbol))
        {
            throw Expected(expected);
        }
    }

    private PredicateToken Advance()
    {
        var token = _next;
        _next = _tokens.Next();
        return token;
    }

    private WhenceException Expected(string what) => PredicateTokens.Error(_next.Start, $"expected {what}, found {_next}");
}
