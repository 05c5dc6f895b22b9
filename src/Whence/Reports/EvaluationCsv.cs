using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>
/// Results of an evaluation for spreadsheets: RFC 4180, UTF-8, a row for each metric of each test case and type of prompts, then of the averages.
/// <para>
/// Columns: <c>test_case, prompts, count, metric, value, low, high, ceiling, chance, difference, difference_low, difference_high</c>. Numbers have full
/// precision; what is not there is empty: the test case of an average, the prompts of the average over all types, differences where nothing was compared.
/// </para>
/// </summary>
public static class EvaluationCsv
{
    /// <summary>Writes the header and the rows.</summary>
    /// <param name="stream">Receives the text; stays open.</param>
    /// <param name="results">The results.</param>
    public static void Write(Stream stream, EvaluationResults results)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(results);
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture) { InjectionOptions = InjectionOptions.None });
        foreach (var name in (string[])["test_case", "prompts", "count", "metric", "value", "low", "high", "ceiling", "chance", "difference", "difference_low", "difference_high"])
        {
            csv.WriteField(name);
        }

        csv.NextRecord();
        foreach (var row in EvaluationRow.Of(results))
        {
            foreach (var (key, metric) in row.Metrics)
            {
                var difference = row.Differences?.GetValueOrDefault(key);
                csv.WriteField(CsvReport.Guarded(row.TestCase ?? ""));
                csv.WriteField(CsvReport.Guarded(row.Prompts ?? ""));
                csv.WriteField(row.Count);
                csv.WriteField(key);
                foreach (var number in (double?[])[metric.Value, metric.Low, metric.High, metric.Ceiling, metric.Chance, difference?.Value, difference?.Low, difference?.High])
                {
                    csv.WriteField(number);
                }

                csv.NextRecord();
            }
        }
    }
}
