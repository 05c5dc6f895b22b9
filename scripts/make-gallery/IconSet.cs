using System.Globalization;
using System.Text.Json;

namespace MakeGallery;

/// <summary>The SVG bodies of one package (IconifyJSON: "icons" by name, and "aliases" that point at them).</summary>
internal sealed class IconSet
{
    private readonly JsonElement _root;

    public IconSet(string file) => _root = JsonDocument.Parse(File.ReadAllBytes(file)).RootElement;

    /// <summary>The drawing as a whole SVG document and its view box; throws where the set lacks it.</summary>
    public Artwork Get(string name)
    {
        if (_root.TryGetProperty("aliases", out var aliases) && aliases.TryGetProperty(name, out var alias))
        {
            if (alias.EnumerateObject().Count() > 1)
            {
                throw new InvalidDataException($"The alias {name} turns or flips its parent, which is not handled.");
            }

            name = alias.GetProperty("parent").GetString()!;
        }

        var icon = _root.GetProperty("icons").GetProperty(name);
        var width = Number(icon, "width");
        var height = Number(icon, "height");
        var body = icon.GetProperty("body").GetString()!.Replace("currentColor", "#212121", StringComparison.Ordinal);
        var document = string.Create(
            CultureInfo.InvariantCulture,
            $"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}" height="{height}" viewBox="0 0 {width} {height}">{body}</svg>""");
        return new(document, width, height);
    }

    private float Number(JsonElement icon, string key) =>
        (icon.TryGetProperty(key, out var own) ? own : _root.GetProperty(key)).GetSingle();
}

/// <summary>An SVG document and the width and height of its view box, in its own units.</summary>
internal sealed record Artwork(string Document, float Width, float Height);
