using System.CommandLine;
using Whence.Search;
using Whence.Torch.Mapping;

namespace Whence.Cli.Commands;

/// <summary>The options of <c>whence train</c>. Their defaults are written out: types of Whence.Torch are not touched until it runs.</summary>
internal sealed class TrainOptions
{
    private readonly Option<string[]> _features = new("--features")
    {
        Description = "Features of models to train with (whence features, or the authors' .pth); several are joined, such as objects and styles",
        HelpName = "FILE",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
        Required = true,
    };

    private readonly Option<string?> _distractors = new("--distractors") { Description = "Images that exemplars are sought among in validation: a features file, the authors' .pth or an index", HelpName = "FILE|DIR" };
    private readonly Option<string[]> _validation = new("--validation")
    {
        Description = "Features of models to validate with [default: a tenth of the models of each --features file is held out]",
        HelpName = "FILE",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> _output = new("--out") { Description = "File of the mappers, .safetensors or the authors' .pth", HelpName = "FILE", Required = true };
    private readonly Option<string> _kind = new Option<string>("--kind") { Description = "What h and h~ are", DefaultValueFactory = _ => "linear" }.AcceptOnlyFromAmong("linear", "channel", "mlp");
    private readonly Option<int> _epochs = Count("--epochs", "Times that every model gives a pair", 100, 1);
    private readonly Option<int> _batch = Count("--batch", "Pairs a step (the paper: 512 for ViT and ALADIN)", 1024, 2);
    private readonly Option<double> _rate = Number("--learning-rate", "Learning rate of the first step; it falls to zero along a cosine", 1e-3);
    private readonly Option<double> _temperature = Number("--temperature", "Temperature of the contrastive loss (Eq. 3)", 1);
    private readonly Option<double?> _regularizer = new("--regularizer")
    {
        Description = "Weight of the regulariser that keeps linear mappers near to rotations (Eq. 4); 0 for none [default: 0.05]",
        HelpName = "X",
    };

    private readonly Option<string?> _maskBy = new("--mask-by") { Description = "Models with the same value in this column are not each other's negatives", HelpName = "COLUMN" };
    private readonly Option<long> _seed = new("--seed") { Description = "Seed of all that is drawn", HelpName = "N", DefaultValueFactory = _ => 0 };
    private readonly Option<int> _every = Count("--validate-every", "Epochs from one validation to the next", 5, 1);
    private readonly Option<int> _recall = Count("--recall", "K of the Recall@K that the best epoch is chosen by", 10, 1);
    private readonly Option<int> _mostDistractors = Count("--validation-distractors", "Distractors that a validation looks at, spread evenly; 0 for all", 20_000, 0);
    private readonly Option<int> _mostQueries = Count("--validation-queries", "Queries of each file and type of prompts that a validation looks at; 0 for all", 2000, 0);
    private readonly Option<double> _checkpointEvery = Number("--checkpoint-every", "Seconds from one checkpoint to the next, which an interruption costs at most", 10);
    private readonly Option<bool> _resume = new("--resume") { Description = "Go on with a training that was interrupted, to the same result" };
    private readonly Option<int> _threads = new Option<int>("--threads")
    {
        Description = "Threads to use; results differ in their last bits with another number",
        HelpName = "N",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    }.AtLeast(1);

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[
            _features, _distractors, _validation, _output, _kind, _epochs, _batch, _rate, _temperature, _regularizer, _maskBy, _seed,
            _every, _recall, _mostDistractors, _mostQueries, _checkpointEvery, _resume, _threads])
        {
            command.Options.Add(option);
        }
    }

    public string[] Features(ParseResult parsed) => parsed.GetRequiredValue(_features);

    public string? Distractors(ParseResult parsed) => parsed.GetValue(_distractors);

    public string Output(ParseResult parsed) => parsed.GetRequiredValue(_output);

    public bool Resume(ParseResult parsed) => parsed.GetValue(_resume);

    public TimeSpan CheckpointEvery(ParseResult parsed) => parsed.GetValue(_checkpointEvery) is >= 0 and <= 1e6 and var seconds
        ? TimeSpan.FromSeconds(seconds)
        : throw new WhenceException("--checkpoint-every must be at least 0 seconds.");

    public MapperTrainingOptions Training(ParseResult parsed)
    {
        var kind = Enum.Parse<MapperKind>(parsed.GetValue(_kind)!, ignoreCase: true);
        var regularizer = parsed.GetValue(_regularizer);
        if (regularizer > 0 && kind != MapperKind.Linear)
        {
            throw new WhenceException($"--regularizer is for linear mappers, '{parsed.GetValue(_kind)}' has no square W that could be a rotation; leave it out.");
        }

        return new MapperTrainingOptions
        {
            Kind = kind,
            Epochs = parsed.GetValue(_epochs),
            Batch = parsed.GetValue(_batch),
            LearningRate = Above(parsed, _rate),
            Temperature = Above(parsed, _temperature),
            Regularizer = regularizer is null or (>= 0 and <= double.MaxValue) ? regularizer ?? 0.05 : throw new WhenceException("--regularizer must be at least 0."),
            MaskBy = parsed.GetValue(_maskBy),
            Seed = parsed.GetValue(_seed),
            Threads = parsed.GetValue(_threads),
        };
    }

    public TrainingValidation? Validation(ParseResult parsed, FeatureIndex? distractors)
    {
        var files = parsed.GetValue(_validation) ?? [];
        if (distractors is not null)
        {
            return new TrainingValidation
            {
                Distractors = distractors,
                TestCases = [.. files.Select(TrainingFeatures.Load)],
                Every = parsed.GetValue(_every),
                RecallAt = parsed.GetValue(_recall),
                MostDistractors = parsed.GetValue(_mostDistractors),
                MostQueries = parsed.GetValue(_mostQueries),
            };
        }

        return files.Length == 0 ? null : throw new WhenceException("--validation needs --distractors: exemplars are sought among them.");
    }

    private static Option<int> Count(string name, string description, int byDefault, int least) =>
        new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => byDefault }.AtLeast(least);

    private static Option<double> Number(string name, string description, double byDefault) =>
        new(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => byDefault };

    private static double Above(ParseResult parsed, Option<double> option) => parsed.GetValue(option) is > 0 and <= double.MaxValue and var value
        ? value
        : throw new WhenceException(FormattableString.Invariant($"{option.Name} must be above 0."));
}
