using Whence.Files;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// A filter over the metadata of an index, for example
/// <c>creator = 'Ann Lee' and (year >= 1990 or not license in ('CC0', 'CC-BY-4.0'))</c>; <c>docs/formats.md</c> has the language.
/// <para>
/// Columns are those that influence can be grouped by, and <c>id</c>. All values are text. A quoted literal is compared as text,
/// ordinal and case-sensitive; a number numerically, as float64 in the invariant culture. As in SQL, a comparison of a missing
/// value, and of a number with a value that is no number, is neither true nor false: an image is chosen only where the whole
/// is true, so neither <c>year = 1990</c> nor <c>not year = 1990</c> nor <c>year != 1990</c> chooses an image without a year;
/// <c>year is missing</c> does. Immutable and thread-safe.
/// </para>
/// </summary>
public sealed class MetadataPredicate
{
    private readonly PredicateParser.Condition _condition;

    private MetadataPredicate(string text, PredicateParser.Condition condition, IReadOnlyList<string> columns) =>
        (Text, _condition, Columns) = (text, condition, columns);

    /// <summary>The filter as it was written.</summary>
    public string Text { get; }

    /// <summary>The columns it names, in the order they are first named.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>Reads a filter.</summary>
    /// <param name="text">The filter; parentheses and <c>not</c> nest at most 100 deep.</param>
    /// <exception cref="WhenceException">It is not written right; the message has the character's position, from 1, and what was expected.</exception>
    public static MetadataPredicate Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parser = new PredicateParser(text);
        return new MetadataPredicate(text, parser.Parse(), [.. parser.Columns]);
    }

    /// <summary>Evaluates the filter once for every row of an index, a part at a time; only columns that it names are read.</summary>
    /// <param name="index">The index.</param>
    /// <param name="cancellation">Stops between parts.</param>
    /// <returns>The rows for which it is true, those of removed images included.</returns>
    /// <exception cref="WhenceException">No part has a column that the filter names, or a part is missing or damaged.</exception>
    public RowSet Evaluate(FeatureIndex index, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(index);
        index.CheckSizes();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var rows = RowSet.Of(index.Count, index.Manifest.Parts.SelectMany(part =>
        {
            cancellation.ThrowIfCancellationRequested();
            var columns = MetadataFile.ReadTexts(index.Folder, part, Columns);
            known.UnionWith(Columns.Where((_, c) => columns[c] is not null));
            return Enumerable.Range(0, part.Rows).Where(row => _condition(columns, row) == true).Select(row => part.FirstId + row);
        }));
        if (index.Count > 0)
        {
            RequireColumns(index.Folder, known, index.FindColumns);
        }

        return rows;
    }

    /// <summary>Refuses a filter with a column that no image has: it is misspelt, and would choose none or, where it is asked whether it is missing, all.</summary>
    /// <param name="where">What is filtered, for the message.</param>
    /// <param name="known">Columns that there are; those that the filter does not name may be left out.</param>
    /// <param name="all">All columns, asked for only where one is unknown.</param>
    /// <exception cref="WhenceException">A column is unknown; the message has it and those that there are.</exception>
    internal void RequireColumns(string where, IReadOnlySet<string> known, Func<IEnumerable<string>> all)
    {
        string[] unknown = [.. Columns.Where(name => !known.Contains(name))];
        if (unknown.Length > 0)
        {
            var there = string.Join(", ", all());
            throw new WhenceException(
                $"{where}: no metadata column '{Listing.Of(unknown)}', which the filter names; there are: {(there.Length == 0 ? "none" : RegularFile.OneLine(there))}.");
        }
    }

    /// <summary>Whether the filter is true for one image's columns, those that it has not being missing.</summary>
    /// <param name="columns">Values by name.</param>
    public bool Holds(IReadOnlyDictionary<string, string> columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        return _condition([.. Columns.Select(name => columns.TryGetValue(name, out var value) ? new string?[] { value } : null)], 0) == true;
    }

    /// <summary>The filter as it was written.</summary>
    public override string ToString() => Text;
}
