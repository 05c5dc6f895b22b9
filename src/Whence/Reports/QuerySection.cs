namespace Whence.Reports;

/// <summary>One query's section of the page: the query, where its influence comes from, and the training images.</summary>
internal sealed class QuerySection(HtmlWriter html, HtmlReportOptions options, Attribution attribution, int number)
{
    private static readonly string[] CaptionColumns = ["caption", "text", "title"];

    private const int QueryPixels = 480;
    private const int StripPixels = 128;
    private const int MostPixels = 320;

    private readonly AreaLayout _layout = new(attribution.Results);
    private double _total;

    /// <summary>The last part of a path, an address or <c>container::entry</c>.</summary>
    public static string ShortName(string locator)
    {
        var end = locator.AsSpan().TrimEnd("/\\:");
        var name = end[(end.LastIndexOfAny("/\\:") + 1)..].ToString();
        return name.Length > 0 ? name : locator;
    }

    public void Write(bool withFacts)
    {
        html.Write($"""
            <section class="query" id="query-{number}" aria-labelledby="query-{number}-title">
            <div class="asked">
            <h2 id="query-{number}-title"><span class="kind">Query</span> <bdi>{ShortName(attribution.Query.Source)}</bdi></h2>
            <div class="picture">
            """);
        var query = Load(() => options.ReadQuery is { } read ? read(attribution.Query) : options.ReadImage(attribution.Query.Source), QueryPixels);
        WritePicture(query, $"The query: {ShortName(attribution.Query.Source)}", style: "");
        html.Write($"</div>\n");
        WriteReason(query);
        if (options.AboutQuery?.Invoke(attribution.Query) is { } about)
        {
            html.Write($"<p class=\"about\"><bdi>{about}</bdi></p>\n");
        }

        html.Write($"""
            <details><summary>About the query</summary>
            <dl>
            <div><dt>Source</dt><dd><bdi>{attribution.Query.Source}</bdi></dd></div>
            <div><dt>SHA-256</dt><dd><code>{attribution.Query.Sha256}</code></dd></div>
            </dl></details>
            </div>
            <div class="answer">

            """);
        if (withFacts)
        {
            SearchFacts.Of(attribution).Write(html);
        }

        new InfluenceSummary(html, attribution, _layout).Write();
        WriteGallery();
        WriteStrip();
        html.Write($"</div>\n</section>\n");
    }

    private void WriteGallery()
    {
        if (_layout.Large.Count == 0)
        {
            return;
        }

        html.Write($"""
            <h3>Sized by influence</h3>
            <p class="hint">The area of a picture is proportional to its influence; the total adds up the influences so far.</p>
            <ol class="gallery" style="--u:{_layout.Unit}px">

            """);
        foreach (var image in _layout.Large)
        {
            var picture = Load(() => options.ReadImage(image.Source), (int)Math.Min(MostPixels, Math.Max(StripPixels, _layout.Unit * 2)));
            var (width, height) = _layout.Frame(image, picture.Thumbnail is { } found ? (double)found.Width / found.Height : 1);
            _total += image.Influence;
            html.Write($"<li class=\"{Class(image)}\" style=\"--w:{width};--h:{height}\">\n<div class=\"picture\">");
            WritePicture(picture, Describe(image), style: "frame");
            html.Write($"""
                </div>
                <p class="share">{Format.Percent(image.Influence)} <span class="rank"><span class="hidden">rank </span>{image.Rank}</span></p>

                """);
            WriteMark(image);
            html.Write($"""
                <p class="caption"><bdi>{Caption(image) ?? ShortName(image.Source)}</bdi></p>
                <p class="numbers">similarity {Format.Similarity(image.Similarity)}</p>
                <p class="numbers">total {Format.Percent(_total)}</p>

                """);
            WriteReason(picture);
            html.Write($"<details><summary>Details<span class=\"hidden\"> of image {image.Rank}</span></summary>\n");
            WriteDetails(image);
            html.Write($"</details>\n</li>\n");
        }

        html.Write($"</ol>\n");
    }

