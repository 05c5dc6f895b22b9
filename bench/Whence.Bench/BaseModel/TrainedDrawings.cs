using Whence.Images;
using Whence.Search;

namespace Whence.Bench.BaseModel;

/// <summary>The pictures of a tar file of the data set, and which of them a recipe trains with.</summary>
/// <param name="Files">All pictures, as files.</param>
/// <param name="Places">Places of those that are trained with.</param>
/// <param name="Drawings">What each of these shows.</param>
internal sealed record TrainedDrawings(IReadOnlyList<byte[]> Files, IReadOnlyList<int> Places, IReadOnlyList<Drawing> Drawings)
{
    /// <summary>Reads them, as the training does.</summary>
    /// <param name="tar">The file.</param>
    /// <param name="metadata">The recipe's table, whose values come first; null for none.</param>
    /// <param name="where">Which pictures the recipe trains with; null for all.</param>
    /// <exception cref="WhenceException">No picture has a column that the filter names, too few are left, or a picture is not of a data set of drawings.</exception>
    public static async Task<TrainedDrawings> ReadAsync(string tar, string? metadata, string? where)
    {
        var predicate = where is null ? null : MetadataPredicate.Parse(where);
        var table = metadata is null ? null : await MetadataTable.LoadAsync(metadata, CancellationToken.None);
        var columns = (table?.Columns ?? []).ToHashSet(StringComparer.Ordinal);
        var (files, places, drawings) = (new List<byte[]>(), new List<int>(), new List<Drawing>());
        await foreach (var item in ImageSources.EnumerateAsync([tar], DecodeLimits.Default.MaxFileBytes, CancellationToken.None))
        {
            var content = await item.ReadAsync(CancellationToken.None);
            var about = MetadataTable.Joined(content.Metadata, table?.Find(item));
            columns.UnionWith(about.Keys);
            if (predicate?.Holds(about) != false && (table?.FindCaption(item) ?? content.Caption)?.Trim() is { Length: > 0 } caption)
            {
                places.Add(files.Count);
                drawings.Add(new Drawing(ContentOf(about, item.Source), caption));
            }

            files.Add(content.Bytes.ToArray());
        }

        predicate?.RequireColumns(tar, columns, () => columns.Order(StringComparer.Ordinal));
        return drawings.Count >= Judgement.Nearest
            ? new TrainedDrawings(files, places, drawings)
            : throw new WhenceException(
                $"{tar}: of {files.Count} pictures {drawings.Count} have a caption{(where is null ? "" : $" and are '{where}'")}, at least {Judgement.Nearest} are needed; give the --data and the --recipe that the model was trained with.");
    }

    private static Content ContentOf(IReadOnlyDictionary<string, string> about, string source)
    {
        return new Content(Value("object"), Value("subgroup"), Value("group"), Value("style"), about.ContainsKey("treatment"));

        string Value(string name) => about.GetValueOrDefault(name)
            ?? throw new WhenceException($"{source}: has no '{name}' in its metadata; --data must be a folder that 'whence dataset emoji' made.");
    }
}
