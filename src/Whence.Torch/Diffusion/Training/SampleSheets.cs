using System.Globalization;
using Whence.Reports;
using static TorchSharp.torch;

namespace Whence.Torch.Diffusion.Training;

/// <summary>Draws what a model in training draws: the same prompts from the same noise each time.</summary>
internal sealed class SampleSheets
{
    private const int MostCaptions = 12;

    private readonly GeneratorRecipe _recipe;
    private readonly DiffusionModel _model;
    private readonly IReadOnlyList<string> _prompts;

    /// <param name="recipe">What to draw, how often, how.</param>
    /// <param name="model">As it is when asked to draw.</param>
    /// <param name="captions">Of the training, some of which are drawn where the recipe names no prompts.</param>
    public SampleSheets(GeneratorRecipe recipe, DiffusionModel model, IReadOnlyList<string> captions)
    {
        string[] different = [.. captions.Distinct()];
        (_recipe, _model) = (recipe, model);
        _prompts = recipe.Samples.Prompts.Count > 0
            ? recipe.Samples.Prompts
            : [.. Enumerable.Range(0, Math.Min(MostCaptions, different.Length)).Select(i => different[(int)((long)i * different.Length / Math.Min(MostCaptions, different.Length))])];
    }

    /// <summary>Draws a sheet.</summary>
    /// <param name="step">Steps of training done, for its name.</param>
    /// <param name="cancellation">Stops between steps of sampling.</param>
    public Figure Draw(long step, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var (samples, unet) = (_recipe.Samples, _model.UNet.Spec);
        var rows = new List<ImageRow>();
        foreach (var prompt in _prompts)
        {
            using var row = NewDisposeScope();
            var type = _model.UNet.parameters().First().dtype;
            var context = _model.EncodeText([.. Enumerable.Repeat("", samples.Each), .. Enumerable.Repeat(prompt, samples.Each)]);
            using var scheduler = Scheduler.Create(_recipe.Scheduler(), samples.Steps);
            using var random = new StepRandom(_recipe.Seed, stage: 3, step: 0);
            var latents = random.Normal(samples.Each, unet.InChannels, unet.SampleSize, unet.SampleSize) * scheduler.InitNoiseSigma;
            for (var i = 0; i < scheduler.Timesteps.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                var input = scheduler.ScaleModelInput(i, latents).repeat(2, 1, 1, 1).to(type);
                var parts = _model.UNet.forward(input, full([2 * samples.Each], scheduler.Timesteps[i], dtype: ScalarType.Float32), context).to(ScalarType.Float32).chunk(2, 0);
                latents = scheduler.Step(i, parts[0] + (samples.Guidance * (parts[1] - parts[0])), latents);
            }

            rows.Add(new ImageRow(prompt, PixelTensors.ToImages(_model.Autoencoder.Decode(latents / _model.Autoencoder.Spec.ScalingFactor))));
        }

        return ImageSheet.Draw(
            $"step-{step.ToString("D7", CultureInfo.InvariantCulture)}", $"Samples after {step.ToString("N0", CultureInfo.InvariantCulture)} steps",
            string.Create(CultureInfo.InvariantCulture, $"Guidance {samples.Guidance}, {samples.Steps} steps of DDIM."), rows, columns: rows.Count > 6 ? 2 : 1);
    }
}
