using System.Text.Json;
using Whence.Tests.Torch.Diffusion;
using Whence.Tests.Torch.Encoders;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Customization;

/// <summary>Five steps of Custom Diffusion against PyTorch's and diffusers', in the tolerances of the reference's README.</summary>
public class GoldenTrainingTests
{
    private const double LossRtol = 1e-5, GradientRtol = 1e-3, NormRtol = 1e-5;
    private const int NewToken = 600, Initializer = 42, Exemplars = 2, Steps = 5;

    [Theory]
    [InlineData("simple", 4, 3e-6f, false)]
    [InlineData("recipe", 4, 3e-6f, false)]
    [InlineData("recipe", 1, 3e-6f, false)]
    [InlineData("recipe_large_lr", 4, 2e-5f, false)]
    [InlineData("simple", 4, 3e-6f, true)]
    [InlineData("recipe", 1, 3e-6f, true)]
    [InlineData("recipe_large_lr", 4, 2e-5f, true)]
    public void Steps_are_those_of_the_reference(string name, int microBatch, float atol, bool checkpointing)
    {
        using var scope = NewDisposeScope();
        using var golden = SafetensorsFile.Open(GoldenCustomization.File(name + ".safetensors"));
        using var json = JsonDocument.Parse(File.ReadAllBytes(GoldenCustomization.File("expected.json")));
        var expected = json.RootElement.GetProperty(name);
        using var unet = GoldenDiffusion.UNet();
        using var text = TextEncoder();
        var options = Options(expected) with { Checkpointing = checkpointing };
        using var before = text.Tokens.clone();
        var row = TensorValues.Of(text.Tokens.narrow(0, Initializer, 1).contiguous()).ToArray();
        ConceptWeights concept;
        using (var optimization = new CustomDiffusionOptimization(unet, text, new NoiseSchedule(new SchedulerSpec()), options, [NewToken], row))
        {
            for (var step = 0; step < Steps; step++)
            {
                var batch = Batch(step, expected);
                if (step == 0)
                {
                    CheckFirst(golden, optimization, batch, microBatch);
                }

                var losses = optimization.Step(batch, microBatch);
                Near(Value("loss_instance", step), losses.Exemplars, LossRtol);
                Near(Value("loss_prior", step), losses.Prior, LossRtol);
                Near(Value("grad_norm", step), losses.GradientNorm, NormRtol);
            }

            concept = optimization.ToConcept(["<new1>"]);
        }

        foreach (var (weight, values) in concept.Weights)
        {
            GoldenDiffusion.AssertClose(golden.ReadSingle("final.unet." + weight), values.Values, atol, 0, weight);
        }

        var rows = golden.ReadSingle("final.embedding");
        GoldenDiffusion.AssertClose(rows, TensorValues.Of(text.Tokens.contiguous()), atol, 0, "embedding");
        Assert.Equal(12, concept.Weights.Count);
        GoldenDiffusion.AssertClose(rows.AsSpan(^row.Length..), concept.Tokens[0].Embedding.ToArray(), atol, 0, "token");

        double Value(string key, int step) => expected.GetProperty(key)[step].GetDouble();
    }

    [Fact]
    public void By_default_other_tokens_stay_and_nothing_else_takes_a_gradient()
    {
        using var scope = NewDisposeScope();
        using var json = JsonDocument.Parse(File.ReadAllBytes(GoldenCustomization.File("expected.json")));
        var expected = json.RootElement.GetProperty("recipe_large_lr");
        using var unet = GoldenDiffusion.UNet();
        using var text = TextEncoder();
        var (unetBefore, textBefore) = (GoldenDiffusion.Values(unet), GoldenDiffusion.Values(text));
        var row = TensorValues.Of(text.Tokens.narrow(0, Initializer, 1).contiguous()).ToArray();
        using (var optimization = new CustomDiffusionOptimization(unet, text, new NoiseSchedule(new SchedulerSpec()), Options(expected) with { DecayAllTokens = false }, [NewToken], row))
        {
            Assert.Equal(12, unet.parameters().Count(p => p.requires_grad));
            Assert.DoesNotContain(text.parameters(), p => p.requires_grad);
            optimization.Step(Batch(0, expected), 4);
            Assert.All(unet.parameters().Concat(text.parameters()), p => Assert.Null(p.grad));
        }

        Assert.DoesNotContain(unet.parameters(), p => p.requires_grad);
        Assert.False(unet.DetachFirstToken);
        Assert.False(unet.Checkpointing);
        var (unetAfter, textAfter) = (GoldenDiffusion.Values(unet), GoldenDiffusion.Values(text));
        Assert.All(unetBefore, pair => Assert.Equal(!ConceptNames.IsKeyOrValue(pair.Key), pair.Value.SequenceEqual(unetAfter[pair.Key])));
        Assert.All(textBefore, pair => Assert.Equal(pair.Value, textAfter[pair.Key][..pair.Value.Length]));
        Assert.Equal((NewToken + 1) * row.Length, textAfter["token_embedding"].Length);
        Assert.NotEqual(row, textAfter["token_embedding"][^row.Length..]);
    }

