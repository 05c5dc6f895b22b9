using System.Text.Json;
using Whence.Files;

namespace Whence.Datasets.Abc;

/// <summary>The authors' lists of models (<see cref="TestCase"/>): <c>train_SET.json</c>, <c>val_SET.json</c>, <c>test_SET.json</c> and, of objects with categories of their own, <c>test_unobserved_SET.json</c>.</summary>
internal static class AbcTestCases
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, NewLine = "\n" };

    /// <summary>Name of the list of a set's models of a split.</summary>
    public static string NameOf(string set, AbcSplit split) => split switch
    {
        AbcSplit.Train => $"train_{set}.json",
        AbcSplit.Validation => $"val_{set}.json",
        AbcSplit.Test => $"test_{set}.json",
        _ => $"test_unobserved_{set}.json",
    };

    /// <summary>Writes the lists of models, in their order, without those that have faults; paths are relative to the folder. A list may be empty, so that none is left of what was judged otherwise.</summary>
    /// <returns>The names of the files.</returns>
    public static IReadOnlyList<string> Write(string folder, IReadOnlyList<AbcRecord> models)
    {
        var names = new List<string>();
        foreach (var list in models.GroupBy(model => NameOf(model.Set, model.Split)))
        {
            AtomicFile.Write(Path.Combine(folder, list.Key), stream => Write(stream, list.Where(model => model.Faults is null)));
            names.Add(list.Key);
        }

        return names;
    }

    private static void Write(Stream stream, IEnumerable<AbcRecord> models)
    {
        using var json = new Utf8JsonWriter(stream, Indented);
        json.WriteStartArray();
        foreach (var model in models)
        {
            json.WriteStartObject();
            json.WriteString("class_id", model.Id);
            json.WriteString("category", model.Category);
            json.WriteString("group", model.Group);
            WriteList("exemplar", model.Exemplars.Select(exemplar => exemplar.Path));
            json.WriteStartObject("synth");
            foreach (var type in model.Samples.GroupBy(sample => sample.Type))
            {
                WriteList(type.Key, type.Select(sample => sample.Path));
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();

        void WriteList(string name, IEnumerable<string> values)
        {
            json.WriteStartArray(name);
            foreach (var value in values)
            {
                json.WriteStringValue(value);
            }

            json.WriteEndArray();
        }
    }
}
