using System.Text.Json.Nodes;

namespace MakeGallery;

/// <summary>The known pictures: every object of the list as every designer drew it.</summary>
internal static class Gallery
{
    /// <summary>Reads the list of objects (tab-separated: label, group, name, name in fxemoji) and each set's drawing of them.</summary>
    public static IReadOnlyList<Drawing> Read(string packages, string objects)
    {
        var rows = File.ReadLines(objects).Where(line => !line.StartsWith('#')).Select(line => line.Split('\t')).ToList();
        return
        [
            .. from designer in Designer.All
               let set = new IconSet(Path.Combine(packages, designer.Package, "icons.json"))
               from row in rows
               let name = designer.Package == "fxemoji" ? row[3] : row[2]
               where name != "-"
               select new Drawing(designer, row[0], row[1], set.Get(name)),
        ];
    }

    public static Sample Sample(Drawing drawing)
    {
        using var bitmap = drawing.Render();
        if (Pixels.Ink(bitmap) < 0.05)
        {
            throw new InvalidDataException($"{drawing.Key} came out almost blank.");
        }

        var designer = drawing.Designer;
        var about = new JsonObject
        {
            ["label"] = drawing.Label,
            ["group"] = drawing.Group,
            ["designer"] = designer.Name,
            ["creator"] = designer.Creator,
            ["licence"] = designer.Licence,
            ["licence_url"] = designer.LicenceUrl,
            ["source"] = designer.Source,
            ["style"] = designer.Style,
        };
        return new(drawing.Key, Png.Encode(bitmap), drawing.Caption, about);
    }
}
