using System.CommandLine;
using Whence.Torch.Customization;

namespace Whence.Cli.Commands;

/// <summary>The options of <c>whence customize</c>. Their defaults are written out: types of Whence.Torch are not touched until it runs.</summary>
internal sealed class CustomizeOptions
{
    private readonly Option<string> _output = new("--out")
    {
        Description = "File of the concept; unless --format says otherwise .ckpt is CompVis's layout, .pt that of the paper's models, anything else delta.bin's",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string?> _format = new Option<string?>("--format") { Description = "Layout of the file" }.AcceptOnlyFromAmong("compvis", "delta", "huggingface", "release");
    private readonly Option<int?> _rank = new("--rank") { Description = "Write what each weight changed by as a product of this rank: a small file", HelpName = "N" };
    private readonly Option<double?> _energy = new("--energy") { Description = "The same, with as many ranks as keep this share of the squares, such as 0.9", HelpName = "X" };
    private readonly Option<int> _steps = Count("--steps", "Steps", 125);
    private readonly Option<int> _batch = Count("--batch", "Exemplars a step", 8);
    private readonly Option<int?> _microBatch = new("--micro-batch") { Description = "Images that go through the network at once [default: as many as have 4096 cells of latents, one of 512 pixels]", HelpName = "N" };
    private readonly Option<bool> _checkpointing = new("--checkpointing") { Description = "Compute the U-Net's layers once more in the backward pass instead of keeping them (gradient checkpointing): at 512 pixels in float32 1.3 GB less for one image at once, 4.4 GB for four; steps take up to half as long again" };
    private readonly Option<int?> _size = new("--size") { Description = "Side of what is trained with, in pixels [default: the model's own]", HelpName = "N" };
    private readonly Option<double> _rate = Number("--learning-rate", "Learning rate, constant", 8e-5);
    private readonly Option<double> _decay = Number("--weight-decay", "Weight decay", 0.01);
    private readonly Option<double> _clip = Number("--clip", "Norm that gradients are clipped to; 0 for none", 1);
    private readonly Option<long> _seed = new("--seed") { Description = "Seed of all that is drawn", HelpName = "N", DefaultValueFactory = _ => 0 };
    private readonly Option<bool> _noMask = new("--no-mask") { Description = "Take the plain mean of the error over all cells, whatever is around a pasted exemplar" };
    private readonly Option<bool> _noDetach = new("--no-detach") { Description = "Let gradients flow through the text's start token too" };
    private readonly Option<bool> _queries = new("--queries") { Description = "Train queries and outputs of the cross-attention too" };
    private readonly Option<bool> _decayAll = new("--decay-all-tokens") { Description = "Let weight decay shrink all embeddings while the training lasts, as the authors' code does" };
    private readonly Option<bool> _noAugment = new("--no-augment") { Description = "Leave exemplars as they are: no flip, scale, paste, zoom, and no prefixes" };
    private readonly Option<bool> _squeeze = new("--squeeze") { Description = "Squeeze exemplars to squares instead of taking the square in their middle" };
    private readonly Option<bool> _asStored = new("--as-stored") { Description = "Do not turn pictures upright as their EXIF orientation asks" };
    private readonly Option<double> _flip = Number("--flip-chance", "Chance of a horizontal flip", 0.5);
    private readonly Option<double> _smallChance = Number("--small-chance", "Chance of a scale up to 1; other exemplars are zoomed", 2 / 3.0);
    private readonly Option<double> _smallFrom = Number("--small-from", "Smallest scale", 1 / 3.0);
    private readonly Option<double> _pasteBelow = Number("--paste-below", "Scale below which an exemplar is pasted on gray", 0.6);
    private readonly Option<double> _zoomFrom = Number("--zoom-from", "Smallest scale of a zoomed exemplar", 1.2);
    private readonly Option<double> _zoomTo = Number("--zoom-to", "Scale that a zoomed exemplar stays below", 1.4);
    private readonly Option<int> _margin = new Option<int>("--mask-margin") { Description = "Cells by which the place of a pasted exemplar is taken smaller in the loss", HelpName = "N", DefaultValueFactory = _ => 1 }.AtLeast(0);
    private readonly Option<int> _checkpointEvery = Count("--checkpoint-every", "Steps from one checkpoint to the next, which an interruption costs at most", 25);
    private readonly Option<bool> _resume = new("--resume") { Description = "Go on with a customization that was interrupted, to the same result" };

    /// <summary>The model's own.</summary>
    public ModelOptions Model { get; } = new();

    /// <summary>What pictures may cost.</summary>
    public ImageOptions Images { get; } = new();

    /// <summary>What is learned.</summary>
    public ExemplarOptions Exemplars { get; } = new();

    public void AddTo(Command command)
    {
        Model.AddTo(command);
        Exemplars.AddTo(command);
        Images.AddTo(command);
        foreach (Option option in (Option[])[
            _output, _format, _rank, _energy, _steps, _batch, _microBatch, _checkpointing, _size, _rate, _decay, _clip, _seed, _noMask, _noDetach, _queries, _decayAll, _noAugment, _squeeze, _asStored,
            _flip, _smallChance, _smallFrom, _pasteBelow, _zoomFrom, _zoomTo, _margin, _checkpointEvery, _resume])
        {
            command.Options.Add(option);
        }
    }

    public bool Resume(ParseResult parsed) => parsed.GetValue(_resume);

    public int CheckpointEvery(ParseResult parsed) => parsed.GetValue(_checkpointEvery);

    /// <summary>Where to and how, checked before any work: what is written at the end must have a place.</summary>
    public (string Path, ConceptFormat Format, int? Rank, double? Energy) Output(ParseResult parsed)
    {
        var (path, rank, energy) = (parsed.GetRequiredValue(_output), parsed.GetValue(_rank), parsed.GetValue(_energy));
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))) || Directory.Exists(path) || Path.GetExtension(path) is not (".ckpt" or ".bin" or ".pt" or ".safetensors"))
        {
            throw new WhenceException($"--out {path}: name a file that ends in .ckpt, .bin, .pt or .safetensors, in a folder that exists.");
        }

        var format = (parsed.GetValue(_format), Path.GetExtension(path)) switch
        {
            ("compvis", _) or (null, ".ckpt") => ConceptFormat.CompVis,
            ("release", _) or (null, ".pt") => ConceptFormat.Release,
            ("huggingface", _) => ConceptFormat.HuggingFace,
            _ => ConceptFormat.Delta,
        };
        if ((rank ?? 1) < 1 || !((energy ?? 1) is > 0 and <= 1))
        {
            throw new WhenceException("--rank must be at least 1, --energy above 0 and at most 1.");
        }

        return (rank is null && energy is null) || format is ConceptFormat.CompVis or ConceptFormat.Delta
            ? (path, format, rank, energy)
            : throw new WhenceException("--rank and --energy need --format delta or compvis: the other layouts have no place for products.");
    }

    public CustomDiffusionOptions Training(ParseResult parsed)
    {
        if (parsed.GetValue(_noAugment))
        {
            parsed.Refuse("with --no-augment", _flip, _smallChance, _smallFrom, _pasteBelow, _zoomFrom, _zoomTo, _margin);
        }

        var options = new CustomDiffusionOptions
        {
            Steps = parsed.GetValue(_steps),
            Batch = parsed.GetValue(_batch),
            MicroBatch = parsed.GetValue(_microBatch),
            Checkpointing = parsed.GetValue(_checkpointing),
            ImageSize = parsed.GetValue(_size),
            LearningRate = parsed.GetValue(_rate),
            WeightDecay = parsed.GetValue(_decay),
            MaxGradientNorm = parsed.GetValue(_clip) is not 0 and var clip ? clip : null,
            DetachFirstToken = !parsed.GetValue(_noDetach),
            MaskedLoss = !parsed.GetValue(_noMask),
            TrainQueries = parsed.GetValue(_queries),
            DecayAllTokens = parsed.GetValue(_decayAll),
            PriorWeight = Exemplars.PriorWeight(parsed),
            AutoOrient = !parsed.GetValue(_asStored),
            Limits = Images.Limits(parsed),
            Seed = parsed.GetValue(_seed),
            Augmentation = (parsed.GetValue(_noAugment) ? ExemplarAugmentation.None : Augmentation(parsed)) with { CenterCrop = !parsed.GetValue(_squeeze) },
        };
        try
        {
            options.Validate();
            return options;
        }
        catch (ArgumentException e)
        {
            throw new WhenceException($"An option is out of its range: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private ExemplarAugmentation Augmentation(ParseResult parsed) => new()
    {
        FlipChance = parsed.GetValue(_flip),
        SmallChance = parsed.GetValue(_smallChance),
        SmallFrom = parsed.GetValue(_smallFrom),
        PasteBelow = parsed.GetValue(_pasteBelow),
        ZoomFrom = parsed.GetValue(_zoomFrom),
        ZoomTo = parsed.GetValue(_zoomTo),
        Margin = parsed.GetValue(_margin),
    };

    private static Option<int> Count(string name, string description, int byDefault) =>
        new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => byDefault }.AtLeast(1);

    private static Option<double> Number(string name, string description, double byDefault) =>
        new(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => byDefault };
}
