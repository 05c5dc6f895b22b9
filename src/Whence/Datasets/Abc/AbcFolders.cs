using Whence.Images;
using Whence.Vectors;

namespace Whence.Datasets.Abc;

/// <summary>
/// What is known of images by the folders that they lie in, as data sets of classes, styles and artists are published: <c>n01440764/ILSVRC2012_val_00000293.JPEG</c>,
/// <c>101549_0/101549_270165.jpg</c>, <c>goya/goya_vallabriga.jpg</c>. Without a table that is the folder's name, with one also what its row says; images of other folders are then passed over.
/// </summary>
internal sealed class AbcFolders
{
    /// <summary>The column that has the folder's name.</summary>
    public const string Column = "folder";

    // An ImageNet folder is called by its synset, and so is the column in tables that others have made.
    private static readonly string[] KeyNames = [Column, "synset"];

    private readonly string? _path;
    private readonly MetadataTable? _table;
    private readonly HashSet<string> _met = new(StringComparer.Ordinal);

    private AbcFolders(string? path, MetadataTable? table) => (_path, _table) = (path, table);

    /// <summary>The columns of the table; none without one.</summary>
    public IReadOnlyList<string> Columns => _table?.Columns ?? [];

    /// <summary>Reads a table of folders.</summary>
    /// <param name="path">The file, with a column <c>folder</c> or <c>synset</c>; null for none.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="WhenceException">It cannot be read, has no such column, no row, or a folder twice.</exception>
    public static async Task<AbcFolders> LoadAsync(string? path, CancellationToken cancellation)
    {
        var table = path is null ? null : await MetadataTable.LoadAsync(path, KeyNames, cancellation);
        return table is { Count: 0 } ? throw new WhenceException($"{path}: names no folder; give it a row for each that is used.") : new AbcFolders(path, table);
    }

    /// <summary>What an image has by its folder: nothing where it lies in none below its source. Null where the table does not name its folder.</summary>
    public IReadOnlyDictionary<string, string>? Find(ImageItem item)
    {
        var name = Path.GetFileName(Path.GetDirectoryName(item.Key));
        if (string.IsNullOrEmpty(name))
        {
            return _table is null ? new Dictionary<string, string>() : null;
        }

        var about = new Dictionary<string, string>(StringComparer.Ordinal) { [Column] = name };
        if (_table is null)
        {
            return about;
        }

        if (_table.FindKey(name) is not { } row)
        {
            return null;
        }

        _met.Add(name);
        return MetadataTable.Joined(about, row);
    }

    /// <summary>Refuses a folder whose row leaves open what a set needs: nothing of it would ever be an exemplar.</summary>
    /// <param name="about">What an image has.</param>
    /// <param name="needed">The columns.</param>
    /// <exception cref="WhenceException">One of the table's columns is empty.</exception>
    public void Require(IReadOnlyDictionary<string, string> about, IEnumerable<string> needed)
    {
        if (_table is not null && needed.FirstOrDefault(column => Columns.Contains(column) && string.IsNullOrWhiteSpace(about.GetValueOrDefault(column))) is { } column)
        {
            throw new WhenceException($"{_path}: the folder '{about[Column]}' has no '{column}'; fill it in, or take the row out.");
        }
    }

    /// <summary>Refuses a table with folders that no image lies in: misspelt, or of another data set.</summary>
    /// <param name="images">Where the images come from.</param>
    /// <exception cref="WhenceException">There are some; the message lists them.</exception>
    public void RequireMet(string images)
    {
        string[] unknown = [.. (_table?.Keys ?? []).Where(name => !_met.Contains(name))];
        if (unknown.Length > 0)
        {
            throw new WhenceException($"{_path}: of {_table!.Count:N0} folders {unknown.Length:N0} hold no image of {images} ({Listing.Of(unknown)}); correct their names, or take their rows out.");
        }
    }
}
