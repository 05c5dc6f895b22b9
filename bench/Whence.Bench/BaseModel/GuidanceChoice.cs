using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Torch.Diffusion;

namespace Whence.Bench.BaseModel;

/// <summary>Which guidance shares are reported with: chosen by prompts that are not among those of the report, so that the choice does not flatter them.</summary>
internal static class GuidanceChoice
{
    private const int Prompts = 48;

    /// <summary>Draws with each guidance, where there are several; the best is the one that most often has the object and the style, each by itself, of equal ones the first.</summary>
    /// <returns>The guidance, and what it was chosen by.</returns>
    /// <exception cref="WhenceException">No caption is left that is not among the prompts of the report.</exception>
    public static (double Guidance, JsonObject Figures) Make(DiffusionModel model, Gallery gallery, PictureEncoder encoder, BaseModelOptions options)
    {
        if (options.Guidance is [var only])
        {
            return (only, new JsonObject { ["guidance"] = only });
        }

        var prompts = PromptChoice.Seen(gallery.Drawings, Prompts, options.Seed, after: options.Prompts);
        if (prompts.Count == 0)
        {
            throw new WhenceException($"All captions are among the {options.Prompts} prompts of the report, none is left to choose the guidance by; lower --prompts, or give one --guidance.");
        }

        var judge = new Judge(gallery, prompts);
        var once = options with { Each = 1, Seed = options.Seed + ((long)options.Prompts * options.Each) }; // other noise, too
        var tried = options.Guidance.Select(guidance =>
        {
            var pictures = DrawnPictures.Samples(model, prompts, once, guidance, "to choose the guidance");
            var judged = judge.Of(pictures, encoder.Encode(pictures));
            return (Guidance: guidance, Object: judged.Average(j => j.Values[0]), Style: judged.Average(j => j.Values[1]));
        }).ToArray();
        var best = tried.MaxBy(t => t.Object + t.Style).Guidance;
        Console.WriteLine($"\nguidance, chosen by {prompts.Count} prompts seen in training that are not among those below, a sample each");
        foreach (var (guidance, content, style) in tried)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{guidance,6}: object {content:F3}, style {style:F3}{(guidance == best ? "  (taken)" : "")}"));
        }

        return (best, new JsonObject
        {
            ["guidance"] = best,
            ["prompts"] = prompts.Count,
            ["tried"] = new JsonArray([.. tried.Select(t => new JsonObject { ["guidance"] = t.Guidance, ["object"] = t.Object, ["style"] = t.Style })]),
        });
    }
}
