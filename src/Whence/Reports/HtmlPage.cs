namespace Whence.Reports;

/// <summary>What all pages begin with: a policy under which they load and run nothing but what is named, and a look in light and dark.</summary>
internal static class HtmlPage
{
    /// <summary>Writes a page up to its title; the rest of its head follows.</summary>
    /// <param name="html">Receives it.</param>
    /// <param name="title">Title of the page.</param>
    /// <param name="policy">What the page may load or run: directives of a content security policy.</param>
    public static void Begin(HtmlWriter html, string title, string policy) => html.Write($"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; {policy}; base-uri 'none'; form-action 'none'" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>{title}</title>

        """);

    /// <summary>A style or script that the assembly carries, with the line ends that a browser makes of any.</summary>
    public static string Resource(string name)
    {
        using var stream = typeof(HtmlPage).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
