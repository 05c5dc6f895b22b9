using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;

namespace Whence.Reports;

/// <summary>
/// Attributions for spreadsheets: RFC 4180 (commas, CRLF, quotes where needed), UTF-8 without a byte order mark, one row a result.
/// <para>
/// Columns: <c>query, rank, id, source, similarity, influence, calibrated, approximate, none</c> (the query's mass for no training image, empty where the
/// calibration has none), then every metadata column that occurs, in ordinal order; one
/// that bears the name of a column before it is called <c>metadata.NAME</c>. Numbers have full precision.
/// </para>
/// <para>
/// A spreadsheet runs a cell that begins with <c>= + - @</c>, a tab or a line break as a formula, and metadata comes from strangers.
/// Such text gets an apostrophe in front, which spreadsheets take as "this is text"; text that is wholly a number stays as it is.
/// A program that needs the exact text reads <see cref="JsonReport"/>.
/// </para>
/// </summary>
public static class CsvReport
{
    private static readonly string[] FixedColumns = ["query", "rank", "id", "source", "similarity", "influence", "calibrated", "approximate", "none"];

    /// <summary>Writes the header and one row for each result of each query; folded duplicates have no row of their own.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="attributions">One per query, all at hand because the header names every metadata column.</param>
    public static void Write(Stream stream, IReadOnlyList<Attribution> attributions)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(attributions);
        var columns = attributions
            .SelectMany(attribution => attribution.Results)
            .SelectMany(result => result.Metadata.Keys)
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .ToList();

        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            // CsvHelper's own guard would also turn the number -0.5 into text; Guarded() below knows which cells are text.
            InjectionOptions = InjectionOptions.None,
        });
        foreach (var name in Header(columns))
        {
            csv.WriteField(Guarded(name));
        }

        csv.NextRecord();
        foreach (var attribution in attributions)
        {
            foreach (var result in attribution.Results)
            {
                csv.WriteField(Guarded(attribution.Query.Source));
                csv.WriteField(result.Rank);
                csv.WriteField(result.Id);
                csv.WriteField(Guarded(result.Source));
                csv.WriteField(result.Similarity);
                csv.WriteField(result.Influence);
                csv.WriteField(attribution.Calibration.Fitted ? "yes" : "no");
                csv.WriteField(attribution.Approximate is null ? "no" : "yes");
                csv.WriteField(attribution.None);
                foreach (var column in columns)
                {
                    csv.WriteField(Guarded(result.Metadata.GetValueOrDefault(column, "")));
                }

                csv.NextRecord();
            }
        }
    }

    private static List<string> Header(List<string> metadataColumns)
    {
        var header = FixedColumns.ToList();
        var taken = FixedColumns.ToHashSet(StringComparer.Ordinal);
        foreach (var column in metadataColumns)
        {
            var name = column;
            while (!taken.Add(name))
            {
                name = "metadata." + name;
            }

            header.Add(name);
        }

        return header;
    }

    // The full-width signs count too: spreadsheets in East Asian locales read them like the ASCII ones.
    internal static string Guarded(string cell) =>
        cell.Length > 0 && "=+-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20".Contains(cell[0], StringComparison.Ordinal) && !IsNumber(cell)
            ? "'" + cell
            : cell;

    private static bool IsNumber(string cell) =>
        double.TryParse(cell, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out _) && cell.All(c => c is '+' or '-' or '.' or 'e' or 'E' || char.IsAsciiDigit(c));
}
