namespace Whence.Reports;

/// <summary>The whole influence of a query, in sentences and as bars: what is shown, what remains, and who shares in it.</summary>
internal sealed class InfluenceSummary(HtmlWriter html, Attribution attribution, AreaLayout layout)
{
    /// <summary>Groups with a segment of their own; there are this many colours that differ for every reader.</summary>
    private const int MostGroups = 7;

    /// <summary>A segment narrower than this has no room for its letter.</summary>
    private const double LabelRoom = 0.04;

    public void Write()
    {
        var large = layout.Large.Sum(image => image.Influence);
        var small = layout.Small.Sum(image => image.Influence);
        var further = attribution.Nonzero - attribution.Results.Sum(WithInfluence);
        html.Write($"""
            <p class="lead">{Images(attribution.Results.Count)} shown with <strong>{Format.Percent(large + small)}</strong> of the influence.
            Remaining influence: <strong>{Format.Percent(attribution.Remaining)}</strong>{(further > 0 ? $", spread over {Images(further, "further ")}" : "")}.{None()}{Approximation()}</p>
            <div class="bar" aria-hidden="true">
            """);
        foreach (var image in layout.Large)
        {
            WriteSegment("large", image.Influence, image.Rank.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        WriteSegment("small", small, "");
        WriteSegment("rest", attribution.Remaining, "");
        WriteSegment("none", attribution.None ?? 0, "");
        html.Write($"</div>\n<ul class=\"legend\">\n");
        WriteKey("large", "", "Sized by influence", large, layout.Large.Count);
        if (layout.Small.Count > 0)
        {
            WriteKey("small", "", "Further images shown", small, layout.Small.Count);
        }

        WriteKey("rest", "", "Remaining", attribution.Remaining, Math.Max(0, further));
        WriteNoneKey();
        html.Write($"</ul>\n");
        if (attribution.Groups is { } groups)
        {
            WriteGroups(groups);
        }
    }

    private string None() => attribution.None is { } none ? $" None of these: {Format.Percent(none)}, for no training image here; the images share the rest." : "";

    private void WriteNoneKey()
    {
        if (attribution.None is { } none)
        {
            html.Write($"""
                <li><span class="swatch none" aria-hidden="true"></span><span class="name">None of these</span> <strong>{Format.Percent(none)}</strong></li>

                """);
        }
    }

    private string Approximation() => attribution.Approximate switch
    {
        null => "",
        { Truncated: true } found => $" Only the {Images(found.Count)} found count; more have influence, so every share is too large.",
        var found => $" Only the {Images(found.Count)} found count.",
    };

    private void WriteGroups(InfluenceGroups groups)
    {
        html.Write($"<h3>Influence by <bdi>{groups.Column}</bdi></h3>\n<p class=\"hint\">Over all images {(attribution.Approximate is null ? "searched" : "found")}, not only the images shown.</p>\n");
        html.Write($"<div class=\"bar groups\" aria-hidden=\"true\">");
        var named = groups.Shares.Take(groups.Shares.Count == MostGroups + 1 ? MostGroups + 1 : MostGroups).ToList();
        var others = groups.Shares.Skip(named.Count).ToList();
        for (var i = 0; i < named.Count; i++)
        {
            WriteSegment($"g{i + 1}", named[i].Influence, Letter(i));
        }

        WriteSegment("rest", others.Sum(share => share.Influence), "");
        WriteSegment("none", attribution.None ?? 0, "");
        html.Write($"</div>\n<ol class=\"legend\">\n");
        for (var i = 0; i < named.Count; i++)
        {
            WriteKey($"g{i + 1}", Letter(i), named[i].Value ?? "not stated", named[i].Influence, named[i].Images);
        }

        if (others.Count > 0)
        {
            WriteKey("rest", "", $"{Format.Count(others.Count)} others", others.Sum(share => share.Influence), others.Sum(share => share.Images));
        }

        WriteNoneKey();
        html.Write($"</ol>\n");
    }

    private void WriteSegment(string kind, double share, string label)
    {
        if (share > 0)
        {
            html.Write($"<span class=\"{kind}\" style=\"flex-grow:{share}\">{(share >= LabelRoom ? label : "")}</span>");
        }
    }

    private void WriteKey(string kind, string label, string name, double share, long images) =>
        html.Write($"""
            <li><span class="swatch {kind}" aria-hidden="true">{label}</span><bdi class="name">{name}</bdi> <strong>{Format.Percent(share)}</strong> <span class="count">{Images(images)}</span></li>

            """);

    /// <summary>How many of the images a result stands for have any influence: itself and what was folded into it.</summary>
    private static long WithInfluence(AttributedImage image) =>
        (image.Influence > 0 ? 1 : 0) + image.Duplicates.Count(duplicate => duplicate.Influence > 0);

    private static string Images(long count, string kind = "") => $"{Format.Count(count)} {kind}{(count == 1 ? "image" : "images")}";

    private static string Letter(int i) => ((char)('A' + i)).ToString();
}
