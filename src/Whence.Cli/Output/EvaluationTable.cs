using Spectre.Console;
using Whence.Evaluation;
using Whence.Reports;

namespace Whence.Cli.Output;

/// <summary>Results of an evaluation on a terminal: a table for each test case and type of prompts, then the averages.</summary>
internal static class EvaluationTable
{
    public static void Write(IAnsiConsole console, EvaluationResults results)
    {
        foreach (var row in EvaluationRow.Of(results))
        {
            console.MarkupLineInterpolated($"[bold]{row.Title()}[/]");
            var table = new Table().Border(TableBorder.Simple).AddColumn("metric");
            foreach (var name in (string[])["value", "interval", "ceiling", "chance", .. row.Differences is null ? [] : (string[])["difference", "its interval"]])
            {
                table.AddColumn(new TableColumn(name).RightAligned().NoWrap());
            }

            foreach (var (key, metric) in row.Metrics)
            {
                table.AddRow([EvaluationRow.NameOf(key), .. row.Cells(key, metric)]);
            }

            console.Write(table);
        }

        foreach (var fact in EvaluationMarkdown.Facts(results))
        {
            console.WriteLine(fact);
        }
    }
}
