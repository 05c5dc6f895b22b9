using Whence.Encoders;
using Whence.Encoders.Text;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;
using Adam = Whence.Torch.Mapping.Adam;
using Parameter = TorchSharp.Modules.Parameter;

namespace Whence.Bench.Diffusion;

/// <summary>What is measured of Stable Diffusion 1.x with random weights, one measure in a process.</summary>
internal static class FullSizeModel
{
    private const int Side = 64, Tokens = 77, Width = 768;

    /// <summary>Writes the model in both precisions.</summary>
    public static void Write(string float32, string float16)
    {
        using var model = DiffusionModel.Create(new(), new(), new ClipTextSpec { Dimension = null }, new ClipTokenizer(), seed: 1);
        model.Save(float32);
        model.Save(float16, ElementType.F16);
    }

    /// <summary>Seconds of a measure: the least of its repetitions after the first.</summary>
    public static double Measure(string what, string folder, int repetitions)
    {
        var words = what.Split(' ');
        var precision = words.Contains("bfloat16") ? EncoderPrecision.BF16 : EncoderPrecision.F32;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using var model = DiffusionModel.Open(folder, new DiffusionOptions { Precision = precision });
        if (words[0] == "load")
        {
            return clock.Elapsed.TotalSeconds;
        }

        using var trained = words[0] == "customize" ? new Training(model, int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture)) : null;
        using var generator = new Generator(1, CPU);
        var seconds = new List<double>();
        for (var i = 0; i <= repetitions; i++)
        {
            using var scope = NewDisposeScope();
            var type = precision == EncoderPrecision.BF16 ? ScalarType.BFloat16 : ScalarType.Float32;
            var latents = randn([2, 4, Side, Side], generator: generator);
            var (context, images) = (randn([2, Tokens, Width], generator: generator).to(type), randn([1, 3, 8 * Side, 8 * Side], generator: generator));
            seconds.Add(Rounds.Time(() =>
            {
                switch (words[0])
                {
                    case "unet":
                        Without(() => model.UNet.forward(latents.to(type), full([2], 500L, ScalarType.Int64), context));
                        break;
                    case "decode":
                        Without(() => model.Autoencoder.Decode(latents.narrow(0, 0, 1)));
                        break;
                    case "encode":
                        Without(() => model.Autoencoder.Moments(images));
                        break;
                    case "customize":
                        trained!.Step();
                        break;
                    default:
                        throw new ArgumentException(what);
                }
            }));
        }

        return seconds.Skip(1).Min();
    }

    private static void Without(Func<Tensor> compute)
    {
        using var none = no_grad();
        using var result = compute();
        if (!result.isfinite().all().item<bool>())
        {
            throw new InvalidOperationException("Not finite.");
        }
    }

    /// <summary>A step of Custom Diffusion: text, U-Net, masked loss, gradients of keys, values and the new token, AdamW.</summary>
    private sealed class Training : IDisposable
    {
        private readonly DiffusionModel _model;
        private readonly Generator _generator = new(1, CPU);
        private readonly (Parameter Parameter, Adam State)[] _trained;
        private readonly Parameter _embedding;
        private readonly int _batch;
        private int _steps;

        public Training(DiffusionModel model, int batch)
        {
            (_model, _batch) = (model, batch);
            model.UNet.DetachFirstToken = true;
            _embedding = model.TextEncoder.get_parameter("token_embedding")!;
            _trained =
            [
                .. model.UNet.named_parameters().Where(p => p.name.EndsWith("attn2.to_k.weight", StringComparison.Ordinal) || p.name.EndsWith("attn2.to_v.weight", StringComparison.Ordinal))
                    .Select(p => (p.parameter, new Adam((int)p.parameter.numel()))),
            ];
            foreach (var parameter in _trained.Select(t => t.Parameter).Append(_embedding))
            {
                parameter.requires_grad_(true);
            }
        }

        public void Step()
        {
            using var scope = NewDisposeScope();
            var type = _embedding.dtype;
            var (latents, noise) = (randn([_batch, 4, Side, Side], generator: _generator), randn([_batch, 4, Side, Side], generator: _generator));
            var ids = randint(0, 49000, [_batch, Tokens], generator: _generator, dtype: ScalarType.Int64);
            var prediction = _model.UNet.forward((0.7f * latents + 0.7f * noise).to(type), full([_batch], 500L, ScalarType.Int64), _model.TextEncoder.forward(ids)).to(ScalarType.Float32);
            var loss = 4 * nn.functional.mse_loss(prediction, noise);
            loss.backward();
            _steps++;
            foreach (var (parameter, state) in _trained)
            {
                state.Step(TensorValues.Of(parameter), TensorValues.Of(parameter.grad!), _steps, 8e-5);
                parameter.grad = null;
            }

            _embedding.grad = null;
        }

        public void Dispose() => _generator.Dispose();
    }
}
