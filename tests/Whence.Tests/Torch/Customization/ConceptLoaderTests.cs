using Whence.Tests.Torch.Diffusion;
using Whence.Torch.Customization;

namespace Whence.Tests.Torch.Customization;

public class ConceptLoaderTests
{
    private const string Key = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight";
    private const string Value = "mid_block.attentions.0.transformer_blocks.0.attn2.to_v.weight";
    private const float Atol = 1e-6f;

    [Fact]
    public void Of_several_concepts_what_each_changed_is_added_up()
    {
        using var model = GoldenDiffusion.Model();
        var before = GoldenDiffusion.Values(model.UNet);
        var (a, b) = (Moved(before, Key, 1), Moved(before, Key, 10));
        ConceptLoader.Apply(model, ("a", Concept(a, "<a>", before, Value, 2)), ("b", Concept(b, "<b>")));
        var after = GoldenDiffusion.Values(model.UNet);
        GoldenDiffusion.AssertClose(before[Key].Select(v => v + 11).ToArray(), after[Key], Atol * 20, 0, Key);
        Assert.Equal(Moved(before, Value, 2), after[Value]);
        Assert.All(before.Where(pair => pair.Key is not (Key or Value)), pair => Assert.Equal(pair.Value, after[pair.Key]));
        Assert.Equal(["<a>", "<b>"], model.Tokenizer.AddedTokens);
        Assert.Equal(model.Tokenizer.VocabularySize, model.TextEncoder.Tokens.shape[0]);
    }

    [Fact]
    public void What_does_not_fit_is_named_and_changes_nothing()
    {
        using var model = GoldenDiffusion.Model();
        var before = GoldenDiffusion.Values(model.UNet);
        Refused("'<a>' is in 'a' and in 'folder/b.bin'; give one of them another name, as in b.bin=<other>", ("a", Concept(before[Key], "<a>")), ("folder/b.bin", Concept(before[Key], "<a>")));
        Refused("weights that this model has not: up_blocks.3", ("a", new ConceptWeights(
            new Dictionary<string, ConceptWeight> { ["up_blocks.3.attentions.0.transformer_blocks.0.attn2.to_k.weight"] = ConceptWeight.Whole([1], 1, 1) }, [])));
        Refused("is [1, 2] instead of [32, 16]", ("a", new ConceptWeights(new Dictionary<string, ConceptWeight> { [Key] = ConceptWeight.Whole([1, 2], 1, 2) }, [])));
        Refused("tokens of 2 values where the text encoder has 16", ("a", new ConceptWeights(new Dictionary<string, ConceptWeight>(), [new("<a>", [1, 2])])));
        Refused("already has the token", ("a", Concept(Moved(before, Key, 1), "cat")));
        ConceptLoader.Apply(model, ("a", Concept(before[Key], "<a>")));
        Refused("is in the model and in 'b'", ("b", Concept(before[Key], "<a>")));
        Assert.Equal(before, GoldenDiffusion.Values(model.UNet));

        void Refused(string message, params (string, ConceptWeights)[] concepts) =>
            Assert.Contains(message, Assert.Throws<WhenceException>(() => ConceptLoader.Apply(model, concepts)).Message, StringComparison.Ordinal);
    }

    private static float[] Moved(Dictionary<string, float[]> values, string name, float by) => [.. values[name].Select(v => v + by)];

    private static ConceptWeights Concept(float[] key, string token, Dictionary<string, float[]>? before = null, string? other = null, float by = 0)
    {
        var weights = new Dictionary<string, ConceptWeight> { [Key] = ConceptWeight.Whole(key, 32, 16) };
        if (before is not null && other is not null)
        {
            weights[other] = ConceptWeight.Whole(Moved(before, other, by), 32, 16);
        }

        return new ConceptWeights(weights, [new ConceptToken(token, new float[16])]);
    }
}
