using SkiaSharp;
using Whence.Evaluation;

namespace Whence.Reports;

/// <summary>What one method found for a query.</summary>
/// <param name="Method">What it is called: pretrained, tuned.</param>
/// <param name="Images">By rank.</param>
/// <param name="None">The mass of "none of these", in [0, 1]; 0 says nothing.</param>
public sealed record RankedStrip(string Method, IReadOnlyList<RankedImage> Images, double None = 0);

/// <summary>A query of a sheet.</summary>
/// <param name="Title">What it is called.</param>
/// <param name="Path">Where its image is; null where nobody knows.</param>
/// <param name="Strips">One a method, the same query each.</param>
public sealed record SheetQuery(string Title, string? Path, IReadOnlyList<RankedStrip> Strips)
{
    /// <summary>The same query as several methods saw it.</summary>
    /// <param name="methods">Per method its name and what it found; at least one.</param>
    /// <exception cref="ArgumentException">They are not of one query.</exception>
    public static SheetQuery Of(IReadOnlyList<(string Method, RankedQuery Found)> methods)
    {
        ArgumentNullException.ThrowIfNull(methods);
        if (methods.Select(m => (m.Found.TestCase, m.Found.Prompts, m.Found.Query)).Distinct().Count() != 1)
        {
            throw new ArgumentException("The methods were asked about different queries.", nameof(methods));
        }

        var found = methods[0].Found;
        return new SheetQuery(
            $"{found.TestCase}, prompts: {found.Prompts}, model {found.Model}",
            found.Path ?? $"query {found.Query}",
            [.. methods.Select(m => new RankedStrip(m.Method, m.Found.Images, m.Found.None))]);
    }
}

/// <summary>
/// Sheets as in Figures 4, 8 and 15 of the paper: a query, and for each method the images that it ranks first, exemplars boxed, influence below. An image
/// that cannot be read is a plain field with its name.
/// </summary>
public static class RankedSheet
{
    private const float Tile = 104;
    private const float TileGap = 10;
    private const float QuerySide = 168;
    private const float StripHeight = 20 + Tile + 24;
    private const float Skipped = 22;
    private const float BoxWidth = 3;
    private const int Sharpness = 2;

    /// <summary>Draws a sheet.</summary>
    /// <param name="name">Name of its file.</param>
    /// <param name="title">Its title.</param>
    /// <param name="subtitle">What is to be known of it: how influence was calibrated.</param>
    /// <param name="queries">At least one, each with at least one strip.</param>
    /// <param name="read">The bytes of an image by its path or name; null or <see cref="WhenceException"/> where there is none.</param>
    /// <exception cref="ArgumentException">There is nothing to draw.</exception>
    public static Figure Draw(string name, string title, string subtitle, IReadOnlyList<SheetQuery> queries, Func<string, byte[]?> read)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(read);
        if (queries.Count == 0 || queries.Any(q => q.Strips.Count == 0))
        {
            throw new ArgumentException("A sheet needs a query, and each query a method.", nameof(queries));
        }

        using var pictures = new Pictures(read);
        var drawing = new Drawing();
        var left = PlotStyle.Margin + QuerySide + 28;
        var widest = queries.SelectMany(q => q.Strips).Max(s => Length(s.Images));
        var width = Math.Max(left + widest + PlotStyle.Margin, 640);
        var y = FigureHeader.Draw(drawing, title, subtitle, [], width);
        y = Legend(drawing, y);
        foreach (var query in queries)
        {
            drawing.Line(PlotStyle.Margin, y, width - PlotStyle.Margin, y, PlotStyle.Grid);
            y += 24;
            drawing.Text(PlotFont.Fit(query.Title, PlotStyle.TextSize, width - (2 * PlotStyle.Margin)), PlotStyle.Margin, y, PlotStyle.TextSize, PlotStyle.Muted);
            y += 14;
            drawing.Text("query", PlotStyle.Margin, y + 12, PlotStyle.TextSize, PlotStyle.Ink, bold: true);
            Picture(drawing, pictures, query.Path ?? "", SKRect.Create(PlotStyle.Margin, y + 20, QuerySide, QuerySide));
            var strip = y;
            foreach (var method in query.Strips)
            {
                var none = method.None > 0 ? $"none of these: {Format.Percent(method.None)}" : "";
                var room = width - left - PlotStyle.Margin - (none.Length > 0 ? PlotFont.Width(none, PlotStyle.TextSize) + TileGap : 0);
                drawing.Text(PlotFont.Fit(method.Method, PlotStyle.TextSize, room, bold: true), left, strip + 12, PlotStyle.TextSize, PlotStyle.Ink, bold: true);
                drawing.Text(none, width - PlotStyle.Margin, strip + 12, PlotStyle.TextSize, PlotStyle.Muted, align: SKTextAlign.Right);
                Strip(drawing, pictures, method.Images, left, strip + 20);
                strip += StripHeight + 8;
            }

            y = Math.Max(strip, y + 20 + QuerySide) + 12;
        }

