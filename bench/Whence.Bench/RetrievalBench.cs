using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Encoders;
using Whence.Search;

namespace Whence.Bench;

/// <summary>
/// 508 real photographs, each of the 158 that show one of 30 subjects as the query against all the others: does the default
/// encoder find the other photographs of the same subject? Mean average precision and the accuracy of the first result.
/// </summary>
internal static class RetrievalBench
{
    public static JsonObject Run(string[] args)
    {
        var photos = Repository.Shared("data", "photos");
        var folder = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            using var encoder = new OnnxEncoder(new EncoderRegistry().Resolve(EncoderRegistry.DefaultName));
            new IndexBuilder(folder, encoder).BuildAsync([photos]).GetAwaiter().GetResult();
            return Evaluate(FeatureIndex.Open(folder), encoder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static JsonObject Evaluate(FeatureIndex index, OnnxEncoder encoder)
    {
        var attributor = new Attributor(index, encoder);
        var queries = index.ReadMetadata().Where(image => SubjectOf(image.Source) is not null).ToArray();
        var answers = attributor.Attribute(
            [.. queries.Select(image => new Query(image.Source, File.ReadAllBytes(image.Source)))],
            new AttributionRequest { Top = (int)index.Count });
        var judged = queries.Zip(answers, (image, answer) => Judge(SubjectOf(image.Source)!, answer, image.Id)).ToArray();

        Console.WriteLine($"{"subject",-22}{"photos",8}{"mAP",8}{"first",8}");
        var subjects = new JsonArray();
        foreach (var group in judged.GroupBy(j => j.Subject))
        {
            subjects.Add(Line(group.Key, [.. group]));
        }

        var all = Line($"all of {subjects.Count}", judged);
        all["images"] = index.Count;
        all["subjects"] = subjects;
        return all;
    }

    private static JsonObject Line(string name, (string Subject, double Precision, bool First)[] judged)
    {
        var (precision, first) = (judged.Average(j => j.Precision), judged.Average(j => j.First ? 1.0 : 0));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-22}{judged.Length,8}{precision,8:F3}{first,8:F3}"));
        return new JsonObject { ["subject"] = name, ["queries"] = judged.Length, ["map"] = Math.Round(precision, 4), ["first"] = Math.Round(first, 4) };
    }

    /// <summary>
    /// Average precision over all other photographs of the subject: the mean of hits so far / rank at each of them. Among
    /// equal similarities the photographs of the subject come last.
    /// </summary>
    private static (string Subject, double Precision, bool First) Judge(string subject, Attribution answer, long queryId)
    {
        var relevant = answer.Results.Where(result => result.Id != queryId)
            .Select(result => (result.Similarity, Relevant: SubjectOf(result.Source) == subject))
            .OrderByDescending(result => result.Similarity).ThenBy(result => result.Relevant)
            .Select(result => result.Relevant).ToArray();
        var (hits, sum) = (0, 0.0);
        for (var i = 0; i < relevant.Length; i++)
        {
            if (relevant[i])
            {
                sum += ++hits / (i + 1.0);
            }
        }

        return (subject, sum / hits, relevant[0]);
    }

    // subjects/NAME/NN.jpg; the rest are distractors.
    private static string? SubjectOf(string source)
    {
        var folder = Path.GetDirectoryName(source)!;
        return Path.GetFileName(Path.GetDirectoryName(folder)) == "subjects" ? Path.GetFileName(folder) : null;
    }
}
