using Spectre.Console;
using Whence.Calibration;
using Whence.Reports;

namespace Whence.Cli.Output;

/// <summary>A calibration and what was measured of it on a terminal.</summary>
internal static class CalibrationTable
{
    public static void Write(IAnsiConsole console, Calibrator calibrator, CalibrationReport report)
    {
        foreach (var part in report.Parts.Count > 1 ? report.Parts.Append(report.All) : report.Parts)
        {
            console.MarkupLineInterpolated($"[bold]{CalibrationMarkdown.Title(part)}[/]");
            var table = new Table().Border(TableBorder.Simple).AddColumn("measure");
            foreach (var name in (string[])["before", "after"])
            {
                table.AddColumn(new TableColumn(name).RightAligned().NoWrap());
            }

            foreach (var (name, before, after) in CalibrationMarkdown.Rows(part))
            {
                table.AddRow(new Text(name), new Text(before), new Text(after));
            }

            console.Write(table);
        }

        if (report.None is { } none)
        {
            console.WriteLine(
                $"none of these: {Format.Percent(none.Present)} on average where the exemplars are there, {Format.Percent(none.Absent)} where they were taken out");
        }

        foreach (var fact in CalibrationMarkdown.Facts(calibrator, report))
        {
            console.WriteLine(fact);
        }
    }
}
