using System.Globalization;
using System.Text.Json;
using Whence.Vectors;

namespace Whence.Datasets;

/// <summary>The files that hold <see cref="TestCaseFeatures"/> (<c>docs/formats.md</c>): the authors' .pth, and .safetensors.</summary>
internal static class TestCaseFiles
{
    private const string FormatName = "whence-test-case";
    private const int CurrentVersion = 1;

    private const string ExemplarsKey = "exemplars";
    private const string ChunksKey = "exemplar_chunks";
    private const string FeaturesPrefix = "synth.";
    private const string IdsPrefix = "synth_ids.";
    private const string ExemplarPathsKey = "exemplar_paths";
    private const string PathsPrefix = "synth_paths.";
    private const string ExemplarViewsKey = "exemplar_views";
    private const string ViewsPrefix = "synth_views.";
    private const string ColumnsKey = "columns";
    private const string EncoderKey = "encoder";
    private const string FormatKey = "format";
    private const string VersionKey = "version";

    public static TestCaseFeatures ReadTorch(string path)
    {
        using var file = TorchFile.Open(path);
        var root = file.Root.AsDictionary();
        var chunks = root[ChunksKey];
        var ends = chunks.Kind == TorchKind.Tensor
            ? ReadPairs(path, chunks.AsTensor().Info, chunks.AsTensor().ReadInt64)
            : [.. chunks.AsList().SelectMany((chunk, i) => chunk.AsList() is { Count: 2 } pair
                ? pair.Select(end => end.AsInt64())
                : throw Bad(path, $"'{ChunksKey}[{i}]' has {chunk.AsList().Count} entries, expected start and end"))];
        var (features, ids, paths) = (root["synth_tensors"].AsDictionary(), root["synth_ids"].AsDictionary(), root["synth_paths"].AsDictionary());
        CheckSameTypes(path, "synth_tensors", features.Keys, "synth_ids", ids.Keys);
        CheckSameTypes(path, "synth_tensors", features.Keys, "synth_paths", paths.Keys);
        return new TestCaseFeatures(
            TestCase.NameOf(path),
            root["exemplar_tensors"].AsTensor().ReadMatrix(),
            Chunks(path, ends),
            [.. Ordered(features.Keys).Select(type => new PromptFeatures(
                type,
                features[type].AsTensor().ReadMatrix(),
                Models(path, ids[type].Kind == TorchKind.Tensor ? ids[type].AsTensor().ReadInt64() : ids[type].AsList().Select(id => id.AsInt64())),
                paths[type].AsTexts()))],
            root[ExemplarPathsKey].AsTexts());
    }

    public static TestCaseFeatures ReadSafetensors(string path)
    {
        using var file = SafetensorsFile.Open(path);
        CheckVersion(path, file.Metadata);
        var types = Types(file.Tensors.Keys, FeaturesPrefix);
        CheckSameTypes(path, FeaturesPrefix + "*", types, IdsPrefix + "*", Types(file.Tensors.Keys, IdsPrefix));
        var chunks = file.View(ChunksKey);
        var exemplars = file.ReadMatrix(ExemplarsKey);
        return new TestCaseFeatures(
            TestCase.NameOf(path),
            exemplars,
            Chunks(path, ReadPairs(path, chunks.Info, chunks.ReadInt64)),
            [.. Ordered(types).Select(ReadPrompt)],
            file.ReadTexts(ExemplarPathsKey),
            file.Metadata.GetValueOrDefault(EncoderKey),
            ReadViews(path, file, ExemplarViewsKey, exemplars.Rows),
            ReadColumns(path, file.Metadata));

        PromptFeatures ReadPrompt(string type)
        {
            var queries = file.ReadMatrix(FeaturesPrefix + type);
            return new PromptFeatures(
                type,
                queries,
                Models(path, file.ReadInt64(IdsPrefix + type)),
                file.ReadTexts(PathsPrefix + type),
                ReadViews(path, file, ViewsPrefix + type, queries.Rows));
        }
    }

