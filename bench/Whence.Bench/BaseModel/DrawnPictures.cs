using System.Globalization;
using Whence.Images;
using Whence.Torch.Diffusion;
using Whence.Torch.Mapping;
using Whence.Torch.Training;
using static TorchSharp.torch;

namespace Whence.Bench.BaseModel;

/// <summary>Pictures that a model draws or gives back.</summary>
internal static class DrawnPictures
{
    private const int AtATime = 64;

    /// <summary>Samples of each prompt, one after the other, each from noise of its own.</summary>
    public static IReadOnlyList<Picture> Samples(DiffusionModel model, IReadOnlyList<AskedPrompt> prompts, BaseModelOptions options, double guidance, string what)
    {
        var generator = new ImageGenerator(model, new GenerationOptions
        {
            Steps = options.Steps,
            Guidance = guidance,
            Scheduler = model.Scheduler.As(options.Scheduler),
            Batch = options.Batch,
            Exact = false,
        });
        var requests = prompts.SelectMany((p, i) => Enumerable.Range(0, options.Each).Select(j => new GenerationRequest { Prompt = p.Text, Seed = options.Seed + (i * options.Each) + j })).ToArray();
        IReadOnlyList<Picture> pictures = [];
        var seconds = Rounds.Time(() => pictures = [.. generator.Generate(requests).Select((image, i) => new Picture(i / options.Each, image.Image))]);
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}, guidance {guidance}: {pictures.Count} samples in {seconds:F1} s"));
        return pictures;
    }

    /// <summary>What the autoencoder makes of pictures.</summary>
    public static IReadOnlyList<Picture> Reconstructions(DiffusionModel model, IReadOnlyList<Picture> pictures)
    {
        // -1 to 1, as the autoencoder was trained.
        var preprocessor = new Preprocessor(new PreprocessingSpec { Resize = model.ImageSize, Crop = model.ImageSize, Interpolation = Interpolation.Bicubic, Mean = [0.5f, 0.5f, 0.5f], Std = [0.5f, 0.5f, 0.5f] });
        var given = new List<Picture>();
        foreach (var batch in pictures.Chunk(AtATime))
        {
            using var scope = NewDisposeScope();
            using var none = no_grad();
            var values = new float[batch.Length * preprocessor.Length];
            foreach (var (i, picture) in batch.Index())
            {
                preprocessor.Preprocess(picture.Image, values.AsSpan(i * preprocessor.Length, preprocessor.Length));
            }

            var (mean, _) = Autoencoder.Split(model.Autoencoder.Moments(TensorValues.ToTensor(values, batch.Length, 3, model.ImageSize, model.ImageSize)));
            given.AddRange(batch.Zip(PixelTensors.ToImages(model.Autoencoder.Decode(mean)), (picture, image) => picture with { Image = image }));
        }

        return given;
    }
}
