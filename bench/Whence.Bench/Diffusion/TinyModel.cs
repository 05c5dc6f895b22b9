using System.Text.Json.Nodes;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Torch.Training;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Bench.Diffusion;

/// <summary>The networks of the reference, and the steps that <c>bench/peers/diffusion.py</c> takes too, on the same numbers, by the code that customizes, trains and draws.</summary>
internal sealed class TinyModel : IDisposable
{
    private const int Tokens = 77, Width = 32, Parts = 5, PartRows = 4;
    private static readonly OptimizerOptions AdamW = new(WeightDecay: 0.01, Clip: 1, Average: 0.999);
    private readonly SchedulerSpec _ddim = new() { Kind = SchedulerKind.Ddim };
    private readonly UNet _customized, _full;
    private readonly Autoencoder _autoencoder;
    private readonly ClipTextTransformer _text;
    private readonly NoiseSchedule _schedule;
    private readonly Dictionary<string, Tensor> _batch;
    private readonly CustomDiffusionOptimization _custom;
    private readonly TrainedWeights _weights;
    private long _steps;

    public TinyModel(string reference)
    {
        TorchRuntime.UseAllCores();
        var folder = Path.Combine(reference, "diffusion");
        (_customized, _full) = (LoadUNet(folder), LoadUNet(folder));
        using (var file = Checkpoint.Open(Path.Combine(folder, "vae.safetensors")))
        {
            var spec = AutoencoderSpec.Load(Path.Combine(folder, "vae_config.json"));
            _autoencoder = WeightLoading.Load(device => new Autoencoder(spec, device), file, new() { Name = "older names", Source = name => new(CompVisNames.OlderAttention(name)) });
        }

        using (var file = Checkpoint.Open(Path.Combine(reference, "encoders", "clip_hf", "text_encoder.safetensors")))
        {
            _text = ClipTextTransformer.Load(new ClipTextSpec { VocabularySize = 600, Width = Width, Heads = 4, Depth = 3, Dimension = null }, file);
        }

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(reference, "custom-diffusion", "config.json")))!;
        using var row = _text.Tokens.narrow(0, (long)config["initializer_token_id"]!, 1).contiguous();
        _schedule = new NoiseSchedule(_ddim);
        _batch = Batch(Path.Combine(reference, "custom-diffusion", "batch.safetensors"));
        var options = new CustomDiffusionOptions { LearningRate = 4e-5, DecayAllTokens = true };
        _custom = new CustomDiffusionOptimization(_customized, _text, _schedule, options, [(int)config["new_token_id"]!], TensorValues.Of(row));
        _weights = new TrainedWeights(_full);
    }

    /// <summary>Steps of Custom Diffusion; the last loss.</summary>
    public double Customize(int batch, int steps)
    {
        var loss = 0.0;
        for (var i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            Tensor Rows(string name) => cat([_batch[name], _batch[name]]).narrow(0, PartRows * (i % Parts), batch);
            loss = _custom.Step(new(Rows("latents"), Rows("noise"), Rows("timesteps"), Rows("token_ids"), Rows("mask"), batch), batch).Exemplars;
        }

        return loss;
    }

    /// <summary>Steps of training every weight of the U-Net; the last loss.</summary>
    public double Train(int batch, int side, int steps)
    {
        using var generator = new Generator(1, CPU);
        var loss = 0.0;
        for (var i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            var (latents, noise) = (randn([batch, 4, side, side], generator: generator), randn([batch, 4, side, side], generator: generator));
            var timesteps = randint(0, 1000, [batch], generator: generator, dtype: ScalarType.Int64);
            var context = randn([batch, Tokens, Width], generator: generator);
            var mean = nn.functional.mse_loss(_full.forward(_schedule.AddNoise(latents, noise, timesteps), timesteps, context), noise);
            mean.backward();
            _weights.Step(++_steps, 1e-5, AdamW);
            _weights.ClearGradients();
            loss = mean.item<float>();
        }

        return loss;
    }

    /// <summary>Steps of DDIM with eta 1 and guidance 6; the mean of the latents.</summary>
    public double Sample(int batch, int side, int steps)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        using var scheduler = Scheduler.Create(_ddim, steps, 1);
        var noise = Noise();
        var contexts = randn([2 * batch, Tokens, Width], generator: generator).chunk(2);
        return new GuidedSampling(_customized, scheduler, 6).Run(noise, contexts[1], contexts[0], Noise).mean().item<float>();

        Tensor Noise() => randn([batch, 4, side, side], generator: generator);
    }

    /// <summary>Decodings of latents; the mean of the last.</summary>
    public double Decode(int batch, int side, int times)
    {
        using var none = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        var latents = randn([batch, 4, side, side], generator: generator);
        var mean = 0.0;
        for (var i = 0; i < times; i++)
        {
            using var image = _autoencoder.Decode(latents);
            mean = image.mean().item<float>();
        }

        return mean;
    }

    public void Dispose()
    {
        _custom.Dispose();
        _customized.Dispose();
        _full.Dispose();
        _autoencoder.Dispose();
        _text.Dispose();
        foreach (var tensor in _batch.Values)
        {
            tensor.Dispose();
        }
    }

    private static UNet LoadUNet(string folder)
    {
        var spec = UNetSpec.Load(Path.Combine(folder, "unet_config.json"));
        using var file = Checkpoint.Open(Path.Combine(folder, "unet.safetensors"));
        return WeightLoading.Load(device => new UNet(spec, device), file, new() { Name = "diffusers' names" });
    }

    private static Dictionary<string, Tensor> Batch(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Tensors.ToDictionary(pair => pair.Key, pair =>
        {
            using var scope = NewDisposeScope();
            long[] shape = [.. pair.Value.Shape];
            var values = pair.Value.Type == ElementType.I64 ? tensor(file.ReadInt64(pair.Key), shape) : TensorValues.ToTensor(file.ReadSingle(pair.Key), shape);
            return values.flatten(0, 1).DetachFromDisposeScope();
        });
    }
}
