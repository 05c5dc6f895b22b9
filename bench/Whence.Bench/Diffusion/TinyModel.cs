using System.Text.Json.Nodes;
using TorchSharp.Modules;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Bench.Diffusion;

/// <summary>The networks of the reference, and the steps that <c>bench/peers/diffusion.py</c> takes too, on the same numbers.</summary>
internal sealed class TinyModel : IDisposable
{
    private const int Tokens = 77, Width = 32, Parts = 5, PartRows = 4;
    private readonly UNet _customized, _full;
    private readonly Autoencoder _autoencoder;
    private readonly ClipTextTransformer _text;
    private readonly Tensor _embedding, _alphas;
    private readonly Dictionary<string, Tensor> _batch;
    private readonly Parameter[] _trained;
    private readonly optim.Optimizer _customOptimizer, _fullOptimizer;
    private readonly long _newRow;

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

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(reference, "custom-diffusion", "config.json")))!;
        _newRow = (long)config["new_token_id"]!;
        (_text, _embedding) = Text(reference, (long)config["initializer_token_id"]!);
        _alphas = (1 - linspace(Math.Sqrt(0.00085), Math.Sqrt(0.012), 1000).square()).cumprod(0);
        _batch = Batch(Path.Combine(reference, "custom-diffusion", "batch.safetensors"));
        _trained =
        [
            .. _customized.named_parameters().Where(p => p.name.EndsWith("attn2.to_k.weight", StringComparison.Ordinal) || p.name.EndsWith("attn2.to_v.weight", StringComparison.Ordinal))
                .Select(p => p.parameter),
            (Parameter)_embedding,
        ];
        foreach (var parameter in _trained.Concat(_full.parameters()))
        {
            parameter.requires_grad_(true);
        }

        _customOptimizer = optim.AdamW(_trained, 4e-5, weight_decay: 0.01);
        _fullOptimizer = optim.AdamW(_full.parameters(), 1e-5, weight_decay: 0.01);
    }

    /// <summary>Steps of Custom Diffusion; the last loss.</summary>
    public float Customize(int batch, int steps)
    {
        var loss = 0f;
        for (var i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            Tensor Rows(string name) => cat([_batch[name], _batch[name]]).narrow(0, PartRows * (i % Parts), batch);
            var (latents, noise, timesteps, ids, mask) = (Rows("latents"), Rows("noise"), Rows("timesteps"), Rows("token_ids"), Rows("mask"));
            _customized.DetachFirstToken = true;
            var prediction = _customized.forward(Noisy(latents, noise, timesteps), timesteps, _text.forward(ids));
            var each = ((prediction - noise).square() * mask).sum([1L, 2, 3]) / mask.sum([1L, 2, 3]);
            var mean = each.mean();
            mean.backward();
            var row = _embedding.grad!.narrow(0, _newRow, 1).clone();
            _embedding.grad!.zero_().narrow(0, _newRow, 1).copy_(row);
            nn.utils.clip_grad_norm_(_trained, 1);
            _customOptimizer.step();
            _customOptimizer.zero_grad();
            loss = mean.item<float>();
        }

        return loss;
    }

    /// <summary>Steps of training every weight of the U-Net; the last loss.</summary>
    public float Train(int batch, int side, int steps)
    {
        using var generator = new Generator(1, CPU);
        var loss = 0f;
        for (var i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            var (latents, noise) = (randn([batch, 4, side, side], generator: generator), randn([batch, 4, side, side], generator: generator));
            var timesteps = randint(0, 1000, [batch], generator: generator, dtype: ScalarType.Int64);
            var context = randn([batch, Tokens, Width], generator: generator);
            var prediction = _full.forward(Noisy(latents, noise, timesteps), timesteps, context);
            var mean = nn.functional.mse_loss(prediction, noise);
            mean.backward();
            nn.utils.clip_grad_norm_(_full.parameters().Select(p => p), 1);
            _fullOptimizer.step();
            _fullOptimizer.zero_grad();
            loss = mean.item<float>();
        }

        return loss;
    }

    /// <summary>Steps of DDIM with eta 1 and guidance 6; the mean of the latents.</summary>
    public float Sample(int batch, int side, int steps)
    {
        using var none = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        var x = randn([batch, 4, side, side], generator: generator);
        var context = randn([2 * batch, Tokens, Width], generator: generator);
        var ratio = 1000 / steps;
        for (var t = ((steps - 1) * ratio) + 1; t > 0; t -= ratio)
        {
            using var inner = NewDisposeScope();
            var both = _customized.forward(cat([x, x]), full([2 * batch], t, ScalarType.Int64), context).chunk(2);
            var eps = both[0] + (6 * (both[1] - both[0]));
            var (now, before) = (_alphas[t].item<float>(), _alphas[Math.Max(t - ratio, 0)].item<float>());
            var start = (x - (MathF.Sqrt(1 - now) * eps)) / MathF.Sqrt(now);
            var sigma = MathF.Sqrt((1 - before) / (1 - now) * (1 - (now / before)));
            var noise = randn([batch, 4, side, side], generator: generator);
            var next = (MathF.Sqrt(before) * start) + (MathF.Sqrt(1 - before - (sigma * sigma)) * eps) + (sigma * noise);
            x.Dispose();
            x = next.MoveToOuterDisposeScope();
        }

        return x.mean().item<float>();
    }

    /// <summary>Decodings of latents; the mean of the last.</summary>
    public float Decode(int batch, int side, int times)
    {
        using var none = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        var latents = randn([batch, 4, side, side], generator: generator);
        var mean = 0f;
        for (var i = 0; i < times; i++)
        {
            using var image = _autoencoder.Decode(latents);
            mean = image.mean().item<float>();
        }

        return mean;
    }

    public void Dispose()
    {
        _customized.Dispose();
        _full.Dispose();
        _autoencoder.Dispose();
        _text.Dispose();
        _customOptimizer.Dispose();
        _fullOptimizer.Dispose();
        _alphas.Dispose();
        foreach (var tensor in _batch.Values)
        {
            tensor.Dispose();
        }
    }

    private Tensor Noisy(Tensor latents, Tensor noise, Tensor timesteps)
    {
        var alpha = _alphas.index_select(0, timesteps).view(-1, 1, 1, 1);
        return (alpha.sqrt() * latents) + ((1 - alpha).sqrt() * noise);
    }

    private static UNet LoadUNet(string folder)
    {
        var spec = UNetSpec.Load(Path.Combine(folder, "unet_config.json"));
        using var file = Checkpoint.Open(Path.Combine(folder, "unet.safetensors"));
        return WeightLoading.Load(device => new UNet(spec, device), file, new() { Name = "diffusers' names" });
    }

    // With a row more than the file has: the new token's, which begins as another one's.
    private static (ClipTextTransformer Text, Tensor Embedding) Text(string reference, long initializer)
    {
        var spec = new ClipTextSpec { VocabularySize = 600, Width = Width, Heads = 4, Depth = 3, Dimension = null };
        using var file = Checkpoint.Open(Path.Combine(reference, "encoders", "clip_hf", "text_encoder.safetensors"));
        using var known = ClipTextTransformer.Load(spec, file);
        var text = new ClipTextTransformer(spec with { VocabularySize = spec.VocabularySize + 1 }, CPU);
        using var none = no_grad();
        using var scope = NewDisposeScope();
        var from = known.state_dict();
        foreach (var (name, tensor) in text.state_dict())
        {
            tensor.copy_(name == "token_embedding" ? cat([from[name], from[name].narrow(0, initializer, 1)]) : from[name]);
        }

        return (text, text.get_parameter("token_embedding")!);
    }

    private static Dictionary<string, Tensor> Batch(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Tensors.ToDictionary(pair => pair.Key, pair =>
        {
            using var scope = NewDisposeScope();
            var shape = pair.Value.Shape.ToArray();
            var values = pair.Value.Type == ElementType.I64 ? tensor(file.ReadInt64(pair.Key), shape) : TensorValues.ToTensor(file.ReadSingle(pair.Key), shape);
            return values.flatten(0, 1).DetachFromDisposeScope();
        });
    }
}
