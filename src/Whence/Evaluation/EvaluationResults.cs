using System.Text.Json;
using Whence.Encoders;
using Whence.Files;

namespace Whence.Evaluation;

/// <summary>A reported number.</summary>
/// <param name="Value">The number.</param>
/// <param name="Low">Lower end of its 95 % interval over models; null where there are fewer than two models.</param>
/// <param name="High">Upper end.</param>
/// <param name="Ceiling">The best that it could be with these exemplars.</param>
/// <param name="Chance">What a random order is expected to reach.</param>
public sealed record MetricResult(double Value, double? Low, double? High, double Ceiling, double Chance);

/// <summary>A model's own means, from which other intervals and paired differences can be computed.</summary>
/// <param name="Model">Its number in the test case.</param>
/// <param name="Exemplars">n.</param>
/// <param name="Queries">Its queries, at least 1.</param>
/// <param name="Means">Per metric the mean over its queries.</param>
public sealed record ModelResult(int Model, int Exemplars, int Queries, IReadOnlyDictionary<string, double> Means);

/// <summary>Results of a test case for prompts of one type: plain means over queries.</summary>
/// <param name="TestCase">The test case.</param>
/// <param name="Prompts">The type of prompts.</param>
/// <param name="Queries">Number of queries.</param>
/// <param name="Metrics">By key: <c>map</c>, <c>recall@K</c>, <c>normalizedRecall@K</c>, and <c>medianRank</c> of each query's best exemplar.</param>
/// <param name="Models">Models that have queries.</param>
public sealed record PromptResult(
    string TestCase, string Prompts, int Queries, IReadOnlyDictionary<string, MetricResult> Metrics, IReadOnlyList<ModelResult> Models);

/// <summary>An unweighted mean of several <see cref="PromptResult"/>; the median rank has none.</summary>
/// <param name="Prompts">The type of prompts; null for all of them.</param>
/// <param name="Over">Number of results averaged.</param>
/// <param name="Metrics">By key.</param>
public sealed record AverageResult(string? Prompts, int Over, IReadOnlyDictionary<string, MetricResult> Metrics);

/// <summary>The distractors.</summary>
/// <param name="Source">As they were named.</param>
/// <param name="Count">N.</param>
public sealed record DistractorInfo(string Source, long Count);

/// <summary>The mappers.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Sha256">Of the file.</param>
public sealed record MapperInfo(string Name, string Sha256);

/// <summary>How intervals were made.</summary>
/// <param name="Level">0.95.</param>
/// <param name="Resamples">Number of draws.</param>
/// <param name="Seed">Of the draws.</param>
public sealed record BootstrapInfo(double Level, int Resamples, int Seed);

/// <summary>
/// What <c>whence evaluate</c> found, and its file (<c>docs/formats.md</c>): JSON with every number at full precision under stable keys.
/// </summary>
public sealed record EvaluationResults
{
    /// <summary>The schema that this build writes, and the newest that it reads.</summary>
    public const int CurrentSchema = 1;

    private const string FormatName = "whence-evaluation";

    /// <summary>Always <c>whence-evaluation</c>.</summary>
    public string Format { get; init; } = FormatName;

    /// <summary>Fields may be added within a schema, never renamed.</summary>
    public int Schema { get; init; } = CurrentSchema;

    /// <summary>The distractors.</summary>
    public required DistractorInfo Distractors { get; init; }

    /// <summary>The mappers; null where raw features were compared.</summary>
    public MapperInfo? Mapper { get; init; }

    /// <summary>The K of Recall@K.</summary>
    public required IReadOnlyList<int> RecallAt { get; init; }

    /// <summary>How intervals were made.</summary>
    public required BootstrapInfo Bootstrap { get; init; }

    /// <summary>Per test case and type of prompts.</summary>
    public required IReadOnlyList<PromptResult> Results { get; init; }

    /// <summary>Per type of prompts that several test cases have, and over everything; empty where there is nothing to average.</summary>
    public required IReadOnlyList<AverageResult> Averages { get; init; }

    /// <summary>Against an earlier run; null where none was named.</summary>
    public ComparisonResult? Comparison { get; init; }

