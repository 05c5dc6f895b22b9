using System.Text.Json;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Mapping;

/// <summary>Forty steps of PyTorch, with the losses of all of them, the first gradients and the weights at the end.</summary>
public class GoldenTrainingTests
{
    private const int Steps = 40, Pairs = 32, Dimension = 48;

    [Theory]
    [InlineData("linear_reg", MapperKind.Linear, 0.05)]
    [InlineData("linear_noreg", MapperKind.Linear, 0)]
    [InlineData("channel", MapperKind.Channel, 0)]
    [InlineData("mlp", MapperKind.Mlp, 0)]
    public void Every_loss_gradient_and_weight_is_that_of_PyTorch(string name, MapperKind kind, double regularizer)
    {
        set_num_threads(1);
        using var golden = SafetensorsFile.Open(SharedData.Get("reference", "mapper-training", name + ".safetensors"));
        using var batches = SafetensorsFile.Open(SharedData.Get("reference", "mapper-training", "batches.safetensors"));
        using var json = JsonDocument.Parse(File.ReadAllText(SharedData.Get("reference", "mapper-training", "expected.json")));
        var expected = json.RootElement.GetProperty(name);
        var (real, synth) = (batches.ReadSingle("real"), batches.ReadSingle("synth"));
        var options = new MapperTrainingOptions { Kind = kind, Regularizer = regularizer, HiddenDimension = 64, OutputDimension = 24 };
        using var mappers = new MapperOptimization(options, Dimension);
        if (kind == MapperKind.Mlp)
        {
            Load(mappers.Real, "init.real.");
            Load(mappers.Synth, "init.synth.");
        }

        AssertState("init.", 0);
        var schedule = new CosineSchedule(options.LearningRate, Steps);
        for (var step = 0; step < Steps; step++)
        {
            using var scope = NewDisposeScope();
            Assert.Equal(Expected("lr", step), schedule.At(step), 1e-12);
            var losses = mappers.Step(Batch(real, step), Batch(synth, step), [], schedule.At(step));
            Assert.Equal(Expected("loss", step), losses.Loss, 2e-5);
            Assert.Equal(Expected("loss_cont", step), losses.Contrastive, 2e-5);
            Assert.Equal(Expected("loss_synth_to_real", step), losses.SynthToReal, 2e-5);
            Assert.Equal(Expected("loss_real_to_synth", step), losses.RealToSynth, 2e-5);
            Assert.Equal(Expected("loss_reg", step), losses.Regularizer, 2e-5);
            if (step == 0)
            {
                AssertGradients();
                AssertState("after1.", 2e-4f);
            }
        }

        AssertState("final.", 2e-4f);

        double Expected(string list, int step) => expected.GetProperty(list)[step].GetDouble();

        Tensor Batch(float[] all, int step) =>
            TensorValues.ToTensor(all.AsSpan(step % 8 * Pairs * Dimension, Pairs * Dimension), Pairs, Dimension);

        void Load(TrainableMapper mapper, string prefix)
        {
            using var none = no_grad();
            foreach (var (key, tensor) in mapper.state_dict().Where(s => !s.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)))
            {
                golden.ReadSingle(prefix + key).CopyTo(TensorValues.Of(tensor));
            }
        }

        void AssertGradients()
        {
            foreach (var (side, mapper) in new[] { ("real.", mappers.Real), ("synth.", mappers.Synth) })
            {
                foreach (var (key, parameter) in mapper.named_parameters())
                {
                    using var gradient = parameter.grad!;
                    AssertClose(golden.ReadSingle($"grad1.{side}{key}"), TensorValues.Of(gradient).ToArray(), 1e-5f, 1e-4f);
                }
            }
        }

        void AssertState(string when, float atol)
        {
            var names = golden.Tensors.Keys.Where(key => key.StartsWith(when, StringComparison.Ordinal)).ToArray();
            var states = new[] { ("real.", mappers.Real), ("synth.", mappers.Synth) }
                .SelectMany(side => side.Item2.state_dict().Select(s => KeyValuePair.Create(when + side.Item1 + s.Key, s.Value))).ToDictionary();
            Assert.Equal(names.Order(StringComparer.Ordinal), states.Keys.Order(StringComparer.Ordinal));
            foreach (var key in names)
            {
                if (key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
                {
                    Assert.Equal(golden.ReadInt64(key)[0], states[key].item<long>());
                    continue;
                }

                Assert.Equal(golden.Tensors[key].Shape, states[key].shape);
                AssertClose(golden.ReadSingle(key), TensorValues.Of(states[key]).ToArray(), atol, 0);
            }
        }
    }

    private static void AssertClose(float[] expected, float[] actual, float atol, float rtol)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.True(
            Math.Abs(pair.First - pair.Second) <= atol + (rtol * Math.Abs(pair.First)), $"{pair.Second} where {pair.First} is expected"));
    }
}