    [Fact]
    public void With_queries_the_whole_cross_attention_learns()
    {
        using var scope = NewDisposeScope();
        using var json = JsonDocument.Parse(File.ReadAllBytes(GoldenCustomization.File("expected.json")));
        var expected = json.RootElement.GetProperty("recipe_large_lr");
        using var unet = GoldenDiffusion.UNet();
        using var text = TextEncoder();
        using var optimization = new CustomDiffusionOptimization(unet, text, new NoiseSchedule(new SchedulerSpec()), Options(expected) with { TrainQueries = true }, [NewToken], new float[32]);
        optimization.Step(Batch(0, expected), 4);
        Assert.Equal(6 * 5, optimization.ToConcept(["<new1>"]).Weights.Count);
        Assert.All(optimization.Gradients, pair => Assert.Contains(pair.Value, value => value != 0));
    }

    private static void CheckFirst(SafetensorsFile golden, CustomDiffusionOptimization optimization, CustomizationBatch batch, int microBatch)
    {
        using var scope = NewDisposeScope();
        var (context, noisy, prediction) = optimization.Predict(batch);
        GoldenDiffusion.AssertClose(golden, "step1.noisy_latents", noisy);
        GoldenDiffusion.AssertClose(golden, "step1.context", context);
        GoldenDiffusion.AssertClose(golden, "step1.prediction", prediction);
        optimization.Backward(batch, microBatch);
        foreach (var (name, gradient) in optimization.Gradients)
        {
            var expected = golden.ReadSingle(name == "embedding" ? "grad1.embedding_row_new" : "grad1.unet." + name);
            GoldenDiffusion.AssertClose(expected, gradient, (float)GradientRtol * expected.Max(MathF.Abs), 0, name);
        }
    }

    private static CustomDiffusionOptions Options(JsonElement expected) => new()
    {
        LearningRate = expected.GetProperty("lr").GetDouble(),
        WeightDecay = expected.GetProperty("weight_decay").GetDouble(),
        DetachFirstToken = expected.GetProperty("stop_first_token_gradient").GetBoolean(),
        PriorWeight = expected.GetProperty("prior_preservation").GetBoolean() ? expected.GetProperty("prior_weight").GetDouble() : 0,
        MaskedLoss = expected.GetProperty("mask").GetBoolean(),
        MaxGradientNorm = expected.GetProperty("max_grad_norm") is { ValueKind: JsonValueKind.Number } norm ? norm.GetDouble() : null,
        DecayAllTokens = true,
    };

    private static CustomizationBatch Batch(int step, JsonElement expected)
    {
        using var file = SafetensorsFile.Open(GoldenCustomization.File("batch.safetensors"));
        var count = expected.GetProperty("prior_preservation").GetBoolean() ? 2 * Exemplars : Exemplars;
        return new CustomizationBatch(Of("latents"), Of("noise"), Of("timesteps"), Of("token_ids"), expected.GetProperty("mask").GetBoolean() ? Of("mask") : null, Exemplars);

        Tensor Of(string name) => file.Tensor(name)[step].narrow(0, 0, count).contiguous();
    }

    private static ClipTextTransformer TextEncoder()
    {
        using var file = Checkpoint.Open(GoldenEncoders.File("clip_hf", "text_encoder.safetensors"));
        return ClipTextTransformer.Load(new ClipTextSpec { VocabularySize = NewToken, Width = 32, Heads = 4, Depth = 3, Dimension = null }, file);
    }

    private static void Near(double expected, double actual, double relative) =>
        Assert.InRange(actual, expected - (relative * Math.Abs(expected)) - 1e-12, expected + (relative * Math.Abs(expected)) + 1e-12);
}
