using System.CommandLine;
using System.Globalization;
using Whence.Torch.Diffusion;

namespace Whence.Cli.Commands;

/// <summary>The options of <c>whence generate</c>. Their defaults are written out: types of Whence.Torch are not touched until it runs.</summary>
internal sealed class GenerateOptions
{
    private const string PlusPlus = "dpmsolver++";
    private const int MostImages = 1_000_000;

    private readonly Option<string[]> _prompt = new("--prompt")
    {
        Description = "What the images show; of each prompt --count images are drawn",
        HelpName = "TEXT",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
        Required = true,
    };

    private readonly Option<string> _negative = new("--negative") { Description = "What they do not show", HelpName = "TEXT", DefaultValueFactory = _ => "" };
    private readonly Option<int> _steps = new Option<int>("--steps") { Description = "Steps from noise to an image (the paper: 200)", HelpName = "N", DefaultValueFactory = _ => 50 }.AtLeast(1);
    private readonly Option<double> _guidance = new("--guidance")
    {
        Description = "How strongly the prompt is followed; 1 takes half the time (the paper: 6)",
        HelpName = "X",
        DefaultValueFactory = _ => 7.5,
    };

    private readonly Option<string?> _scheduler = new Option<string?>("--scheduler")
    {
        Description = "How it is sampled [default: the model's own] (the paper: ddim)",
    }.AcceptOnlyFromAmong("ddpm", "ddim", "pndm", PlusPlus, "dpmsolver", "euler");

    private readonly Option<double> _eta = new("--eta") { Description = "Share of fresh noise in a step of ddim (the paper: 1)", HelpName = "X", DefaultValueFactory = _ => 0 };
    private readonly Option<long> _seed = new("--seed") { Description = "Seed of the first image of each prompt; the next one's is one more", HelpName = "N", DefaultValueFactory = _ => 0 };
    private readonly Option<string?> _size = new("--size") { Description = "Width and height in pixels, or one number for both [default: those that the model was trained on]", HelpName = "WxH|N" };
    private readonly Option<int> _count = new Option<int>("--count") { Description = "Images of each prompt", HelpName = "N", DefaultValueFactory = _ => 1 }.AtLeast(1);
    private readonly Option<int> _batch = new Option<int>("--batch")
    {
        Description = "Images drawn together: faster on a graphics card, where the last bits depend on it; on the processor nothing does",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    }.AtLeast(1);

    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace files of the same names" };
    private readonly Option<string> _output = new("--out") { Description = "Folder of the images", HelpName = "DIR", Required = true };

    /// <summary>The model's own.</summary>
    public ModelOptions Model { get; } = new();

    /// <summary>What the model was customized to.</summary>
    public ConceptOptions Concepts { get; } = new();

    public void AddTo(Command command)
    {
        Model.AddTo(command);
        Concepts.AddTo(command);
        foreach (Option option in (Option[])[_prompt, _negative, _steps, _guidance, _scheduler, _eta, _seed, _size, _count, _batch, _output, _overwrite])
        {
            command.Options.Add(option);
        }
    }

    public string Folder(ParseResult parsed) => parsed.GetRequiredValue(_output) is var folder && folder.Length > 0 && !File.Exists(folder)
        ? folder
        : throw new WhenceException($"--out '{folder}': is {(folder.Length > 0 ? "a file" : "empty")}; name a folder.");

    public bool Overwrite(ParseResult parsed) => parsed.GetValue(_overwrite);

    /// <summary>Prompt by prompt.</summary>
    public IReadOnlyList<GenerationRequest> Requests(ParseResult parsed)
    {
        var (seed, count, negative) = (parsed.GetValue(_seed), parsed.GetValue(_count), parsed.GetValue(_negative)!);
        var prompts = parsed.GetRequiredValue(_prompt);
        if ((long)prompts.Length * count > MostImages)
        {
            throw new WhenceException($"--count {count} of {prompts.Length} prompts are more than {MostImages} images; draw them in several runs, each with a --seed of its own.");
        }

        return [.. from prompt in prompts
                   from i in Enumerable.Range(0, count)
                   select new GenerationRequest { Prompt = prompt, NegativePrompt = negative, Seed = unchecked(seed + i) }];
    }

    public GenerationOptions Generation(ParseResult parsed, SchedulerSpec own)
    {
        var size = Size(parsed.GetValue(_size));
        return new GenerationOptions
        {
            Steps = parsed.GetValue(_steps),
            Guidance = parsed.GetValue(_guidance),
            Eta = parsed.GetValue(_eta),
            Scheduler = parsed.GetValue(_scheduler) switch
            {
                null => own,
                "ddpm" => own.As(SchedulerKind.Ddpm),
                "ddim" => own.As(SchedulerKind.Ddim),
                "pndm" => own.As(SchedulerKind.Pndm),
                "euler" => own.As(SchedulerKind.Euler),
                var solver => own.As(solver == PlusPlus ? DpmAlgorithm.DpmSolverPlusPlus : DpmAlgorithm.DpmSolver),
            },
            Width = size?.Width,
            Height = size?.Height,
            Batch = parsed.GetValue(_batch),
        };
    }

    private static (int Width, int Height)? Size(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var sides = text.Split('x', 'X').Select(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out var pixels) ? pixels : 0).ToArray();
        return sides switch
        {
            [> 0 and var side] => (side, side),
            [> 0, > 0] => (sides[0], sides[1]),
            _ => throw new WhenceException($"--size is '{text}', but must be a width and a height such as 512x512, or one number for both."),
        };
    }
}
