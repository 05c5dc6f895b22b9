namespace Whence.Reports;

/// <summary>
/// Attributions for people: one HTML file with everything in it (pictures, style, no script), to be opened, printed, mailed or
/// archived. Each training image is drawn with an area proportional to its influence. The same input gives the same bytes.
/// <para>
/// Captions, sources and metadata come from strangers: all of it is encoded, invisible control characters are made visible, text
/// above 2000 characters is cut, only plain http and https addresses become links, and a content security policy forbids the page
/// to load or run anything.
/// </para>
/// </summary>
public static class HtmlReport
{
    private static readonly Lazy<string> Style = new(() => HtmlPage.Resource("Page.css") + HtmlPage.Resource("HtmlReport.css"));

    /// <summary>Writes the page.</summary>
    /// <param name="writer">Receives the page, which declares itself UTF-8; stays open.</param>
    /// <param name="attributions">One per query, each a section of the page.</param>
    /// <param name="options">Where the pictures come from, and the page's title.</param>
    public static void Write(TextWriter writer, IReadOnlyList<Attribution> attributions, HtmlReportOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(attributions);
        ArgumentNullException.ThrowIfNull(options);

        var html = new HtmlWriter(writer);
        HtmlPage.Begin(html, options.Title, "img-src data:; style-src 'unsafe-inline'");
        html.Write($"<style>\n");
        html.WriteTrusted(Style.Value);
        html.Write($"""
            </style>
            </head>
            <body>
            <a class="skip" href="#answers">Skip to the answers</a>

            """);

        // What all queries have in common is said once, at the top.
        var common = attributions.Select(SearchFacts.Of).Distinct().Count() == 1;
        WriteHeader(html, attributions, options, common);
        html.Write($"<main id=\"answers\" tabindex=\"-1\">\n");
        for (var i = 0; i < attributions.Count; i++)
        {
            new QuerySection(html, options, attributions[i], number: i + 1).Write(withFacts: !common);
        }

        html.Write($"""
            </main>
            <footer>
            <p>Influence says how similar a training image is to the query next to all other images that were searched. It is
            evidence, not proof, that the model learned from the image.</p>
            </footer>
            </body>
            </html>

            """);
    }

    private static void WriteHeader(HtmlWriter html, IReadOnlyList<Attribution> attributions, HtmlReportOptions options, bool common)
    {
        html.Write($"<header class=\"page\">\n<h1>{options.Title}</h1>\n");
        if (options.Date is { } date)
        {
            html.Write($"<p class=\"date\">{date}</p>\n");
        }

        if (common)
        {
            SearchFacts.Of(attributions[0]).Write(html);
        }

        if (attributions.Count > 1)
        {
            html.Write($"<nav aria-label=\"Queries\">\n<ol>\n");
            for (var i = 0; i < attributions.Count; i++)
            {
                html.Write($"<li><a href=\"#query-{i + 1}\"><bdi>{QuerySection.ShortName(attributions[i].Query.Source)}</bdi></a></li>\n");
            }

            html.Write($"</ol>\n</nav>\n");
        }

        html.Write($"</header>\n");
    }
}
