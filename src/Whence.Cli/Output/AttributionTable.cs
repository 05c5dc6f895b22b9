using System.Globalization;
using Spectre.Console;
using Whence.Calibration;
using Whence.Reports;

namespace Whence.Cli.Output;

/// <summary>An attribution as a table on a terminal.</summary>
internal static class AttributionTable
{
    public static void Write(IAnsiConsole console, Attribution answer)
    {
        console.MarkupLineInterpolated($"[bold]{ShownText.Clean(Shorten(answer.Query.Source))}[/]");
        var table = NewTable("#", "influence", "similarity", "id", "image", "caption");
        foreach (var image in answer.Results)
        {
            AddRow(console, table, image, image.Duplicates.Count > 0 ? $" (+{image.Duplicates.Count} alike)" : "");
        }

        console.Write(table);
        console.WriteLine(
            $"{Format.Percent(answer.Remaining)} of the influence lies outside this list; {(answer.Approximate is null ? "" : "at least ")}{answer.Nonzero:N0} of {answer.Searched:N0} images have any.");
        WriteNone(console, answer.None);
        WriteApproximation(console, answer.Approximate);
        WriteFilter(console, answer.Where);
        if (answer.Groups is { } groups)
        {
            WriteGroups(console, groups);
        }

        WriteCalibration(console, answer.Calibration, answer.Encoder);
        console.WriteLine();
    }

    private static void WriteApproximation(IAnsiConsole console, Candidates? found)
    {
        if (found is not null)
        {
            var more = found.Truncated ? "; even the last has some, so more images do and every share is too large (--ann-candidates finds more)" : "";
            console.WriteLine($"approximate: influence is shared among the {found.Count:N0} images found, and one that the search missed has none{more}.");
        }
    }

    public static void WriteNone(IAnsiConsole console, double? none)
    {
        if (none is { } mass)
        {
            console.WriteLine($"none of these: {Format.Percent(mass)} for no training image here; the images share the rest.");
        }
    }

    public static void WriteFilter(IAnsiConsole console, string? where)
    {
        if (where is not null)
        {
            console.WriteLine($"filter: {ShownText.Clean(where).ReplaceLineEndings(" ")}; other images were not searched and have no share.");
        }
    }

    public static void WriteCalibration(IAnsiConsole console, Calibrator calibration, string encoder)
    {
        if (calibration is { Fitted: true, Domain: { } domain })
        {
            console.WriteLine($"calibrated on {ShownText.Clean(domain).ReplaceLineEndings(" ")}; for other images the percentages are provisional ('--mapper none' compares the features as they are).");
        }
        else if (!calibration.Fitted)
        {
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"uncalibrated: tau {calibration.Tau:G4} and lambda {calibration.Lambda:G4} were {calibration.Origin}, not fitted for '{encoder}'; the order stands, the percentages are provisional."));
        }
    }

    public static Table NewTable(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var name in columns)
        {
            var column = new TableColumn(name);
            table.AddColumn(name is "image" or "caption" or "value" ? column : column.RightAligned());
        }

        return table;
    }

    /// <summary>One line a row: the end of a path and the beginning of a caption are what tells images apart.</summary>
    public static void AddRow(IAnsiConsole console, Table table, AttributedImage image, string remark = "")
    {
        const int widthOfNumbers = 46;
        var room = Math.Max(console.Profile.Width - widthOfNumbers, 30);
        var source = ShownText.Clean(Shorten(image.Source)).ReplaceLineEndings(" ");
        var caption = ShownText.Clean(image.Metadata.GetValueOrDefault("caption") ?? "").ReplaceLineEndings(" ");
        var forSource = Math.Max(room / 2, room - caption.Length) - remark.Length;
        source = source.Length > forSource ? "…" + source[^(forSource - 1)..] : source;
        var forCaption = room - source.Length - remark.Length;
        caption = caption.Length > forCaption ? caption[..(forCaption - 1)] + "…" : caption;
        table.AddRow(
            image.Rank.ToString("N0", CultureInfo.InvariantCulture),
            Format.Percent(image.Influence),
            Format.Similarity(image.Similarity),
            image.Id.ToString(CultureInfo.InvariantCulture),
            (source + remark).EscapeMarkup(),
            caption.EscapeMarkup());
    }

    private static void WriteGroups(IAnsiConsole console, InfluenceGroups groups)
    {
        var table = NewTable("influence", "images", "value").Title($"share per {groups.Column.EscapeMarkup()}");
        foreach (var share in groups.Shares)
        {
            table.AddRow(
                Format.Percent(share.Influence),
                share.Images.ToString("N0", CultureInfo.InvariantCulture),
                ShownText.Clean(share.Value ?? "(none)").ReplaceLineEndings(" ").EscapeMarkup());
        }

        console.Write(table);
    }

    // A path below the current folder reads better without what everybody knows.
    private static string Shorten(string source)
    {
        var here = Directory.GetCurrentDirectory() + Path.DirectorySeparatorChar;
        return source.StartsWith(here, StringComparison.Ordinal) ? source[here.Length..] : source;
    }
}