    private void WriteStrip()
    {
        if (_layout.Small.Count == 0)
        {
            return;
        }

        html.Write($"""
            <h3>Further images</h3>
            <p class="hint">Too little influence to be drawn in proportion, so all are drawn at one size. Open one for its details.</p>
            <ol class="strip">

            """);
        foreach (var image in _layout.Small)
        {
            var picture = Load(() => options.ReadImage(image.Source), StripPixels);
            _total += image.Influence;
            html.Write($"<li class=\"{Class(image)}\"><details><summary><span class=\"picture\">");
            WritePicture(picture, Describe(image), style: "");
            html.Write($"</span><span class=\"share\">{Format.Percent(image.Influence)}</span></summary>\n");
            WriteMark(image);
            WriteReason(picture);
            html.Write($"<p class=\"caption\"><bdi>{Caption(image) ?? ShortName(image.Source)}</bdi></p>\n");
            WriteDetails(image);
            html.Write($"</details></li>\n");
        }

        html.Write($"</ol>\n");
    }

    private void WriteDetails(AttributedImage image)
    {
        html.Write($"<dl>\n");
        WriteDetail("Rank", Format.Count(image.Rank));
        WriteDetail("Id", $"{image.Id}");
        WriteDetail("Source", image.Source);
        WriteDetail("Similarity", Format.Similarity(image.Similarity));
        WriteDetail("Total so far", Format.Percent(_total));
        foreach (var (key, value) in image.Metadata)
        {
            WriteDetail(key, value);
        }

        foreach (var duplicate in image.Duplicates)
        {
            WriteDetail("Near-duplicate", $"{duplicate.Source} (rank {Format.Count(duplicate.Rank)}, id {duplicate.Id})");
        }

        html.Write($"</dl>\n");
    }

    private void WriteDetail(string name, string value)
    {
        html.Write($"<div><dt><bdi>{name}</bdi></dt><dd>");
        if (IsPlainAddress(value))
        {
            html.Write($"<a href=\"{value}\" rel=\"noopener noreferrer nofollow\">{value}</a>");
        }
        else
        {
            html.Write($"<bdi>{value}</bdi>");
        }

        html.Write($"</dd></div>\n");
    }

    // What a reader sees is where the link goes: no other scheme, no look-alike letters, no user name that poses as a host.
    private static bool IsPlainAddress(string value) =>
        value.Length < ShownText.LongestText
        && value.All(c => c is > ' ' and <= '~')
        && Uri.TryCreate(value, UriKind.Absolute, out var address)
        && (address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp)
        && address.UserInfo.Length == 0;

    private void WritePicture(Picture picture, string description, string style)
    {
        if (picture.Thumbnail is { } found)
        {
            html.Write($"""<img class="{(found.HasAlpha ? $"{style} alpha" : style)}" src="{found.Uri}" width="{found.Width}" height="{found.Height}" alt="{description}" />""");
        }
        else
        {
            html.Write($"""<span class="missing {style}" role="img" aria-label="{description}, not shown: {picture.Reason}"></span>""");
        }
    }

    private string Class(AttributedImage image) => IsExemplar(image) ? "image exemplar" : "image";

    private bool IsExemplar(AttributedImage image) => options.IsExemplar?.Invoke(attribution.Query, image) == true;

    private void WriteMark(AttributedImage image)
    {
        if (IsExemplar(image))
        {
            html.Write($"<p class=\"mark\">exemplar</p>\n");
        }
    }

    private void WriteReason(Picture picture)
    {
        if (picture.Reason is { } reason)
        {
            html.Write($"<p class=\"reason\"><bdi>{reason}</bdi></p>\n");
        }
    }

    private static string Describe(AttributedImage image) => $"Training image {image.Rank}: {Caption(image) ?? ShortName(image.Source)}";

    private static string? Caption(AttributedImage image) =>
        CaptionColumns
            .Select(name => image.Metadata.FirstOrDefault(entry => entry.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value)
            .FirstOrDefault(value => !string.IsNullOrWhiteSpace(value));

    private static Picture Load(Func<ReadOnlyMemory<byte>?> read, int longestSide)
    {
        try
        {
            // Empty as well: a null byte[] becomes an empty memory, not a null one, on its way here.
            return read() is { Length: > 0 } file
                ? new Picture(Thumbnail.Shrink(file, longestSide), null)
                : new Picture(null, "The picture is not at hand.");
        }
        catch (Exception problem) when (problem is WhenceException or IOException or UnauthorizedAccessException)
        {
            return new Picture(null, problem.Message);
        }
    }

    private sealed record Picture(Thumbnail? Thumbnail, string? Reason);
}
