using Whence.Images;

namespace Whence.Torch.Diffusion;

/// <summary>How images are drawn. The defaults are what people who use Stable Diffusion know: its own scripts and diffusers have 50 steps and a guidance of 7.5.</summary>
public sealed record GenerationOptions
{
    /// <summary>Steps, from 1 to the model's of training. Default 50; the paper's images took 200.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>
    /// Guidance, from 0 to 1,000,000: how far the prediction is moved from that of the negative prompt to that of the prompt. 1 is the prompt alone, 0 the negative prompt alone (which diffusers takes
    /// for 1), either at half the time. Default 7.5; the paper's is 6.
    /// </summary>
    public double Guidance { get; init; } = 7.5;

    /// <summary>How it is sampled; null, the default, is the model's own. The paper's is DDIM.</summary>
    public SchedulerSpec? Scheduler { get; init; }

    /// <summary>DDIM's share of fresh noise, at least 0. Default 0; the paper's is 1.</summary>
    public double Eta { get; init; }

    /// <summary>Width in pixels, a multiple of the model's <see cref="DiffusionModel.Factor"/>; null, the default, is the side that it was trained on.</summary>
    public int? Width { get; init; }

    /// <summary>Height, as <see cref="Width"/>.</summary>
    public int? Height { get; init; }

    /// <summary>Images that are drawn together, at least 1. Default 1.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>
    /// Whether an image is the same to the bit whatever <see cref="Batch"/> is and whatever is drawn beside it, default yes: the network is then asked about each image by itself, which
    /// costs nothing where it is large. On a graphics card, and without, it is asked about all of a batch at once, and a level of a pixel may differ.
    /// </summary>
    public bool Exact { get; init; } = true;

    /// <summary>Threads of libtorch, at least 1; the last bits depend on their number. Default: one a core.</summary>
    internal int Threads { get; init; } = Environment.ProcessorCount;
}

/// <summary>An image that is to be drawn.</summary>
public sealed record GenerationRequest
{
    /// <summary>What it shows. Any text; what is beyond the model's context is cut off.</summary>
    public required string Prompt { get; init; }

    /// <summary>What it does not show. Default: nothing.</summary>
    public string NegativePrompt { get; init; } = "";

    /// <summary>Seed of its noise. Default 0.</summary>
    public long Seed { get; init; }
}

/// <summary>An image that was drawn.</summary>
/// <param name="Request">What was asked for.</param>
/// <param name="Image">The picture.</param>
public sealed record GeneratedImage(GenerationRequest Request, RgbImage Image);

/// <summary>How far it is.</summary>
/// <param name="Done">Images that are ready.</param>
/// <param name="Images">Images in all.</param>
/// <param name="Step">Calls of the network that are done for those at work.</param>
/// <param name="Steps">Calls of the network that each takes.</param>
/// <param name="AtWork">Images at work.</param>
public readonly record struct GenerationProgress(int Done, int Images, int Step, int Steps, int AtWork);
