using Whence.Calibration;

namespace Whence.Reports;

/// <summary>What was searched and how: the part of an attribution that the queries of a report usually share.</summary>
internal sealed record SearchFacts(string Index, string? Where, long Searched, string Encoder, string? Mapper, Calibrator Calibration, bool Approximate)
{
    public static SearchFacts Of(Attribution attribution) =>
        new(attribution.Index, attribution.Where, attribution.Searched, attribution.Encoder, attribution.Mapper, attribution.Calibration,
            attribution.Approximate is not null);

    private string None() => Calibration.None is null ? "" : " So was the share for “none of these”, by the similarity of the best image.";

    public void Write(HtmlWriter html)
    {
        html.Write($"""
            <dl class="facts">
            <div><dt>Index</dt><dd><bdi>{Index}</bdi></dd></div>
            <div><dt>Images searched</dt><dd>{Format.Count(Searched)}</dd></div>

            """);
        if (Where is not null)
        {
            html.Write($"<div><dt>Filter</dt><dd><bdi>{Where}</bdi></dd></div>\n");
        }

        html.Write($"""
            <div><dt>Encoder</dt><dd><bdi>{Encoder}</bdi></dd></div>
            <div><dt>Mapper</dt><dd><bdi>{Mapper ?? "none, raw features"}</bdi></dd></div>
            <div><dt>Calibration</dt><dd>{(Calibration.Fitted ? "fitted" : "not fitted")}</dd></div>
            </dl>

            """);
        if (Approximate)
        {
            html.Write($"""
                <p class="note warning"><strong>Approximate.</strong> Not every image was compared with the query: a search by graphs found
                candidates, and influence is shared among these alone. An image that it missed is not listed and has no share.</p>

                """);
        }

        if (Calibration is { Fitted: true, Domain: { } domain })
        {
            html.Write($"""
                <p class="note warning"><strong>Calibrated on <bdi>{domain}</bdi>.</strong> For such images a percentage can be read as a
                probability; for others it is provisional: temperature τ = {Format.Parameter(Calibration.Tau)} and threshold λ =
                {Format.Parameter(Calibration.Lambda)} were fitted on those alone.{None()}</p>

                """);
        }
        else if (Calibration.Fitted)
        {
            html.Write($"""
                <p class="note">Calibrated: temperature τ = {Format.Parameter(Calibration.Tau)} and threshold λ =
                {Format.Parameter(Calibration.Lambda)} were fitted for this encoder, so a percentage can be read as a probability.{None()}</p>

                """);
        }
        else
        {
            html.Write($"""
                <p class="note warning"><strong>Uncalibrated.</strong> The percentages rank the images rightly, but do not read
                them as probabilities yet: temperature τ = {Format.Parameter(Calibration.Tau)} and threshold λ =
                {Format.Parameter(Calibration.Lambda)} were {Calibration.Origin}, not fitted for this encoder.</p>

                """);
        }
    }
}
