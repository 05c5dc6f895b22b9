using System.Globalization;
using System.Text.Json;

namespace Whence.Datasets.Emoji;

/// <summary>
/// The drawings of one package of Iconify: <c>icons</c> by name, <c>aliases</c> that turn or flip another, and <c>chars</c>, where there are any, which
/// tell the code points of names.
/// </summary>
internal sealed class IconSet
{
    private const int MaxAliases = 8;

    private readonly JsonElement _root;
    private readonly JsonElement _icons;
    private readonly JsonElement _aliases;

    /// <summary>Takes over the files of a package.</summary>
    /// <param name="icons">icons.json.</param>
    /// <param name="chars">chars.json; null where there is none.</param>
    /// <param name="where">What it is, for messages.</param>
    /// <exception cref="WhenceException">They are no icons of Iconify.</exception>
    public IconSet(byte[] icons, byte[]? chars, string where)
    {
        _root = PackageJson.Read(icons, $"{where}: icons.json");
        _icons = PackageJson.Property(_root, "icons", JsonValueKind.Object, $"{where}: icons.json");
        _aliases = _root.TryGetProperty("aliases", out var aliases) && aliases.ValueKind == JsonValueKind.Object ? aliases : default;
        Codes = chars is null
            ? []
            : [.. PackageJson.Members(PackageJson.Read(chars, $"{where}: chars.json"), $"{where}: chars.json").Where(c => c.Value.ValueKind == JsonValueKind.String).Select(c => (EmojiObject.Normal(c.Name), c.Value.GetString()!))];
    }

    /// <summary>Code points and the names of their drawings, in the order of the file.</summary>
    public IReadOnlyList<(string Code, string Name)> Codes { get; }

    /// <summary>Names of all drawings that are not hidden, aliases behind.</summary>
    public IEnumerable<string> Names => _icons.EnumerateObject().Where(i => !IsHidden(i.Value)).Select(i => i.Name)
        .Concat(_aliases.ValueKind == JsonValueKind.Object ? _aliases.EnumerateObject().Where(a => !IsHidden(a.Value)).Select(a => a.Name) : []);

    public bool Has(string name) => _icons.TryGetProperty(name, out _) || (_aliases.ValueKind == JsonValueKind.Object && _aliases.TryGetProperty(name, out _));

    /// <summary>A drawing as a whole SVG document.</summary>
    /// <exception cref="WhenceException">There is none of that name, or it cannot be used; the message names no file, for it goes into the data set's report.</exception>
    public SvgDrawing Get(string name)
    {
        var drawing = $"the drawing '{name}'";
        var turns = new List<(bool FlipX, bool FlipY, int Quarters)>();
        for (var step = 0; _aliases.ValueKind == JsonValueKind.Object && !_icons.TryGetProperty(name, out _) && _aliases.TryGetProperty(name, out var alias); step++)
        {
            if (step == MaxAliases)
            {
                throw new WhenceException($"{drawing}: the aliases lead in a circle, or more than {MaxAliases} far");
            }

            name = PackageJson.Text(alias, "parent", drawing);
            turns.Add((
                Flag(alias, "hFlip"), Flag(alias, "vFlip"),
                alias.TryGetProperty("rotate", out var turn) && turn.ValueKind == JsonValueKind.Number && turn.TryGetInt32(out var quarters) ? quarters & 3 : 0));
        }

        if (!_icons.TryGetProperty(name, out var icon))
        {
            throw new WhenceException($"{drawing}: there is no '{name}'");
        }

        var body = PackageJson.Text(icon, "body", drawing).Replace("currentColor", "#212121", StringComparison.Ordinal);
        var (width, height) = (Number(icon, "width", drawing), Number(icon, "height", drawing));
        var (left, top) = (Number(icon, "left", drawing, 0), Number(icon, "top", drawing, 0));
        var (middleX, middleY) = (left + (width / 2), top + (height / 2));
        foreach (var (flipX, flipY, quarters) in Enumerable.Reverse(turns))
        {
            body = string.Create(
                CultureInfo.InvariantCulture,
                $"""<g transform="translate({middleX} {middleY}) rotate({quarters * 90}) scale({(flipX ? -1 : 1)} {(flipY ? -1 : 1)}) translate({-middleX} {-middleY})">{body}</g>""");
        }

        return new SvgDrawing(body, left, top, width, height);
    }

    private static bool IsHidden(JsonElement icon) => Flag(icon, "hidden");

    private static bool Flag(JsonElement icon, string key) => icon.ValueKind == JsonValueKind.Object && icon.TryGetProperty(key, out var flag) && flag.ValueKind == JsonValueKind.True;

    private float Number(JsonElement icon, string key, string drawing, float? otherwise = null)
    {
        var value = icon.TryGetProperty(key, out var own) || _root.TryGetProperty(key, out own)
            ? own.ValueKind == JsonValueKind.Number && own.TryGetSingle(out var number) ? number : float.NaN
            : otherwise ?? 16; // Iconify's own default
        return float.IsFinite(value) && (otherwise is not null || value > 0) ? value : throw new WhenceException($"{drawing}: '{key}' is no number{(otherwise is null ? " above 0" : "")}");
    }
}

/// <summary>What stands within an <c>svg</c> element, and its view box in its own units.</summary>
internal sealed record SvgDrawing(string Body, float Left, float Top, float Width, float Height);
