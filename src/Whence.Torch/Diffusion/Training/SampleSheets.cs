using System.Globalization;
using Whence.Reports;

namespace Whence.Torch.Diffusion.Training;

/// <summary>Draws what a model in training draws: the same prompts from the same noise each time.</summary>
internal sealed class SampleSheets
{
    /// <summary>Captions that are drawn where the recipe names no prompts.</summary>
    internal const int MostCaptions = 12;

    private readonly GeneratorRecipe _recipe;
    private readonly DiffusionModel _model;
    private readonly IReadOnlyList<string> _prompts;
    private readonly int _threads;

    /// <param name="recipe">What to draw, how often, how.</param>
    /// <param name="model">As it is when asked to draw.</param>
    /// <param name="captions">Of the training, some of which are drawn where the recipe names no prompts.</param>
    /// <param name="threads">Threads of libtorch.</param>
    public SampleSheets(GeneratorRecipe recipe, DiffusionModel model, IReadOnlyList<string> captions, int threads)
    {
        string[] different = [.. captions.Distinct()];
        (_recipe, _model, _threads) = (recipe, model, threads);
        _prompts = recipe.Samples.Prompts.Count > 0
            ? recipe.Samples.Prompts
            : [.. Enumerable.Range(0, Math.Min(MostCaptions, different.Length)).Select(i => different[(int)((long)i * different.Length / Math.Min(MostCaptions, different.Length))])];
    }

    /// <summary>Draws a sheet.</summary>
    /// <param name="step">Steps of training done, for its name.</param>
    /// <param name="cancellation">Stops between steps of sampling.</param>
    public Figure Draw(long step, CancellationToken cancellation)
    {
        var samples = _recipe.Samples;
        var generator = new ImageGenerator(_model, new GenerationOptions { Steps = samples.Steps, Guidance = samples.Guidance, Batch = samples.Each, Threads = _threads });
        IReadOnlyList<GeneratedImage> images;
        try
        {
            images =
            [
                .. generator.Generate(
                    [.. _prompts.SelectMany(prompt => Enumerable.Range(0, samples.Each).Select(seed => new GenerationRequest { Prompt = prompt, Seed = seed }))], cancellation: cancellation),
            ];
        }
        catch (WhenceException e)
        {
            throw new WhenceException(
                $"The sheet of samples after {step} steps could not be drawn: {e.Message} A recipe says it by 'samples.each', 'samples.guidance' and 'samples.every', which may be changed on the way.", e);
        }

        return ImageSheet.Draw(
            string.Create(CultureInfo.InvariantCulture, $"step-{step:D7}"),
            string.Create(CultureInfo.InvariantCulture, $"Samples after {step:N0} steps"),
            string.Create(CultureInfo.InvariantCulture, $"Guidance {samples.Guidance}, {samples.Steps} steps of DDIM."),
            [.. images.GroupBy(image => image.Request.Prompt).Select(row => new ImageRow(row.Key, [.. row.Select(image => image.Image)]))],
            columns: _prompts.Count > 6 ? 2 : 1);
    }
}