    public static void Write(string path, TestCaseFeatures features)
    {
        var metadata = new Dictionary<string, string>
        {
            [FormatKey] = FormatName,
            [VersionKey] = CurrentVersion.ToString(CultureInfo.InvariantCulture),
        };
        AddPaths(ExemplarPathsKey, features.ExemplarPaths);
        if (features.Encoder is { } encoder)
        {
            metadata[EncoderKey] = encoder;
        }

        var ends = features.Chunks.SelectMany(chunk => new long[] { chunk.Start, chunk.End }).ToArray();
        var tensors = new List<TensorData> { Matrix(ExemplarsKey, features.Exemplars), TensorData.FromInt64(ChunksKey, ends, features.Chunks.Count, 2) };
        foreach (var prompt in features.Prompts.OrderBy(p => p.Type, StringComparer.Ordinal))
        {
            tensors.Add(Matrix(FeaturesPrefix + prompt.Type, prompt.Features));
            tensors.Add(TensorData.FromInt64(IdsPrefix + prompt.Type, [.. prompt.Models.Select(m => (long)m)], prompt.Models.Count));
            AddPaths(PathsPrefix + prompt.Type, prompt.Paths);
        }

        if (features.ExemplarViews is { } views)
        {
            tensors.Add(Views(ExemplarViewsKey, views));
            tensors.AddRange(features.Prompts.OrderBy(p => p.Type, StringComparer.Ordinal).Select(p => Views(ViewsPrefix + p.Type, p.Views!)));
        }

        if (features.Columns.Count > 0)
        {
            metadata[ColumnsKey] = JsonSerializer.Serialize(new SortedDictionary<string, IReadOnlyList<string?>>(
                features.Columns.ToDictionary(), StringComparer.Ordinal));
        }

        SafetensorsFile.Write(path, tensors, metadata);

        TensorData Views(string name, FeatureMatrix matrix) =>
            TensorData.FromMatrix(name, matrix, matrix.Rows / features.ViewsPerImage, features.ViewsPerImage, matrix.Columns);

        void AddPaths(string key, IReadOnlyList<string>? paths)
        {
            if (paths is not null)
            {
                metadata[key] = SafetensorsFile.FromTexts(paths);
            }
        }
    }

    private static TensorData Matrix(string name, FeatureMatrix matrix) => TensorData.FromMatrix(name, matrix, matrix.Rows, matrix.Columns);

    private static FeatureMatrix? ReadViews(string path, SafetensorsFile file, string name, int images) =>
        !file.Tensors.TryGetValue(name, out var info) ? null
        : info.Shape is [var rows, >= 1 and <= int.MaxValue and var views, >= 1 and <= int.MaxValue and var columns] && rows == images && images * views <= int.MaxValue
            ? new FeatureMatrix((int)(images * views), (int)columns, file.ReadSingle(name))
            : throw Bad(path, $"'{name}' is {info}, expected numbers [{images} images, views, d]");

    private static string[] Types(IEnumerable<string> names, string prefix) =>
        [.. names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..])];

    // Neither a dict nor a header promises an order, and results must not depend on it.
    private static IEnumerable<string> Ordered(IEnumerable<string> types) => types.Order(StringComparer.Ordinal);

    private static long[] ReadPairs(string path, TensorInfo info, Func<long[]> read) => info.Shape is [_, 2]
        ? read()
        : throw Bad(path, $"'{ChunksKey}' is {info}, expected integers [models, 2]");

    private static ExemplarChunk[] Chunks(string path, long[] ends) => [.. ends.Chunk(2).Select((pair, i) =>
        pair is [>= 0 and <= int.MaxValue, >= 0 and <= int.MaxValue]
            ? new ExemplarChunk((int)pair[0], (int)pair[1])
            : throw Bad(path, $"chunk {i} is {pair[0]} to {pair[1]}, which are no rows"))];

    private static int[] Models(string path, IEnumerable<long> ids) => [.. ids.Select(id => id is >= 0 and <= int.MaxValue
        ? (int)id
        : throw Bad(path, $"{id} is no id of a model"))];

    private static Dictionary<string, IReadOnlyList<string?>>? ReadColumns(string path, IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(ColumnsKey, out var json))
        {
            return null;
        }

        try
        {
            var columns = JsonSerializer.Deserialize<Dictionary<string, string?[]>>(json);
            return columns is not null && columns.Values.All(values => values is not null)
                ? columns.ToDictionary(column => column.Key, column => (IReadOnlyList<string?>)column.Value, StringComparer.Ordinal)
                : throw new JsonException("null where a list is needed");
        }
        catch (JsonException e)
        {
            throw new WhenceException($"'{path}': '{ColumnsKey}' in its header is no object of lists of texts ({e.Message}); extract the features again.", e);
        }
    }

    private static void CheckVersion(string path, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.GetValueOrDefault(FormatKey) == FormatName
            && metadata.GetValueOrDefault(VersionKey) is var version && version != CurrentVersion.ToString(CultureInfo.InvariantCulture))
        {
            throw new WhenceException($"'{path}': has format version {version}, this build reads {CurrentVersion}; update Whence.");
        }
    }

    private static void CheckSameTypes(string path, string first, IEnumerable<string> types, string second, IEnumerable<string> others)
    {
        if (!types.ToHashSet(StringComparer.Ordinal).SetEquals(others))
        {
            throw Bad(path, $"'{first}' has {Listing.Of([.. types])}, '{second}' has {Listing.Of([.. others])}; expected the same types of prompts");
        }
    }

    private static WhenceException Bad(string path, string problem) => new($"'{path}': {problem}; extract the features again.");
}
