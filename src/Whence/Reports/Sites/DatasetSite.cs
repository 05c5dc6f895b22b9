using Whence.Datasets.Abc;
using Whence.Files;
using Whence.Vectors;

namespace Whence.Reports;

/// <summary>What was written of a data set.</summary>
/// <param name="Models">Models, each with a page of its own.</param>
/// <param name="Images">Images that they drew.</param>
/// <param name="Copied">Whether the site has images of its own, or else shows those of the data set.</param>
public sealed record DatasetSiteSummary(int Models, int Images, bool Copied);

/// <summary>
/// A data set of customized models to browse (the paper's <c>dataset_vis</c>): <c>index.html</c> with all models, filters and search, <c>pages/ID.html</c> with a model, its exemplars and all that it
/// drew, <c>site.css</c>. It works from a disk as from a server and loads nothing from elsewhere; without scripts the pages of the models remain. The same data set gives the same bytes. Text of the data set
/// is treated as <see cref="HtmlReport"/> treats it.
/// </summary>
public static class DatasetSite
{
    /// <summary>Name of the page to open.</summary>
    public const string IndexName = "index.html";

    internal const string PagesName = "pages", StyleName = "site.css";

    // By this it is known again: other people's pages are not overwritten.
    internal const string Generator = """<meta name="generator" content="whence dataset show" />""";

    /// <summary>Writes the site; one that is there is replaced.</summary>
    /// <param name="dataset">Folder of a data set whose models are all there.</param>
    /// <param name="folder">
    /// Folder of the site, which is made. Where it lies anywhere in the folder that holds the data set, so in the data set or beside it, the site shows the data set's images, else it gets copies.
    /// </param>
    /// <param name="cancellation">Stops the writing; <c>index.html</c> is written last.</param>
    /// <exception cref="WhenceException">The data set is unfinished or damaged, told before anything is written; the folder holds a page of others, or cannot be written.</exception>
    public static DatasetSiteSummary Write(string dataset, string folder, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(dataset);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        (dataset, folder) = (Path.TrimEndingDirectorySeparator(Path.GetFullPath(dataset)), Path.GetFullPath(folder));
        var header = Header(dataset);
        var models = Models(dataset, header);
        var images = Relative(dataset, folder);
        var index = Path.Combine(folder, IndexName);
        var replaced = RequireOwn(index);

        var pages = Path.Combine(folder, PagesName);
        EvaluationFolder.Create(pages);
        AtomicFile.Write(Path.Combine(folder, StyleName), stream => Write(stream, html => html.WriteTrusted(HtmlPage.Resource("Page.css") + HtmlPage.Resource("Site.css"))), flush: false);
        foreach (var (i, model) in models.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            if (images is null)
            {
                Copy(model, dataset, folder);
            }

            var page = new SiteModelPage(model, models.ElementAtOrDefault(i - 1), models.ElementAtOrDefault(i + 1), images);
            AtomicFile.Write(Path.Combine(pages, model.PageName), stream => Write(stream, page.Write), flush: false);
        }

        if (replaced)
        {
            var current = models.Select(model => model.PageName).ToHashSet(StringComparer.Ordinal);
            foreach (var earlier in Directory.EnumerateFiles(pages, "*.html").Where(file => !current.Contains(Path.GetFileName(file))))
            {
                File.Delete(earlier); // of another data set that was shown here
            }
        }

        AtomicFile.Write(index, stream => Write(stream, html => new SiteIndex(Path.GetFileName(dataset), header.Recipe, models, images).Write(html)));
        return new DatasetSiteSummary(models.Length, models.Sum(model => model.Record.Samples.Count), Copied: images is null);
    }

    private static AbcHeader Header(string dataset) => File.Exists(Path.Combine(dataset, AbcFolder.HeaderName))
        ? AbcFolder.LoadHeader(dataset)
        : throw new WhenceException($"{dataset}: has no {AbcFolder.HeaderName}; name the folder of a data set that 'whence dataset build' or 'whence dataset merge' wrote.");

    private static SiteModel[] Models(string dataset, AbcHeader header)
    {
        var ids = header.Ids;
        string[] missing = [.. ids.Where(id => !AbcRecord.IsThere(dataset, id))];
        if (missing.Length > 0 || !File.Exists(Path.Combine(dataset, AbcFolder.ManifestName)))
        {
            throw new WhenceException(
                $"{dataset}: is unfinished, {ids.Count - missing.Length:N0} of {ids.Count:N0} models are there{(missing.Length > 0 ? $" (missing: {Listing.Of(missing)})" : "")}; the 'whence dataset build' that began it goes on, of parts 'whence dataset merge' makes one.");
        }

        SiteModel[] models = [.. ids.Select(id => AbcRecord.Load(dataset, id)).Select(record => new SiteModel(header.Recipe.Check?.Judge(record) ?? record))];
        foreach (var (model, path) in models.SelectMany(model => model.Images, (model, path) => (model, path)))
        {
            if (RegularFile.Length(Path.Combine(dataset, path)) is null or 0)
            {
                throw new WhenceException(
                    $"{Path.Combine(dataset, path)}: is missing or empty; delete the folder '{Path.Combine(dataset, AbcRecord.FolderOf(model.Record.Id))}', and the 'whence dataset build' that made it makes that model anew.");
            }
        }

        return models;
    }

    /// <summary>The data set's address as the site's folder sees it, with a slash at its end; null where it is too far away to rely on.</summary>
    private static string? Relative(string dataset, string folder)
    {
        var shared = Path.GetDirectoryName(dataset) ?? dataset;
        var inside = Path.GetRelativePath(shared, folder);
        if (Path.IsPathRooted(inside) || inside.Split(Path.DirectorySeparatorChar)[0] == "..")
        {
            return null;
        }

        var path = Path.GetRelativePath(folder, dataset).Replace(Path.DirectorySeparatorChar, '/');
        return path == "." ? "" : SiteModel.Address(path) + "/";
    }

    private static bool RequireOwn(string index)
    {
        if (!File.Exists(index))
        {
            return false;
        }

        var head = new char[4096];
        using var reader = new StreamReader(index);
        return head.AsSpan(0, reader.ReadBlock(head)).Contains(Generator, StringComparison.Ordinal)
            ? true
            : throw new WhenceException($"{index}: is a page that 'whence dataset show' did not write; name another folder with --out.");
    }

    private static void Copy(SiteModel model, string dataset, string folder)
    {
        foreach (var path in model.Images)
        {
            var target = Path.Combine(folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var source = File.OpenRead(Path.Combine(dataset, path));
            AtomicFile.Write(target, source.CopyTo, flush: false);
        }
    }

    private static void Write(Stream stream, Action<HtmlWriter> write)
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        write(new HtmlWriter(writer));
    }
}
