using System.Text;
using System.Text.Json;
using Whence.Datasets.Abc;

namespace Whence.Reports;

/// <summary>
/// What <c>Site.js</c> knows of the models, as JSON: prompts stand once and are named by their number, files by what all of a prompt begin with, so that ten thousand images take some 250 kB. Every character
/// that means something in HTML is escaped, so that it can stand in a script element.
/// </summary>
internal static class SiteData
{
    /// <param name="models">All models.</param>
    /// <param name="images">Address of the images' folder from the site's; null where the site has its own.</param>
    public static string Of(IReadOnlyList<SiteModel> models, string? images)
    {
        var (prompts, types) = (new Numbers(), new Numbers());
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("images", images ?? "");
            json.WriteStartArray("models");
            foreach (var model in models)
            {
                Write(json, model, prompts, types);
            }

            json.WriteEndArray();
            WriteList(json, "prompts", prompts.Texts.Select(ShownText.Clean));
            WriteList(json, "types", types.Texts.Select(ShownText.Clean));
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static void Write(Utf8JsonWriter json, SiteModel model, Numbers prompts, Numbers types)
    {
        var record = model.Record;
        json.WriteStartObject();
        json.WriteString("id", record.Id);
        json.WriteString("set", record.Set);
        json.WriteString("split", model.Split);
        json.WriteString("name", ShownText.Clean(model.Name));
        json.WriteString("left", model.Left.Length > 0 ? "left out" : null);

        // What it is found by, besides its prompts.
        string[] about = [model.Name, record.Group, record.Id, model.Left.Length > 0 ? "left out" : "", .. record.Exemplars.Select(exemplar => exemplar.Name), .. record.Exemplars.Select(exemplar => exemplar.Caption).OfType<string>()];
        json.WriteString("about", string.Join('\n', about.Distinct(StringComparer.Ordinal).Select(ShownText.Clean)));
        WriteList(json, "exemplars", record.Exemplars.Select(exemplar => File(exemplar.Path)));
        json.WriteStartArray("samples");
        foreach (var prompt in model.Prompts)
        {
            json.WriteStartArray();
            json.WriteNumberValue(types.Of(prompt.Type));
            json.WriteNumberValue(prompts.Of(prompt.Text));
            WriteFiles(json, [.. prompt.Samples.Select(sample => File(sample.Path))]);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();

        string File(string path) => SiteModel.Address(path[(AbcRecord.FolderOf(record.Id).Length + 1)..]); // a record names files of its own folder only
    }

    // What all begin with, then how each goes on.
    private static void WriteFiles(Utf8JsonWriter json, IReadOnlyList<string> files)
    {
        var begin = files.Aggregate((a, b) => a[..a.AsSpan().CommonPrefixLength(b.AsSpan())]);
        json.WriteStringValue(begin);
        foreach (var file in files)
        {
            json.WriteStringValue(file.AsSpan(begin.Length));
        }
    }

    private static void WriteList(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    /// <summary>Texts, numbered as they come.</summary>
    private sealed class Numbers
    {
        private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);

        public IEnumerable<string> Texts => _numbers.OrderBy(number => number.Value).Select(number => number.Key);

        public int Of(string text)
        {
            _numbers.TryAdd(text, _numbers.Count);
            return _numbers[text];
        }
    }
}
