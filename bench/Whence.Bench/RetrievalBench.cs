using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Encoders;
using Whence.Evaluation;
using Whence.Search;
using Whence.Torch.Encoders;

namespace Whence.Bench;

/// <summary>
/// 508 real photographs, each of the 158 that show one of 30 subjects as the query against all the others: does an encoder find the other photographs of
/// the same subject? Mean average precision and the accuracy of the first result, with 95 % intervals over subjects; of several encoders also
/// the paired difference from the first one.
/// </summary>
internal static class RetrievalBench
{
    private const int Resamples = 10_000;
    private static readonly string[] Offline = [EncoderRegistry.DefaultName, "resnet18-style", "pixels"];

    public static JsonObject Run(string[] args)
    {
        var photos = Repository.Shared("data", "photos");
        var names = args.Length == 0 ? Offline : args;
        var spaces = names.Select(name => (Name: name, Judged: Judge(name, photos))).ToArray();
        var subjects = spaces[0].Judged.Select(j => j.Subject).Distinct().Order(StringComparer.Ordinal).ToArray();
        var draws = new Bootstrap(subjects.Length, Resamples, new Random(0));

        PrintSubjects(spaces, subjects);
        Console.WriteLine();
        Console.WriteLine($"{"feature space",-22}{"values",8}{"mAP",30}{"first",30}{"mAP - " + names[0],32}");
        var rows = new JsonArray();
        foreach (var (name, judged) in spaces)
        {
            rows.Add(Line(name, judged, spaces[0].Judged, subjects, draws));
        }

        return new JsonObject { ["queries"] = spaces[0].Judged.Length, ["subjects"] = subjects.Length, ["spaces"] = rows };
    }

    private static Judgement[] Judge(string name, string photos)
    {
        var folder = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            using var encoder = ImageEncoders.Open(new EncoderRegistry().Resolve(name));
            new IndexBuilder(folder, encoder).BuildAsync([photos]).GetAwaiter().GetResult();
            var index = FeatureIndex.Open(folder);
            var attributor = new Attributor(index, encoder);
            var queries = index.ReadMetadata().Where(image => SubjectOf(image.Source) is not null).OrderBy(image => image.Source, StringComparer.Ordinal).ToArray();
            var answers = attributor.Attribute(
                [.. queries.Select(image => new Query(image.Source, File.ReadAllBytes(image.Source)))],
                new AttributionRequest { Top = (int)index.Count });
            return [.. queries.Zip(answers, (image, answer) => Judge(SubjectOf(image.Source)!, answer, image.Id))];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void PrintSubjects((string Name, Judgement[] Judged)[] spaces, string[] subjects)
    {
        Console.WriteLine($"{"mAP / first",-22}{"photos",8}{string.Concat(spaces.Select(s => $"{s.Name,18}"))}");
        foreach (var subject in subjects)
        {
            var cells = spaces.Select(s => s.Judged.Where(j => j.Subject == subject).ToArray())
                .Select(own => FormattableString.Invariant($"{own.Average(j => j.Precision):F3} / {own.Average(j => j.First):F3}"));
            Console.WriteLine($"{subject,-22}{spaces[0].Judged.Count(j => j.Subject == subject),8}{string.Concat(cells.Select(c => $"{c,18}"))}");
        }
    }

    private static JsonObject Line(string name, Judgement[] judged, Judgement[] first, string[] subjects, Bootstrap draws)
    {
        var (map, mapOf) = Mean(judged, j => j.Precision, subjects, draws);
        var (top, topOf) = Mean(judged, j => j.First, subjects, draws);
        var (difference, differenceOf) = Mean([.. judged.Zip(first, (a, b) => a with { Precision = a.Precision - b.Precision })], j => j.Precision, subjects, draws);
        var dimension = new EncoderRegistry().Resolve(name).Dimension;
        Console.WriteLine($"{name,-22}{dimension,8}{Text(map, mapOf),30}{Text(top, topOf),30}{Text(difference, differenceOf),32}");
        return new JsonObject
        {
            ["encoder"] = name,
            ["dimension"] = dimension,
            ["map"] = Numbers(map, mapOf),
            ["first"] = Numbers(top, topOf),
            ["mapDifference"] = Numbers(difference, differenceOf),
        };
    }

    private static (double Mean, (double Low, double High) Interval) Mean(
        Judgement[] judged, Func<Judgement, double> value, string[] subjects, Bootstrap draws)
    {
        var bySubject = judged.ToLookup(j => j.Subject);
        var sums = subjects.Select(s => bySubject[s].Sum(value)).ToArray();
        var counts = subjects.Select(s => bySubject[s].Count()).ToArray();
        return (sums.Sum() / counts.Sum(), Bootstrap.Interval(draws.Means(sums, counts))!.Value);
    }

    private static string Text(double mean, (double Low, double High) interval) =>
        string.Create(CultureInfo.InvariantCulture, $"{mean:F3} ({interval.Low:F3} to {interval.High:F3})");

    private static JsonArray Numbers(double mean, (double Low, double High) interval) =>
        [Math.Round(mean, 4), Math.Round(interval.Low, 4), Math.Round(interval.High, 4)];

    /// <summary>
    /// Average precision over all other photographs of the subject: the mean of hits so far / rank at each of them. Among
    /// equal similarities the photographs of the subject come last.
    /// </summary>
    private static Judgement Judge(string subject, Attribution answer, long queryId)
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

        return new Judgement(subject, sum / hits, relevant[0] ? 1 : 0);
    }

    // subjects/NAME/NN.jpg; the rest are distractors.
    private static string? SubjectOf(string source)
    {
        var folder = Path.GetDirectoryName(source)!;
        return Path.GetFileName(Path.GetDirectoryName(folder)) == "subjects" ? Path.GetFileName(folder) : null;
    }

    /// <param name="Subject">What the photograph shows.</param>
    /// <param name="Precision">Average precision.</param>
    /// <param name="First">1 where the most similar photograph shows the same subject.</param>
    private readonly record struct Judgement(string Subject, double Precision, double First);
}
