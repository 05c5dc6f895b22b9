using System.Globalization;
using Spectre.Console;
using Whence.Reports;

namespace Whence.Cli.Output;

/// <summary>An attribution as a table on a terminal.</summary>
internal static class AttributionTable
{
    public static void Write(IAnsiConsole console, Attribution answer)
    {
        console.MarkupLineInterpolated($"[bold]{Shorten(answer.Query.Source)}[/]");
        var table = NewTable("#", "influence", "similarity", "id", "image", "caption");
        foreach (var image in answer.Results)
        {
            AddRow(console, table, image, image.Duplicates.Count > 0 ? $" (+{image.Duplicates.Count} alike)" : "");
        }

        console.Write(table);
        console.WriteLine(
            $"{Format.Percent(answer.Remaining)} of the influence lies outside this list; {answer.Nonzero:N0} of {answer.Searched:N0} images have any.");
        if (answer.Groups is { } groups)
        {
            WriteGroups(console, groups);
        }

        if (!answer.Calibration.Fitted)
        {
            console.WriteLine(Uncalibrated(answer));
        }

        console.WriteLine();
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
        var source = Shorten(image.Source);
        var caption = image.Metadata.GetValueOrDefault("caption") ?? "";
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

    private static string Uncalibrated(Attribution answer) => string.Create(
        CultureInfo.InvariantCulture,
        $"uncalibrated: tau {answer.Calibration.Tau} and lambda {answer.Calibration.Lambda} were fitted for CLIP by the paper's authors, not for '{answer.Encoder}'; the order stands, the percentages are provisional.");

    private static void WriteGroups(IAnsiConsole console, InfluenceGroups groups)
    {
        var table = NewTable("influence", "images", "value").Title($"share per {groups.Column.EscapeMarkup()}");
        foreach (var share in groups.Shares)
        {
            table.AddRow(
                Format.Percent(share.Influence),
                share.Images.ToString("N0", CultureInfo.InvariantCulture),
                (share.Value ?? "(none)").EscapeMarkup());
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
