using System.Globalization;
using System.Text;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>
/// Results of an evaluation as a Markdown page: a table laid out as the paper's, a line for each test case and type of prompts and for each average;
/// then, for each of them, every metric with its interval, its ceiling, and what chance would reach.
/// </summary>
public static class EvaluationMarkdown
{
    /// <summary>Writes the page as UTF-8.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="results">The results.</param>
    public static void Write(Stream stream, EvaluationResults results)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(results);
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
        text.WriteLine("# Evaluation\n");
        foreach (var fact in Facts(results))
        {
            text.WriteLine($"- {Escaped(fact)}");
        }

        var rows = EvaluationRow.Of(results);
        text.WriteLine("\n## Overview\n");
        WriteOverview(text, rows, results.RecallAt);
        foreach (var row in rows)
        {
            text.WriteLine($"\n## {Escaped(row.Title())}\n");
            WriteRow(text, row);
        }
    }

    /// <summary>What was evaluated, and how the numbers are to be read: one sentence each.</summary>
    public static IReadOnlyList<string> Facts(EvaluationResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        var facts = new List<string>
        {
            string.Create(CultureInfo.InvariantCulture, $"distractors: {results.Distractors.Count:N0}, {results.Distractors.Source}"),
            results.Mapper is { } mapper ? $"mapper: {mapper.Name} (SHA-256 {mapper.Sha256})" : "mapper: none",
            string.Create(
                CultureInfo.InvariantCulture,
                $"intervals: {results.Bootstrap.Level:P0} over models, {results.Bootstrap.Resamples:N0} draws, seed {results.Bootstrap.Seed}"),
        };
        if (results.Comparison is { } comparison)
        {
            facts.Add($"differences: this run minus {comparison.With} (mapper: {comparison.Mapper?.Name ?? "none"}), paired by model");
        }

        return [.. facts.Select(fact => ShownText.Clean(fact).ReplaceLineEndings(" "))];
    }

    private static void WriteOverview(StreamWriter text, IReadOnlyList<EvaluationRow> rows, IReadOnlyList<int> recallAt)
    {
        string[] keys = [.. EvaluationResults.MetricKeys(recallAt).Where(key => !key.StartsWith("normalized", StringComparison.Ordinal))];
        WriteLine(text, ["", .. keys.Select(EvaluationRow.NameOf)]);
        WriteLine(text, ["---", .. keys.Select(_ => "---:")]);
        foreach (var row in rows)
        {
            var metrics = row.Metrics.ToDictionary();
            WriteLine(text, [Escaped(row.Title()), .. keys.Select(key => metrics.TryGetValue(key, out var metric) ? EvaluationRow.Value(key, metric.Value) : "")]);
        }
    }

    private static void WriteRow(StreamWriter text, EvaluationRow row)
    {
        string[] header = ["metric", "value", "interval", "ceiling", "chance", .. row.Differences is null ? [] : (string[])["difference", "its interval"]];
        WriteLine(text, header);
        WriteLine(text, ["---", .. header.Skip(1).Select(_ => "---:")]);
        foreach (var (key, metric) in row.Metrics)
        {
            WriteLine(text, [EvaluationRow.NameOf(key), .. row.Cells(key, metric)]);
        }
    }

    private static void WriteLine(StreamWriter text, IEnumerable<string> cells) => text.WriteLine($"| {string.Join(" | ", cells)} |");

    // Names of files are strangers' text: no markup, no HTML, no end of a cell.
    internal static string Escaped(string name)
    {
        var escaped = new StringBuilder(name.Length);
        foreach (var c in name)
        {
            _ = "\\`*_[]<>|#&".Contains(c, StringComparison.Ordinal) ? escaped.Append('\\').Append(c) : escaped.Append(c);
        }

        return escaped.ToString();
    }
}
