using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Whence.Images;
using Whence.Search;

namespace Whence.Datasets.Abc;

/// <summary>An image that may become an exemplar.</summary>
/// <param name="Source">Where it is found again (<see cref="ImageItem.Source"/>).</param>
/// <param name="Sha256">Checksum of its bytes, lower-case hexadecimal.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Category">What it shows; null of styles that need not know.</param>
/// <param name="Group">The style, or what categories are held out by.</param>
/// <param name="Caption">What is said of it; null for nothing.</param>
/// <param name="Class">The narrower kind that its category is a word for (<see cref="AbcSet.Class"/>); null where they are one.</param>
public sealed record AbcImage(
    [property: JsonIgnore] string Source, string Sha256, [property: JsonIgnore] long Length, string? Category, string Group, string? Caption, string? Class = null)
{
    /// <summary>The file's name, and of an archive the entry: where it lies on one machine means nothing on another.</summary>
    public string Name => Source.IndexOf("::", StringComparison.Ordinal) is var entry and > 0 ? Path.GetFileName(Source[..entry]) + Source[entry..] : Path.GetFileName(Source);
}

/// <summary>The images of a set.</summary>
internal static class AbcImages
{
    /// <summary>Reads what is known of all images; the pixels are looked at later.</summary>
    /// <param name="set">The set.</param>
    /// <param name="folder">What its paths are relative to.</param>
    /// <param name="captions">Captions that come before the set's; null for none.</param>
    /// <param name="unread">Receives images that cannot be read, which are left out.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <returns>Those that the filter chooses and that have the columns, in the order of the sources, of equal ones the first.</returns>
    /// <exception cref="WhenceException">A source cannot be read, or no image is left.</exception>
    public static async Task<IReadOnlyList<AbcImage>> LoadAsync(AbcSet set, string folder, MetadataTable? captions, ICollection<UnreadImage> unread, CancellationToken cancellation)
    {
        string[] sources = [.. set.Images.Select(source => Path.Combine(folder, source))];
        var (name, where) = (string.Join(", ", sources), set.Where is { } text ? MetadataPredicate.Parse(text) : null);
        var table = set.Metadata is { } path ? await MetadataTable.LoadAsync(Path.Combine(folder, path), cancellation) : null;
        var folders = await AbcFolders.LoadAsync(set.Folders is { } list ? Path.Combine(folder, list) : null, cancellation);
        string[] needed = [.. ((string?[])[set.Category, set.Class, set.Group]).OfType<string>()];
        var (images, columns, all) = (new List<AbcImage>(), folders.Columns.Concat(table?.Columns ?? []).ToHashSet(StringComparer.Ordinal), 0);
        await foreach (var item in ImageSources.EnumerateAsync(sources, DecodeLimits.Default.MaxFileBytes, cancellation))
        {
            all++;
            if (folders.Find(item) is not { } byFolder)
            {
                continue; // not read: of millions a table may name a few
            }

            ImageContent content;
            try
            {
                content = await item.ReadAsync(cancellation);
            }
            catch (WhenceException e)
            {
                unread.Add(new UnreadImage(item.Source, e.Message));
                continue;
            }

            // The nearer to the image, the rather it holds: beside it before its folder; what a person keeps of the image itself before all.
            var about = MetadataTable.Joined(MetadataTable.Joined(byFolder, content.Metadata), table?.Find(item));
            columns.UnionWith(about.Keys);
            if (where?.Holds(about) == false)
            {
                continue;
            }

            folders.Require(about, needed);
            if (needed.All(column => !string.IsNullOrWhiteSpace(about.GetValueOrDefault(column))))
            {
                var (category, kind) = (Of(set.Category), Of(set.Class));
                images.Add(new AbcImage(
                    item.Source,
                    Convert.ToHexStringLower(SHA256.HashData(content.Bytes.Span)),
                    content.Bytes.Length,
                    category,
                    Of(set.Group) ?? kind ?? category!,
                    captions?.FindCaption(item) ?? table?.FindCaption(item) ?? content.Caption,
                    kind));
            }

            string? Of(string? column) => column is null ? null : about[column];
        }

        folders.RequireMet(name);
        where?.RequireColumns(name, columns, () => columns.Order(StringComparer.Ordinal));
        string[] missing = [.. needed.Where(column => !columns.Contains(column))];
        return missing.Length > 0
            ? throw new WhenceException($"{name}: no metadata column '{string.Join("', '", missing)}', which the set '{set.Name}' names; there are: {string.Join(", ", columns.Order(StringComparer.Ordinal).DefaultIfEmpty("none"))}.")
            : images.Count > 0 ? [.. images.DistinctBy(image => image.Sha256)]
            : throw new WhenceException($"{name}: of {all:N0} images none is for the set '{set.Name}'{(where is null ? "" : $", '{where}'")}{(unread.FirstOrDefault() is { Path: not null } first ? $"; {unread.Count:N0} cannot be read ({first.Path}: {first.Error})" : "")}.");
    }
}
