namespace Whence.Reports;

/// <summary>What an HTML report needs besides the attributions.</summary>
public sealed record HtmlReportOptions
{
    /// <summary>
    /// Gives the bytes of a training image's file for its locator (<see cref="AttributedImage.Source"/>). Null, a
    /// <see cref="WhenceException"/> or an I/O error puts a placeholder with the reason in the picture's place.
    /// </summary>
    public required Func<string, ReadOnlyMemory<byte>?> ReadImage { get; init; }

    /// <summary>Gives the bytes of a query's file; the default asks <see cref="ReadImage"/> for <see cref="QueryImage.Source"/>.</summary>
    public Func<QueryImage, ReadOnlyMemory<byte>?>? ReadQuery { get; init; }

    /// <summary>Something to say about a query, below its picture; null, the default, where there is nothing.</summary>
    public Func<QueryImage, string?>? AboutQuery { get; init; }

    /// <summary>Whether a query is known to be made after a training image, which is then marked; null, the default, where nothing is known.</summary>
    public Func<QueryImage, AttributedImage, bool>? IsExemplar { get; init; }

    /// <summary>Title of the page.</summary>
    public string Title { get; init; } = "Which training images made this picture?";

    /// <summary>A date to print in the header, as text. Null, the default, prints none: the same input gives the same bytes.</summary>
    public string? Date { get; init; }
}