        return drawing.Finish(name, title, width, y + 4, vector: false);
    }

    private static float Legend(Drawing drawing, float y)
    {
        Box(drawing, SKRect.Create(PlotStyle.Margin + 2, y - 12, 13, 13));
        drawing.Text("exemplar of the query's model", PlotStyle.Margin + 24, y, PlotStyle.SmallSize, PlotStyle.Muted);
        var x = PlotStyle.Margin + 24 + PlotFont.Width("exemplar of the query's model", PlotStyle.SmallSize) + 22;
        drawing.Text("12.3 %", x, y, PlotStyle.SmallSize, PlotStyle.Ink, bold: true);
        x += PlotFont.Width("12.3 %", PlotStyle.SmallSize, bold: true) + 8;
        drawing.Text("influence; images in the order of their similarity", x, y, PlotStyle.SmallSize, PlotStyle.Muted);
        return y + 22;
    }

    private static void Strip(Drawing drawing, Pictures pictures, IReadOnlyList<RankedImage> images, float x, float y)
    {
        foreach (var (i, image) in images.Index())
        {
            var skips = Skips(images, i);
            if (skips)
            {
                drawing.Text("…", x + (Skipped / 2) - (TileGap / 2), y + (Tile / 2), PlotStyle.TitleSize, PlotStyle.Muted, align: SKTextAlign.Center);
                x += Skipped;
            }

            var place = SKRect.Create(x, y, Tile, Tile);
            Picture(drawing, pictures, image.Name, place);
            if (image.IsExemplar)
            {
                place.Inflate(-BoxWidth / 2, -BoxWidth / 2);
                Box(drawing, place);
            }

            var share = Format.Percent(image.Influence);
            drawing.Text(share, x, y + Tile + 16, PlotStyle.TextSize, image.IsExemplar ? PlotStyle.Vermillion : image.Influence > 0 ? PlotStyle.Ink : PlotStyle.Muted, bold: image.Influence > 0);
            if (skips || (i == 0 && image.Rank > 1))
            {
                var rank = PlotFont.Fit($"rank {Format.Count(image.Rank)}", PlotStyle.SmallSize, Tile - PlotFont.Width(share, PlotStyle.TextSize, bold: true) - 6);
                drawing.Text(rank, x + Tile, y + Tile + 16, PlotStyle.SmallSize, PlotStyle.Muted, align: SKTextAlign.Right);
            }

            x += Tile + TileGap;
        }
    }

    private static bool Skips(IReadOnlyList<RankedImage> images, int i) => i > 0 && images[i].Rank > images[i - 1].Rank + 1;

    private static float Length(IReadOnlyList<RankedImage> images) =>
        (images.Count * (Tile + TileGap)) - TileGap + (Enumerable.Range(0, images.Count).Count(i => Skips(images, i)) * Skipped);

    private static void Box(Drawing drawing, SKRect place) => drawing.Rectangle(place, PlotStyle.Vermillion, BoxWidth);

    private static void Picture(Drawing drawing, Pictures pictures, string name, SKRect place)
    {
        drawing.Rectangle(place, PlotStyle.Grid);
        if (pictures.Find(name, (int)place.Width * Sharpness) is { } bitmap)
        {
            var scale = Math.Min(place.Width / bitmap.Width, place.Height / bitmap.Height);
            drawing.Image(bitmap, SKRect.Create(
                place.MidX - (bitmap.Width * scale / 2), place.MidY - (bitmap.Height * scale / 2), bitmap.Width * scale, bitmap.Height * scale));
            return;
        }

        // Only the last part: the folders of a data set are the same for all of its images.
        var lines = Lines(QuerySection.ShortName(name), place.Width - 16).Take(4).ToArray();
        foreach (var (i, line) in lines.Index())
        {
            drawing.Text(line, place.MidX, place.MidY + 4 + ((i - ((lines.Length - 1) / 2f)) * 14), PlotStyle.SmallSize - 1, PlotStyle.Muted, align: SKTextAlign.Center);
        }
    }

    // File names have no spaces to break at.
    private static IEnumerable<string> Lines(string name, float width)
    {
        var rest = PlotFont.Drawable(name);
        while (rest.Length > 0)
        {
            var length = rest.Length;
            while (length > 1 && PlotFont.Width(rest[..length], PlotStyle.SmallSize - 1) > width)
            {
                length = Math.Min(length - 1, (int)(length * 0.95));
            }

            yield return rest[..length].Trim();
            rest = rest[length..];
        }
    }

    /// <summary>Every picture is read once.</summary>
    private sealed class Pictures(Func<string, byte[]?> read) : IDisposable
    {
        private readonly Dictionary<(string Name, int Side), SKBitmap?> _bitmaps = [];

        public SKBitmap? Find(string name, int side)
        {
            if (!_bitmaps.TryGetValue((name, side), out var bitmap))
            {
                try
                {
                    bitmap = name.Length > 0 && read(name) is { } bytes ? Thumbnail.Draw(bytes, side).Bitmap : null;
                }
                catch (WhenceException)
                {
                    // Its place says what it is; one bad image is no reason not to see the others.
                }

                _bitmaps[(name, side)] = bitmap;
            }

            return bitmap;
        }

        public void Dispose()
        {
            foreach (var bitmap in _bitmaps.Values)
            {
                bitmap?.Dispose();
            }
        }
    }
}
