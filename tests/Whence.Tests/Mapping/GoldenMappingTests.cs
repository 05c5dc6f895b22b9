using System.Text.Json;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Mapping;

/// <summary>Mappers written by PyTorch, and the ranks the published evaluation gave with them.</summary>
public class GoldenMappingTests
{
    [Theory]
    [InlineData("linear", 64)]
    [InlineData("channel", 64)]
    [InlineData("mlp", 32)]
    public void A_pth_and_its_safetensors_twin_are_the_same_mappers(string kind, int outputs)
    {
        var torch = MapperPair.Load(SharedData.Get("reference", "evaluation", $"mapper_{kind}.pth"));
        var plain = MapperPair.Load(SharedData.Get("reference", "evaluation", $"mapper_{kind}.safetensors"));
        Assert.Equal((64, outputs), (torch.Real.InputDimension, torch.Real.OutputDimension));
        Assert.Equal($"mapper_{kind}.pth", torch.Name);
        foreach (var (a, b) in new[] { (torch.Real, plain.Real), (torch.Synth, plain.Synth) })
        {
            Assert.Equal(a.State("").Select(Content), b.State("").Select(Content));
        }

        static string Content(TensorData tensor)
        {
            using var bytes = new MemoryStream();
            tensor.WriteTo(bytes);
            return $"{tensor.Name} {tensor.Info} {Convert.ToHexString(bytes.ToArray())}";
        }
    }

    [Theory]
    [InlineData("none", "gpt")]
    [InlineData("none", "media")]
    [InlineData("linear", "gpt")]
    [InlineData("linear", "media")]
    [InlineData("channel", "gpt")]
    [InlineData("channel", "media")]
    [InlineData("mlp", "gpt")]
    [InlineData("mlp", "media")]
    public void Mapped_similarities_give_exactly_the_published_ranks(string kind, string prompts)
    {
        var pair = kind == "none" ? null : MapperPair.Load(SharedData.Get("reference", "evaluation", $"mapper_{kind}.pth"));
        using var data = SafetensorsFile.Open(SharedData.Get("reference", "evaluation", "features.safetensors"));
        using var expected = JsonDocument.Parse(File.ReadAllText(SharedData.Get("reference", "evaluation", "expected.json")));
        var ranks = expected.RootElement.GetProperty("results").GetProperty(kind).GetProperty(prompts).GetProperty("gt_ranks");
        var distractors = Mapped(pair?.Real, data.ReadMatrix("laion"));
        var exemplars = Mapped(pair?.Real, data.ReadMatrix("exemplars"));
        var queries = Mapped(pair?.Synth, data.ReadMatrix("synth." + prompts));
        var chunks = data.ReadInt64("exemplar_chunks");
        var models = data.ReadInt64("synth_ids." + prompts);
        Assert.Equal(queries.Rows, ranks.GetArrayLength());
        for (var i = 0; i < queries.Rows; i++)
        {
            var query = queries.Row(i).ToArray();
            var (first, end) = ((int)chunks[2 * models[i]], (int)chunks[(2 * models[i]) + 1]);
            var own = Enumerable.Range(first, end - first).Select(exemplar => Similarity(query, exemplars, exemplar)).ToArray();
            var others = Enumerable.Range(0, distractors.Rows).Select(distractor => Similarity(query, distractors, distractor)).ToArray();
            var found = own.Select(s => others.Count(other => other > s) + own.Count(other => other > s));
            Assert.Equal(ranks[i].EnumerateArray().Select(rank => rank.GetInt32()).Order(), found.Order());
        }
    }

    private static FeatureMatrix Mapped(Mapper? mapper, FeatureMatrix features)
    {
        var mapped = mapper?.Apply(features) ?? features;
        Normalization.NormalizeRows(mapped.Span, mapped.Columns);
        return mapped;
    }

    private static double Similarity(float[] query, FeatureMatrix features, int row)
    {
        var feature = features.Row(row);
        double sum = 0;
        for (var i = 0; i < query.Length; i++)
        {
            sum += (double)query[i] * feature[i];
        }

        return sum;
    }
}
