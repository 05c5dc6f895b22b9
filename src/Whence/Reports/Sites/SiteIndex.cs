using System.Security.Cryptography;
using System.Text;
using Whence.Datasets.Abc;

namespace Whence.Reports;

/// <summary>The page of all models: what there is, and cards of the models, which <c>Site.js</c> makes of <see cref="SiteData"/> as they are scrolled to.</summary>
/// <param name="name">Name of the data set.</param>
/// <param name="recipe">What it was built by.</param>
/// <param name="models">All models.</param>
/// <param name="images">Address of the images' folder from the site's; null where the site has its own.</param>
internal sealed class SiteIndex(string name, AbcRecipe recipe, IReadOnlyList<SiteModel> models, string? images)
{
    // The page may run this script and no other. As a comment of both languages, the frame makes the page XML too.
    private static readonly Lazy<string> Script = new(() => $"/*<![CDATA[*/\n{HtmlPage.Resource("Site.js")}/*]]>*/");

    private readonly string[] _types = [.. models.SelectMany(model => model.Prompts).Select(prompt => prompt.Type).Distinct(StringComparer.Ordinal)];

    // Where it lies on a machine means nothing on another; often its folder is just called "model".
    private string BaseModel => string.Join('/', recipe.Model.Split('/', '\\').Where(part => part is not ("" or "." or "..")).TakeLast(2));

    public void Write(HtmlWriter html)
    {
        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Script.Value)));
        HtmlPage.Begin(html, $"{name}: customized models and what they drew", $"img-src 'self' file:; style-src 'self' file:; script-src 'sha256-{hash}'");
        html.WriteTrusted(DatasetSite.Generator);
        html.Write($"""

            <link rel="stylesheet" href="{DatasetSite.StyleName}" />
            </head>
            <body>
            <a class="skip" href="#models">Skip to the models</a>
            <header class="page overview">
            <div>
            <h1><bdi>{name}</bdi></h1>
            <p class="lead">Each card is a model that was customized on the framed pictures, its exemplars. It drew all others afterwards, so that what influenced them is known.</p>
            <dl class="facts">
            <div><dt>Models</dt><dd>{Format.Count(models.Count)}</dd></div>
            <div><dt>Exemplars</dt><dd>{Format.Count(models.Sum(model => model.Record.Exemplars.Count))}</dd></div>
            <div><dt>Images</dt><dd>{Format.Count(models.Sum(model => model.Record.Samples.Count))}</dd></div>
            <div><dt>Left out</dt><dd>{(recipe.Check is null ? "not checked" : $"{Format.Count(models.Count(model => model.Left.Length > 0))} of the models")}</dd></div>
            <div><dt>Base model</dt><dd><bdi>{BaseModel}</bdi></dd></div>
            <div><dt>Customized</dt><dd>{Format.Count(recipe.Customization.Steps)} steps of {recipe.Customization.Batch}</dd></div>
            <div><dt>Drawn</dt><dd>{recipe.Sampling.Steps} steps, guidance {recipe.Sampling.Guidance}</dd></div>
            </dl>
            </div>

            """);
        WriteLists(html);
        html.Write($"</header>\n<main id=\"models\" tabindex=\"-1\" aria-label=\"Models\">\n");
        WriteFilters(html);
        html.Write($"""
            <p id="status" role="status"></p>
            <noscript><p class="note warning">Cards, filters and search need scripts, which are switched off. Without them <a href="{DatasetSite.PagesName}/{models[0].PageName}">the first model's page</a> leads to the next, and so on.</p></noscript>
            <ul id="cards" class="cards"></ul>
            <button id="more" type="button" hidden="">More models</button>
            </main>
            <template id="card"><li class="card">
            <h2><a></a></h2>
            <p class="meta"></p>
            <div class="pictures"></div>
            <ul class="texts"></ul>
            </li></template>
            <script type="application/json" id="data">
            """);
        html.WriteTrusted(SiteData.Of(models, images));
        html.Write($"</script>\n<script>");
        html.WriteTrusted(Script.Value);
        html.Write($"</script>\n</body>\n</html>\n");
    }

    // What evaluations call a test case is a set's models of a split; a link filters by both.
    private void WriteLists(HtmlWriter html)
    {
        html.Write($"""
            <div class="lists" role="region" aria-label="Test cases" tabindex="0">
            <table>
            <thead><tr><th scope="col">Test case</th><th scope="col">Models</th><th scope="col">Images</th>
            """);
        foreach (var type in _types)
        {
            html.Write($"<th scope=\"col\"><bdi>{type}</bdi></th>");
        }

        html.Write($"<th scope=\"col\">Exemplars</th></tr></thead>\n<tbody>\n");
        foreach (var list in models.GroupBy(model => (model.Record.Set, model.Split)))
        {
            var file = AbcTestCases.NameOf(list.Key.Set, list.First().Record.Split);
            SiteModel[] listed = [.. list.Where(model => model.Left.Length == 0)];
            AbcSampleRecord[] samples = [.. listed.SelectMany(model => model.Record.Samples)];
            html.Write($"""
                <tr><th scope="row"><a href="#set={list.Key.Set}&amp;split={list.Key.Split}">{file}</a></th><td>{Format.Count(listed.Length)}</td><td>{Format.Count(samples.Length)}</td>
                """);
            foreach (var type in _types)
            {
                html.Write($"<td>{Format.Count(samples.Count(sample => sample.Type == type))}</td>");
            }

            html.Write($"<td>{Format.Count(listed.Sum(model => model.Record.Exemplars.Count))}</td></tr>\n");
        }

        html.Write($"</tbody>\n</table>\n</div>\n");
    }

    private void WriteFilters(HtmlWriter html)
    {
        html.Write($"""
            <form id="filters" role="search" autocomplete="off" hidden="">
            <label class="search">Search <input name="q" type="search" placeholder="prompts, categories, captions" /></label>

            """);
        WriteSelect(html, "set", "Set", [.. models.CountBy(model => model.Record.Set)]);
        WriteSelect(html, "split", "Split", [.. models.CountBy(model => model.Split)]);
        WriteSelect(html, "of", "Category or style", [.. models.CountBy(model => model.Name).OrderBy(entry => entry.Key, StringComparer.OrdinalIgnoreCase)]);
        WriteSelect(html, "type", "Prompts", [.. _types.Select(type => KeyValuePair.Create(type, 0))]);
        html.Write($"<button type=\"reset\">Clear</button>\n</form>\n");
    }

    private static void WriteSelect(HtmlWriter html, string key, string label, IReadOnlyList<KeyValuePair<string, int>> values)
    {
        html.Write($"<label>{label} <select name=\"{key}\"><option value=\"\">all</option>");
        foreach (var (value, count) in values)
        {
            var shown = key == "type" ? SiteModel.TypeName(value) : $"{value} ({Format.Count(count)})";
            html.Write($"<option value=\"{value}\">{shown}</option>");
        }

        html.Write($"</select></label>\n");
    }
}
