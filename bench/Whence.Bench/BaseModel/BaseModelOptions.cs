using System.Globalization;
using Whence.Encoders;
using Whence.Torch.Diffusion;

namespace Whence.Bench.BaseModel;

/// <summary>What the bench is asked.</summary>
internal sealed record BaseModelOptions
{
    private const string Usage =
        "bench/run base-model [--model DIR] [--recipe FILE] [--data DIR] [--packages DIR] [--folder DIR] [--only samples|training|kill] [--prompts N] [--samples N] [--guidance G,...] [--steps N] [--scheduler ddim|dpm++] [--precision float32|bfloat16] [--batch N] [--seed N] [--seconds N]";

    private static readonly string[] Names =
        ["--model", "--recipe", "--data", "--packages", "--folder", "--only", "--prompts", "--samples", "--guidance", "--steps", "--scheduler", "--precision", "--batch", "--seed", "--seconds"];

    /// <summary>Folder of the trained model.</summary>
    public required string Model { get; init; }

    /// <summary>What it was trained with: which pictures, and how to train some more steps.</summary>
    public required string Recipe { get; init; }

    /// <summary>Folder of the data set; null: it is rendered into <see cref="Folder"/>.</summary>
    public string? Data { get; init; }

    /// <summary>Folder of the packages that the data set is rendered from.</summary>
    public required string Packages { get; init; }

    /// <summary>Where sheets, features and a rendered data set are kept.</summary>
    public required string Folder { get; init; }

    public bool Samples { get; init; }

    public bool Training { get; init; }

    public bool Kill { get; init; }

    public int Prompts { get; init; }

    /// <summary>Samples of a prompt.</summary>
    public int Each { get; init; }

    /// <summary>What is chosen from.</summary>
    public IReadOnlyList<double> Guidance { get; init; } = [];

    public int Steps { get; init; }

    public SchedulerKind Scheduler { get; init; }

    /// <summary>What the U-Net and the text encoder draw with.</summary>
    public EncoderPrecision Precision { get; init; }

    public int Batch { get; init; }

    public long Seed { get; init; }

    /// <summary>Seconds that each stage is trained for.</summary>
    public double Seconds { get; init; }

    public static BaseModelOptions Parse(string[] args)
    {
        string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
        int Number(string name, int fallback) => int.Parse(Option(name) ?? $"{fallback}", CultureInfo.InvariantCulture);
        double[] Numbers(string name, string fallback) => [.. (Option(name) ?? fallback).Split(',').Select(g => double.Parse(g, CultureInfo.InvariantCulture))];
        if (args.Length % 2 != 0 || args.Where((_, i) => i % 2 == 0).Except(Names).Any() || Option("--only") is not (null or "samples" or "training" or "kill") || Option("--scheduler") is not (null or "ddim" or "dpm++") || Option("--precision") is not (null or "float32" or "bfloat16"))
        {
            throw new ArgumentException(Usage);
        }

        var model = Path.GetFullPath(Option("--model") ?? Path.Combine(Repository.Root, "models", "emoji64"));
        var beside = Path.Combine(Path.GetDirectoryName(model)!, "recipe.json"); // where a training has left it
        return new BaseModelOptions
        {
            Model = model,
            Recipe = Path.GetFullPath(Option("--recipe") ?? (File.Exists(beside) ? beside : Path.Combine(Repository.Root, "recipes", "emoji64.json"))),
            Data = Option("--data"),
            Packages = Option("--packages") ?? WhenceHome.Packages ?? throw new ArgumentException($"Give --packages. {Usage}"),
            Folder = Path.GetFullPath(Option("--folder") ?? Path.Combine(Path.GetTempPath(), "whence-base-model")),
            Samples = Option("--only") is null or "samples",
            Training = Option("--only") is null or "training",
            Kill = Option("--only") is null or "kill",
            Prompts = Number("--prompts", 200),
            Each = Number("--samples", 4),
            Guidance = Numbers("--guidance", "2,3,5"),
            Steps = Number("--steps", 25),
            Scheduler = Option("--scheduler") == "dpm++" ? SchedulerKind.DpmSolver : SchedulerKind.Ddim,
            Precision = Option("--precision") == "bfloat16" ? EncoderPrecision.BF16 : EncoderPrecision.F32,
            Batch = Number("--batch", 32),
            Seed = Number("--seed", 1),
            Seconds = Number("--seconds", 60),
        };
    }
}
