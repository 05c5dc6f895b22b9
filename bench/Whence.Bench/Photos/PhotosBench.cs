using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Datasets;
using Whence.Encoders;
using Whence.Evaluation;
using Whence.Images;
using Whence.Mapping;
using Whence.Torch.Mapping;

namespace Whence.Bench.Photos;

/// <summary>
/// The whole way on real photographs, as a small stand-in for customized models: 30 subjects, 15 to train and 15 to test, other photographs as
/// distractors; several splits, and the mean over them. Intervals are over subjects.
/// </summary>
internal static class PhotosBench
{
    private const int Splits = 5, Queries = 2, Views = 4;
    private const string Metric = "map";

    public static JsonObject Run(string[] args)
    {
        var splits = args is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : Splits;
        var photos = Repository.Shared("data", "photos");
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            using var encoder = new OnnxEncoder(new EncoderRegistry().Resolve(EncoderRegistry.DefaultName));
            var distractors = Path.Combine(temporary, "distractors.safetensors");
            Wait(new FeatureExtractor(encoder).ExtractAsync([Path.Combine(photos, "distractors")], distractors));
            using var opened = DistractorIndex.Open(distractors);

            Console.WriteLine($"{encoder.Spec.Name}, {opened.Index.Count} distractors, half of the subjects to test; 95 % intervals over subjects\n");
            Console.WriteLine($"{"split",-8}{"mappers",-16}{"queries",8}{"mAP",24}{"recall@5",24}{"median rank",18}{"mAP - pretrained",26}");
            var lines = new JsonArray();
            for (var split = 0; split < splits; split++)
            {
                foreach (var line in RunSplit(split, photos, Directory.CreateDirectory(Path.Combine(temporary, $"{split}")).FullName, encoder, opened))
                {
                    lines.Add(line);
                }
            }

            Means(lines);
            return new JsonObject { ["encoder"] = encoder.Spec.Name, ["views"] = Views, ["lines"] = lines };
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static IEnumerable<JsonObject> RunSplit(int split, string photos, string folder, OnnxEncoder encoder, DistractorIndex distractors)
    {
        var (trainList, testList) = PhotoCases.Write(photos, folder, seed: split, Queries);
        var train = Extract(trainList, new FeatureExtractionOptions { Views = Views, Augmentation = Augmentation.Mild, Seed = split });
        var test = Extract(testList, new FeatureExtractionOptions());

        var pretrained = Evaluate(test, distractors, null, null);
        yield return Line(split, "none", pretrained);
        foreach (var (name, mapper) in Mappers(train, split))
        {
            yield return Line(split, name, Evaluate(test, distractors, mapper, pretrained));
        }

        TestCaseFeatures Extract(string list, FeatureExtractionOptions options)
        {
            var output = Path.ChangeExtension(list, ".safetensors");
            Wait(new FeatureExtractor(encoder, options).ExtractAsync(TestCase.Load(list), photos, output));
            return TestCaseFeatures.Load(output);
        }
    }

    /// <summary>
    /// The mappers to compare with the pretrained features, trained on the training half only, with the paper's settings. Of 15 models none can be
    /// spared to choose the best epoch by: the last one is kept.
    /// </summary>
    private static IEnumerable<(string Name, MapperPair Mapper)> Mappers(TestCaseFeatures train, int split)
    {
        foreach (var (name, kind, regularizer) in ((string, MapperKind, double)[])
            [("linear", MapperKind.Linear, new MapperTrainingOptions().Regularizer), ("no regulariser", MapperKind.Linear, 0), ("channel", MapperKind.Channel, 0)])
        {
            var options = new MapperTrainingOptions { Kind = kind, Regularizer = regularizer, Seed = split };
            yield return (name, new MapperTrainer([new TrainingFeatures(train)], options).Train(name).Mappers);
        }
    }

    private static EvaluationResults Evaluate(TestCaseFeatures test, DistractorIndex distractors, MapperPair? mapper, EvaluationResults? pretrained)
    {
        var options = new EvaluationOptions { Mapper = mapper, RecallAt = [1, 5, 10] };
        using var evaluator = new Evaluator(distractors.Index, options);
        return Summary.Of([evaluator.Rank(test)], new DistractorInfo("photographs", evaluator.Distractors), options, pretrained is null ? null : (pretrained, "pretrained"));
    }

    private static JsonObject Line(int split, string mappers, EvaluationResults results)
    {
        var result = results.Results.Single();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{split,-8}{mappers,-16}{result.Queries,8}{Text(result.Metrics[Metric]),24}{Text(result.Metrics["recall@5"]),24}{Text(result.Metrics["medianRank"], "F1"),18}{Difference(results),26}"));
        return new JsonObject
        {
            ["split"] = split,
            ["mappers"] = mappers,
            ["queries"] = result.Queries,
            ["metrics"] = new JsonObject(result.Metrics.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)new JsonObject
            {
                ["value"] = m.Value.Value,
                ["low"] = m.Value.Low,
                ["high"] = m.Value.High,
                ["ceiling"] = m.Value.Ceiling,
                ["chance"] = m.Value.Chance,
            }))),
            ["difference"] = results.Comparison is { } comparison ? System.Text.Json.JsonSerializer.SerializeToNode(comparison) : null,
        };
    }

    private static void Means(JsonArray lines)
    {
        foreach (var group in lines.Select(l => l!.AsObject()).GroupBy(l => (string)l["mappers"]!))
        {
            double[] values = [.. group.Select(l => (double)l["metrics"]![Metric]!["value"]!)];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"\nmean mAP over {values.Length} splits, {group.Key}: {values.Average():F3} ({values.Min():F3} to {values.Max():F3})"));
        }
    }

    private static string Difference(EvaluationResults results) =>
        results.Comparison?.Results.Single().Differences[Metric] is { } difference
            ? string.Create(CultureInfo.InvariantCulture, $"{difference.Value:+0.000;-0.000} ({difference.Low:+0.000;-0.000}..{difference.High:+0.000;-0.000})")
            : "";

    private static string Text(MetricResult metric, string format = "F3") => string.Create(
        CultureInfo.InvariantCulture, $"{metric.Value.ToString(format, CultureInfo.InvariantCulture)} ({metric.Low?.ToString(format, CultureInfo.InvariantCulture)}..{metric.High?.ToString(format, CultureInfo.InvariantCulture)})");

    private static void Wait(Task task) => task.GetAwaiter().GetResult();
}
