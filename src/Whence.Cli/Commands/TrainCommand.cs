using System.CommandLine;
using Whence.Cli.Output;
using Whence.Evaluation;
using Whence.Torch.Mapping;

namespace Whence.Cli.Commands;

/// <summary><c>whence train</c>: from the features of exemplars and synthesized images to mappers.</summary>
internal static class TrainCommand
{
    public static Command Create(Streams streams)
    {
        var options = new TrainOptions();
        var command = new Command("train", "Learn mappers that bring synthesized images near to the exemplars that they were made after");
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, options, streams, cancellation), CancellationToken.None));
        return command;
    }

    // Types of Whence.Torch occur only from here on: what does not train must not load libtorch.
    private static int Run(ParseResult parsed, TrainOptions options, Streams streams, CancellationToken cancellation)
    {
        var output = CheckOutput(options.Output(parsed));
        var checkpoint = MapperTrainer.CheckpointOf(output);
        if (File.Exists(checkpoint) && !options.Resume(parsed))
        {
            throw new WhenceException($"'{checkpoint}' is there of a training that did not end; go on with it by --resume, or delete it to train anew.");
        }

        try
        {
            Train(parsed, options, output, streams, cancellation);
            return 0;
        }
        catch (OperationCanceledException)
        {
            streams.Error.WriteLine(File.Exists(checkpoint)
                ? "interrupted: the training is kept up to its last checkpoint; the same command with --resume goes on from there."
                : "interrupted before the first checkpoint: nothing is kept, the same command begins anew.");
            return WhenceCommand.Interrupted;
        }
    }

    private static void Train(ParseResult parsed, TrainOptions options, string output, Streams streams, CancellationToken cancellation)
    {
        var layout = ProgressView.ForLayout(streams.Error, "making an index of the distractors");
        using var distractors = options.Distractors(parsed) is { } source ? DistractorIndex.Open(source, keep: null, layout, cancellation) : null;
        var validation = options.Validation(parsed, distractors?.Index);
        var trainer = new MapperTrainer([.. options.Features(parsed).Select(TrainingFeatures.Load)], options.Training(parsed), validation);
        streams.Error.WriteLine(
            $"{trainer.Models:N0} models{(trainer.LeftOut > 0 ? $" ({trainer.LeftOut:N0} more have no synthesized image)" : "")}, {trainer.Steps:N0} steps");
        var trained = trainer.TrainTo(output, options.CheckpointEvery(parsed), TrainingView.Lines(streams.Error, validation?.RecallAt), cancellation);
        streams.Output.WriteLine($"{output}: {Describe(trained, validation?.RecallAt)}; the course of the training is in {MapperTrainer.CurveOf(output)}.");
    }

    private static string Describe(TrainedMappers trained, int? recallAt) =>
        trained.Mappers.Provenance is { Recall: { } recall, Epoch: var epoch } && trained.Curve[0].Recall is { } before
            ? FormattableString.Invariant($"mappers of epoch {epoch}, recall@{recallAt} {recall:F4} on the validation split ({before:F4} before training)")
            : $"mappers of the last of {trained.Curve[^1].Epoch} epochs, nothing was validated";

    // Before any work: what is written at the end must have a place.
    private static string CheckOutput(string output)
    {
        if (Path.GetExtension(output).ToLowerInvariant() is not (".safetensors" or ".pth" or ".pt"))
        {
            throw new WhenceException($"--out {output}: the file's name must end in .safetensors or, for the authors' layout, .pth.");
        }

        return Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(output))) && !Directory.Exists(output)
            ? output
            : throw new WhenceException($"--out {output}: no such folder, or a folder itself; name a file in a folder that exists.");
    }
}