    /// <summary>The keys of all metrics, in the order in which they are shown; <c>medianRank</c>, the last one, averages do not have.</summary>
    /// <param name="recallAt">The K of Recall@K.</param>
    public static IReadOnlyList<string> MetricKeys(IReadOnlyList<int> recallAt)
    {
        ArgumentNullException.ThrowIfNull(recallAt);
        return [.. Metric.All(recallAt).Select(m => m.Key), Metric.MedianRank];
    }

    /// <summary>Reads a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="WhenceException">Missing, damaged, something else, or of a newer build.</exception>
    public static EvaluationResults Load(string path)
    {
        try
        {
            var bytes = RegularFile.Guard(path, () => File.ReadAllBytes(path));
            using (var document = JsonDocument.Parse(bytes))
            {
                var root = document.RootElement;
                if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("format", out var format) || format.ValueKind != JsonValueKind.String
                    || format.GetString() != FormatName || !root.TryGetProperty("schema", out var schema) || !schema.TryGetInt32(out var number))
                {
                    throw new JsonException($"it has no \"format\": \"{FormatName}\" with a schema");
                }

                if (number is < 1 or > CurrentSchema)
                {
                    throw new WhenceException($"{path}: results of schema {number}, this build reads up to {CurrentSchema}; update Whence.");
                }
            }

            var results = JsonSerializer.Deserialize<EvaluationResults>(bytes, JsonOptions) ?? throw new JsonException("it holds null");
            results.Validate();
            return results;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new WhenceException($"{path}: not the results of an evaluation ({RegularFile.OneLine(e.Message)}); give the results.json of 'whence evaluate --out'.", e);
        }
    }

    /// <summary>Writes the file beside its place and renames it.</summary>
    public void Save(string path) => AtomicFile.Write(path, Write);

    /// <summary>Writes the file to a stream.</summary>
    public void Write(Stream stream)
    {
        JsonSerializer.Serialize(stream, this, JsonOptions);
        stream.WriteByte((byte)'\n');
    }

    // A newer build of the same schema may have added fields. Every key is always there; what there is none of is null.
    private static readonly JsonSerializerOptions JsonOptions = new(SpecJson.Options)
    {
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.Never,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Skip,
        RespectRequiredConstructorParameters = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    // What null checks of the reader do not see: entries of lists and dictionaries, and whether the parts fit together.
    private void Validate()
    {
        if (RecallAt.Any(k => k < 1))
        {
            throw new JsonException("a K of recallAt is below 1");
        }

        var keys = Metric.All(RecallAt).Select(m => m.Key).ToArray();
        foreach (var result in Results)
        {
            var name = result is null ? "null" : $"'{result.TestCase}', '{result.Prompts}'";
            CheckMetrics(result?.Metrics, [.. keys, Metric.MedianRank], name);
            foreach (var model in result!.Models)
            {
                if (model is null || model.Queries < 1 || model.Exemplars < 1 || model.Model < 0)
                {
                    throw new JsonException($"{name} has a model of {model?.Queries} queries and {model?.Exemplars} exemplars");
                }

                if (keys.FirstOrDefault(key => !model.Means.TryGetValue(key, out var mean) || !double.IsFinite(mean)) is { } missing)
                {
                    throw new JsonException($"model {model.Model} of {name} has no finite {missing}");
                }
            }

            if (result.Models.DistinctBy(m => m.Model).Count() != result.Models.Count || result.Models.Sum(m => (long)m.Queries) != result.Queries)
            {
                throw new JsonException($"the models of {name} do not add up to its {result.Queries} queries");
            }
        }

        if (Results.DistinctBy(r => (r.TestCase, r.Prompts)).Count() != Results.Count)
        {
            throw new JsonException("a test case occurs twice");
        }

        foreach (var average in Averages)
        {
            CheckMetrics(average?.Metrics, keys, "an average");
        }
    }

    private static void CheckMetrics(IReadOnlyDictionary<string, MetricResult>? metrics, string[] keys, string where)
    {
        if (Array.Find(keys, key => metrics?.GetValueOrDefault(key) is not { } metric || !double.IsFinite(metric.Value)
            || !double.IsFinite(metric.Low ?? 0) || !double.IsFinite(metric.High ?? 0)) is { } missing)
        {
            throw new JsonException($"{where} has no finite {missing}");
        }
    }
}
