using System.Text.Json.Nodes;
using Whence.Encoders.Text;
using Whence.Torch.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// A model in diffusers' layout: <c>unet/</c>, <c>vae/</c>, <c>text_encoder/</c> each with a config.json and weights (.safetensors or .bin, whole or in parts, also of a variant
/// such as fp16), <c>tokenizer/</c>, <c>scheduler/</c>.
/// </summary>
internal sealed class ModelFolder(string path)
{
    private const string Configuration = "config.json";
    private static readonly string[] DiffusersStems = ["diffusion_pytorch_model"];
    private static readonly string[] TextStems = ["model", "pytorch_model"];

    /// <summary>Reads all of it.</summary>
    /// <exception cref="WhenceException">Something is missing, damaged, or does not fit together.</exception>
    public DiffusionModel Open(DiffusionOptions options)
    {
        if (!Directory.Exists(Part("unet")))
        {
            throw new WhenceException($"'{path}' holds no folder unet; give a model in diffusers' layout (unet, vae, text_encoder, tokenizer, scheduler), or a single checkpoint file.");
        }

        var unet = UNetSpec.Load(Part("unet", Configuration));
        var autoencoder = AutoencoderSpec.Load(Part("vae", Configuration));
        var text = TextConfig.Load(Part("text_encoder", Configuration));
        var scheduler = SchedulerSpec.Load(Part("scheduler", SchedulerConfig.FileName));
        var tokenizer = ClipTokenizer.Load(Part("tokenizer"));
        tokenizer = tokenizer.With(tokenizer.Options with
        {
            ContextLength = text.ContextLength,
            Padding = File.Exists(Part("tokenizer", "tokenizer_config.json")) ? tokenizer.Options.Padding : ClipPadding.EndToken,
        });
        if (DiffusionModel.Misfit(unet, autoencoder, text, tokenizer) is { } misfit)
        {
            throw new WhenceException($"'{path}': {misfit}; its parts come from different models.");
        }

        var model = DiffusionModel.Build(
            () => Load("unet", DiffusersStems, file => WeightLoading.Load(device => new UNet(unet, device), file, Format("unet"))),
            () => Load("vae", DiffusersStems, file => WeightLoading.Load(device => new Autoencoder(autoencoder, device), file, AutoencoderFormat(file))),
            () => Load("text_encoder", TextStems, file => WeightLoading.Load(device => new ClipTextTransformer(text, device), file, TextFormat(text))),
            tokenizer,
            options);
        model.Scheduler = scheduler;
        return model;
    }

    /// <summary>Writes all of it.</summary>
    public void Save(DiffusionModel model, ElementType type)
    {
        foreach (var part in (string[])["unet", "vae", "text_encoder", "scheduler"])
        {
            Directory.CreateDirectory(Part(part));
        }

        model.UNet.Spec.Save(Part("unet", Configuration));
        Write("unet", DiffusersStems[0], WeightSaving.Tensors(model.UNet, Format("unet"), type));
        model.Autoencoder.Spec.Save(Part("vae", Configuration));
        Write("vae", DiffusersStems[0], WeightSaving.Tensors(model.Autoencoder, Format("vae"), type));
        TextConfig.Save(Part("text_encoder", Configuration), model.TextEncoder.Spec, model.Tokenizer);
        Write("text_encoder", TextStems[0], WeightSaving.Tensors(model.TextEncoder, TextFormat(model.TextEncoder.Spec), type));
        model.Tokenizer.Save(Part("tokenizer"));
        model.Scheduler.Save(Part("scheduler", SchedulerConfig.FileName));
        ConfigText.Write(Part("model_index.json"), new JsonObject
        {
            ["_class_name"] = "StableDiffusionPipeline",
            ["feature_extractor"] = ConfigText.List<string?>([null, null]),
            ["safety_checker"] = ConfigText.List<string?>([null, null]),
            ["requires_safety_checker"] = false,
            ["scheduler"] = ConfigText.List(["diffusers", SchedulerConfig.ClassOf(model.Scheduler)]),
            ["text_encoder"] = ConfigText.List(["transformers", "CLIPTextModel"]),
            ["tokenizer"] = ConfigText.List(["transformers", "CLIPTokenizer"]),
            ["unet"] = ConfigText.List(["diffusers", "UNet2DConditionModel"]),
            ["vae"] = ConfigText.List(["diffusers", "AutoencoderKL"]),
        });
    }

    private static WeightFormat Format(string part) => new() { Name = "diffusers' names", Described = $"{part}/{Configuration}" };

    // Published Stable Diffusion 1.x has the older names of attention.
    private static WeightFormat AutoencoderFormat(Checkpoint file) => file.Tensors.Keys.Any(name => name.EndsWith(".query.weight", StringComparison.Ordinal))
        ? Format("vae") with { Name = "diffusers' older names", Source = name => new(CompVisNames.OlderAttention(name)) }
        : Format("vae");

    private static WeightFormat TextFormat(ClipTextSpec text) => ClipTextTransformer.HuggingFace(text) with { Described = $"text_encoder/{Configuration}" };

    private T Load<T>(string part, string[] stems, Func<Checkpoint, T> load)
        where T : nn.Module
    {
        using var file = Checkpoint.Open(Weights(part, stems));
        return load(file);
    }

    // Safe formats first, whole files before those in parts, the full precision before a variant.
    private string Weights(string part, string[] stems)
    {
        string[] found =
        [
            .. from variant in (string[])["", ".fp16", ".bf16"]
               from ending in (string[])["safetensors", "bin"]
               from stem in stems
               from name in (string[])[$"{stem}{variant}.{ending}", $"{stem}.{ending}.index{variant}.json", $"{stem}{variant}.{ending}.index.json"]
               let file = Part(part, name)
               where File.Exists(file)
               select file,
        ];
        return found.Length > 0
            ? found[0]
            : throw new WhenceException($"'{Part(part)}' holds no weights: none of {string.Join(", ", stems.Select(stem => $"{stem}.safetensors, {stem}.bin"))}, whole or in parts; download the model again.");
    }

    private string Part(params string[] names) => Path.Combine([path, .. names]);

    private void Write(string part, string stem, IReadOnlyList<TensorData> tensors) =>
        SafetensorsFile.Write(Part(part, stem + ".safetensors"), tensors, new Dictionary<string, string> { ["format"] = "pt" });
}
