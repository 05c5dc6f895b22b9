using Whence.Encoders;
using Whence.Encoders.Text;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Bench.Diffusion;

/// <summary>What is measured of Stable Diffusion 1.x with random weights, one measure in a process.</summary>
internal static class FullSizeModel
{
    private const int Side = 64, Tokens = 77, Width = 768;

    /// <summary>Writes the model, and where a second folder is given also in half precision.</summary>
    /// <exception cref="InvalidOperationException">There is too little disk for it.</exception>
    public static void Write(string float32, string? float16 = null)
    {
        var disk = float16 is null ? 5e9 : 8e9;
        Directory.CreateDirectory(float32);
        if (new DriveInfo(float32).AvailableFreeSpace < disk)
        {
            throw new InvalidOperationException($"The model needs {disk / 1e9} GB in '{float32}'.");
        }

        using var model = DiffusionModel.Create(new(), new(), new ClipTextSpec { Dimension = null }, new ClipTokenizer(), seed: 1);
        model.Save(float32);
        if (float16 is not null)
        {
            model.Save(float16, ElementType.F16);
        }
    }

    /// <summary>Seconds of a measure, the least of its repetitions after the first time where there are any, and the most memory of the process: while the model was loaded, and from then on.</summary>
    public static (double Seconds, long LoadingPeak, long Peak) Measure(string what, string folder, int repetitions)
    {
        var words = what.Split(' ');
        var precision = words.Contains("bfloat16") ? EncoderPrecision.BF16 : EncoderPrecision.F32;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using var model = DiffusionModel.Open(folder, new DiffusionOptions { Precision = precision });
        var (loading, loadingPeak) = (clock.Elapsed.TotalSeconds, Peak());
        if (words[0] == "load")
        {
            return (loading, loadingPeak, Memory.Of(Environment.ProcessId)!.Resident);
        }

        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak starts anew

        using var trained = words[0] == "customize" ? new Training(model, int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture), words.Contains("together"), words.Contains("checkpointing")) : null;
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

        return (repetitions == 0 ? seconds[0] : seconds.Skip(1).Min(), loadingPeak, Peak());

        static long Peak() => Memory.Of(Environment.ProcessId)!.Peak;
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

    /// <summary>Steps of Custom Diffusion by the recipe, one image through the network at a time or all together.</summary>
    private sealed class Training : IDisposable
    {
        private readonly Generator _generator = new(1, CPU);
        private readonly CustomDiffusionOptimization _optimization;
        private readonly int _batch, _microBatch;

        public Training(DiffusionModel model, int batch, bool together, bool checkpointing)
        {
            (_batch, _microBatch) = (batch, together ? batch : 1);
            using var none = no_grad();
            using var row = model.TextEncoder.Tokens.narrow(0, 42170, 1).to(ScalarType.Float32).contiguous();
            _optimization = new CustomDiffusionOptimization(
                model.UNet, model.TextEncoder, new NoiseSchedule(new SchedulerSpec()), new CustomDiffusionOptions { Checkpointing = checkpointing }, [model.TextEncoder.Spec.VocabularySize], TensorValues.Of(row));
        }

        public void Step()
        {
            using var scope = NewDisposeScope();
            var (latents, noise) = (randn([_batch, 4, Side, Side], generator: _generator), randn([_batch, 4, Side, Side], generator: _generator));
            var ids = randint(0, 49000, [_batch, Tokens], generator: _generator, dtype: ScalarType.Int64);
            ids.narrow(1, 5, 1).fill_(49408); // the new token
            var timesteps = randint(0, 1000, [_batch], generator: _generator, dtype: ScalarType.Int64);
            _optimization.Step(new(latents, noise, timesteps, ids, ones([_batch, 1, Side, Side]), _batch), _microBatch);
        }

        public void Dispose()
        {
            _optimization.Dispose();
            _generator.Dispose();
        }
    }
}
