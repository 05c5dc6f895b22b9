using Whence.Datasets.Abc;

namespace Whence.Reports;

/// <summary>The page of a model: its exemplars beside all that it drew, under the prompts.</summary>
/// <param name="model">The model.</param>
/// <param name="previous">The one before it, if any.</param>
/// <param name="next">The one after it, if any.</param>
/// <param name="images">Address of the images' folder from the site's; null where the site has its own.</param>
internal sealed class SiteModelPage(SiteModel model, SiteModel? previous, SiteModel? next, string? images)
{
    private readonly AbcRecord _record = model.Record;

    public void Write(HtmlWriter html)
    {
        HtmlPage.Begin(html, $"{model.Name} ({_record.Id})", "img-src 'self' file:; style-src 'self' file:");
        html.WriteTrusted(DatasetSite.Generator);
        html.Write($"""

            <link rel="stylesheet" href="../{DatasetSite.StyleName}" />
            </head>
            <body>
            <a class="skip" href="#drawn">Skip to the images</a>
            <header class="page">
            <nav aria-label="Models"><ol>
            <li><a href="../{DatasetSite.IndexName}">All models</a></li>

            """);
        WriteLink(html, previous, "prev", "Previous");
        WriteLink(html, next, "next", "Next");
        html.Write($"""
            </ol></nav>
            <h1><bdi>{model.Name}</bdi></h1>
            <dl class="facts">

            """);
        WriteFact(html, "Model", _record.Id);
        WriteFact(html, "Split", model.Split);
        WriteFact(html, "Test case", AbcTestCases.NameOf(_record.Set, _record.Split));
        if (_record.Group != model.Name)
        {
            WriteFact(html, "Group", _record.Group);
        }

        WriteFact(html, "Customized with", _record.Prompt ?? "nothing, to compare with");
        if (_record is { Prompt: not null, Loss: { } loss })
        {
            WriteFact(html, "Seed", $"{_record.Seed}");
            WriteFact(html, "Last loss", Format.Parameter(loss));
        }

        if (_record.Check is { } check)
        {
            WriteFact(html, "Likeness to exemplars", $"{Format.Parameter(check.Similarity)}, before {Format.Parameter(check.Uncustomized)}");
            if (check is { StyleSimilarity: { } style, StyleUncustomized: { } before })
            {
                WriteFact(html, "Likeness of style", $"{Format.Parameter(style)}, before {Format.Parameter(before)}");
            }
        }

        html.Write($"</dl>\n");
        if (model.Left.Length > 0)
        {
            html.Write($"<p class=\"note warning\">Left out of the test cases: {model.Left}.</p>\n");
        }

        html.Write($"</header>\n<main class=\"model\">\n");
        WriteExemplars(html);
        html.Write($"<div id=\"drawn\" tabindex=\"-1\">\n");
        foreach (var type in model.Prompts.GroupBy(prompt => prompt.Type))
        {
            html.Write($"""
                <section>
                <h2>{Format.Count(type.Sum(prompt => prompt.Samples.Count))} images of <bdi>{SiteModel.TypeName(type.Key)}</bdi></h2>
                <div class="prompts">

                """);
            foreach (var prompt in type)
            {
                WritePrompt(html, prompt);
            }

            html.Write($"</div>\n</section>\n");
        }

        html.Write($"</div>\n</main>\n<footer><p>Below each image stands its seed. A picture opens the file.</p></footer>\n</body>\n</html>\n");
    }

    private static void WriteLink(HtmlWriter html, SiteModel? other, string relation, string name)
    {
        if (other is not null)
        {
            html.Write($"<li><a rel=\"{relation}\" href=\"{other.PageName}\">{name}<span class=\"hidden\"> model, {other.Record.Id}</span></a></li>\n");
        }
    }

    private static void WriteFact(HtmlWriter html, string name, string value) => html.Write($"<div><dt>{name}</dt><dd><bdi>{value}</bdi></dd></div>\n");

    private void WriteExemplars(HtmlWriter html)
    {
        var several = _record.Exemplars.Count > 1;
        html.Write($"<section class=\"exemplars {(several ? "several" : "")}\">\n<h2>{(several ? $"{Format.Count(_record.Exemplars.Count)} exemplars" : "Exemplar")}</h2>\n<ol>\n");
        foreach (var (i, exemplar) in _record.Exemplars.Index())
        {
            html.Write($"""
                <li><a href="{Address(exemplar.Path)}"><img src="{Address(exemplar.Path)}" alt="Exemplar {i + 1}" /></a>
                <p><bdi>{exemplar.Prompt ?? exemplar.Caption ?? exemplar.Name}</bdi></p></li>

                """);
        }

        html.Write($"</ol>\n</section>\n");
    }

    private void WritePrompt(HtmlWriter html, SitePrompt prompt)
    {
        html.Write($"<section class=\"prompt\" id=\"{prompt.Anchor}\">\n<h3><bdi>{prompt.Text}</bdi></h3>\n<ol>\n");
        foreach (var (i, sample) in prompt.Samples.Index())
        {
            html.Write($"""
                <li><a href="{Address(sample.Path)}"><img loading="lazy" decoding="async" src="{Address(sample.Path)}" alt="Image {i + 1}" /><span class="hidden">, seed </span><span class="seed">{sample.Seed}{(sample.Copy == true ? ", a copy" : "")}</span></a></li>

                """);
        }

        html.Write($"</ol>\n</section>\n");
    }

    private string Address(string path) => $"../{images}{SiteModel.Address(path)}";
}
