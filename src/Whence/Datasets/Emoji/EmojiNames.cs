using System.Text.Json;

namespace Whence.Datasets.Emoji;

/// <summary>The objects of emojibase-data, and the names that others gave them.</summary>
internal sealed class EmojiNames
{
    private const int MaxCode = 60; // names of samples hold it, and those of a tar file have 100 characters

    // The best names first: a name that several objects have belongs to the one that has it as the better kind.
    private static readonly string[] Shortcodes = ["cldr", "emojibase", "emojibase-legacy", "github", "iamcal", "joypixels"];
    private static readonly string[] LeftOut = ["component", "flags"];

    private readonly Dictionary<string, (int Rank, string Code)> _byName = new(StringComparer.Ordinal);

    private EmojiNames(IReadOnlyList<EmojiObject> objects) => Objects = objects;

    /// <summary>All but flags, skin tones and other parts of emoji, in Unicode's order.</summary>
    public IReadOnlyList<EmojiObject> Objects { get; }

    /// <summary>The package's files that are read.</summary>
    public static IReadOnlyCollection<string> Files { get; } =
        ["en/data.json", "meta/groups.json", "meta/unicode-names.json", .. Shortcodes.Select(s => $"en/shortcodes/{s}.json")];

    /// <exception cref="WhenceException">A file is missing or not what it should be.</exception>
    public static EmojiNames Read(IReadOnlyDictionary<string, byte[]> files, string where)
    {
        var groups = Json("meta/groups.json");
        var (groupNames, subgroupNames) = (PackageJson.Property(groups, "groups", JsonValueKind.Object, where), PackageJson.Property(groups, "subgroups", JsonValueKind.Object, where));
        var data = Json("en/data.json");
        if (data.ValueKind != JsonValueKind.Array)
        {
            throw new WhenceException($"{where}: en/data.json is no array");
        }

        var objects = new List<EmojiObject>();
        foreach (var entry in data.EnumerateArray())
        {
            var (code, label) = (EmojiObject.Normal(PackageJson.Text(entry, "hexcode", where)), PackageJson.Text(entry, "label", where));
            if (code.Length is 0 or > MaxCode || code.Any(c => !char.IsAsciiHexDigitUpper(c) && c != '-'))
            {
                throw new WhenceException($"{where}: en/data.json: the 'hexcode' of '{label}' is no code points");
            }

            if (Name(entry, "group", groupNames) is { } group && !LeftOut.Contains(group))
            {
                objects.Add(new EmojiObject(code, label, group, Name(entry, "subgroup", subgroupNames) ?? group, entry.TryGetProperty("tags", out var tags) ? [.. PackageJson.Texts(tags)] : []));
            }
        }

        var names = new EmojiNames([.. objects.DistinctBy(o => o.Code)]);
        names.Add(0, names.Objects.Select(o => (o.Label, o.Code)));
        foreach (var (i, file) in Shortcodes.Select(s => $"en/shortcodes/{s}.json").Prepend("meta/unicode-names.json").Index())
        {
            names.Add(i + 1, PackageJson.Members(Json(file), $"{where}: {file}").SelectMany(p => PackageJson.Texts(p.Value).Select(name => (name, EmojiObject.Normal(p.Name)))));
        }

        return names;

        JsonElement Json(string file) => files.TryGetValue(file, out var bytes)
            ? PackageJson.Read(bytes, $"{where}: {file}")
            : throw new WhenceException($"{where}: has no {file}");

        static string? Name(JsonElement entry, string key, JsonElement names) =>
            entry.TryGetProperty(key, out var number) && number.ValueKind == JsonValueKind.Number && names.TryGetProperty(number.GetRawText(), out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
    }

    /// <summary>The drawing of each object that a set has.</summary>
    /// <param name="set">The drawings.</param>
    /// <param name="told">Objects that somebody told, by the drawing's name.</param>
    /// <returns>Names of drawings by the object's code points.</returns>
    public Dictionary<string, string> Match(IconSet set, IReadOnlyDictionary<string, string?>? told)
    {
        var known = Objects.Select(o => o.Code).ToHashSet(StringComparer.Ordinal);
        var found = new Dictionary<string, (int Rank, string Name)>(StringComparer.Ordinal);
        foreach (var (name, code) in told ?? new Dictionary<string, string?>())
        {
            if (code is not null && set.Has(name))
            {
                Offer(EmojiObject.Normal(code), -2, name);
            }
        }

        foreach (var (code, name) in set.Codes)
        {
            if (set.Has(name) && told?.ContainsKey(name) != true)
            {
                Offer(code, -1, name);
            }
        }

        // A name whose object is known is not offered to a homonym: cricket the insect and cricket the game.
        var given = set.Codes.Where(c => known.Contains(c.Code)).Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in set.Names)
        {
            if (told?.ContainsKey(name) != true && !given.Contains(name) && _byName.TryGetValue(Plain(name), out var match))
            {
                Offer(match.Code, match.Rank, name);
            }
        }

        return found.ToDictionary(f => f.Key, f => f.Value.Name, StringComparer.Ordinal);

        void Offer(string code, int rank, string name)
        {
            if (known.Contains(code) && (!found.TryGetValue(code, out var other) || rank < other.Rank))
            {
                found[code] = (rank, name);
            }
        }
    }

    private void Add(int rank, IEnumerable<(string Name, string Code)> names)
    {
        var known = Objects.Select(o => o.Code).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, code) in names)
        {
            if (known.Contains(code) && Plain(name) is { Length: > 0 } plain)
            {
                _byName.TryAdd(plain, (rank, code));
            }
        }
    }

    // "Red Apple", "red-apple" and "redapple" are one name.
    private static string Plain(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
}
