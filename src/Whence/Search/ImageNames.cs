using System.Globalization;
using System.IO.Enumeration;

namespace Whence.Search;

/// <summary>Finds the images that a person names.</summary>
public static class ImageNames
{
    private const string HashPrefix = "sha256:";

    /// <summary>Finds ids by name, in one pass over the metadata.</summary>
    /// <param name="index">The index.</param>
    /// <param name="names">
    /// Each a source or key as the index stores it, a pattern over sources in which <c>*</c> stands for anything, the content as
    /// <c>sha256:HEX</c>, or an id. A key may look like a number: only what is no source and no key is taken for an id.
    /// </param>
    /// <returns>Per name its ids in ascending order; none where nothing is called so.</returns>
    public static IReadOnlyDictionary<string, IReadOnlyList<long>> Find(FeatureIndex index, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(index);
        var found = names.Distinct().ToDictionary(name => name, _ => new List<long>());
        var patterns = found.Keys.Where(name => name.Contains('*', StringComparison.Ordinal)).ToArray();
        foreach (var image in index.ReadMetadata())
        {
            Add(image.Source, image.Id);
            Add(image.Key, image.Id);
            Add(HashPrefix + image.Sha256, image.Id);
            foreach (var pattern in patterns.Where(p => FileSystemName.MatchesSimpleExpression(p, image.Source, ignoreCase: false)))
            {
                Add(pattern, image.Id);
            }
        }

        foreach (var (name, ids) in found.Where(f => f.Value.Count == 0))
        {
            // "007" is nobody's id: whoever writes it means a key.
            if (long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && id < index.Count && id.ToString(CultureInfo.InvariantCulture) == name)
            {
                ids.Add(id);
            }
        }

        return found.ToDictionary(f => f.Key, f => (IReadOnlyList<long>)f.Value);

        void Add(string name, long id)
        {
            if (found.TryGetValue(name, out var ids) && (ids.Count == 0 || ids[^1] != id))
            {
                ids.Add(id);
            }
        }
    }
}
