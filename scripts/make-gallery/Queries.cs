using System.Text.Json.Nodes;

namespace MakeGallery;

/// <summary>Pictures that customized models drew: what they were customized on is a drawing of the gallery, so what influenced them is known by construction.</summary>
internal static class Queries
{
    /// <summary>Takes the pictures that a list names out of a data set of <c>whence dataset build</c>.</summary>
    /// <param name="list">Lines of a name, a model and one of its samples, divided by tabs.</param>
    /// <param name="dataset">The data set's folder.</param>
    /// <param name="gallery">What models were customized on.</param>
    public static IReadOnlyList<Sample> Take(string list, string dataset, IReadOnlyList<Drawing> gallery)
    {
        var drawings = gallery.ToDictionary(d => d.Key);
        return [.. File.ReadLines(list).Select(line => line.Split('\t')).Select(row => Take(row[0], Path.Combine(dataset, "models", row[1]), row[2], dataset, drawings))];
    }

    private static Sample Take(string name, string model, string sample, string dataset, Dictionary<string, Drawing> gallery)
    {
        var record = JsonNode.Parse(File.ReadAllBytes(Path.Combine(model, "model.json")))!;
        var drawn = record["samples"]!.AsArray().Single(s => Path.GetFileNameWithoutExtension((string)s!["path"]!) == sample)!;
        var drawings = record["exemplars"]!.AsArray().Select(e => gallery[KeyOf((string)e!["name"]!)]).ToList();
        var about = new JsonObject
        {
            ["made_from"] = new JsonArray([.. drawings.Select(d => JsonValue.Create(d.Key))]),
            ["how"] = "drawn by models/emoji64 customized on it, as recipes/demo.json says",
            ["prompt"] = (string)drawn["prompt"]!,
            ["credits"] = new JsonArray([.. drawings.Select(d => JsonValue.Create($"{d.Label} by {d.Designer.Creator} ({d.Designer.Name}), {d.Designer.Licence}, redrawn"))]),
        };
        var caption = ((string)drawn["prompt"]!).Replace("<new1>", "a", StringComparison.Ordinal);
        return new(name, File.ReadAllBytes(Path.Combine(dataset, (string)drawn["path"]!)), caption, about);
    }

    // gallery.tar::fxemoji/tulip.png
    private static string KeyOf(string name) => Path.ChangeExtension(name[(name.IndexOf("::", StringComparison.Ordinal) + 2)..], null);
}
