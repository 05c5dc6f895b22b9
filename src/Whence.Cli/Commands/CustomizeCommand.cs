using System.CommandLine;
using Whence.Cli.Output;
using Whence.Torch.Customization;

namespace Whence.Cli.Commands;

/// <summary><c>whence customize</c>: from a diffusion model and a few exemplars to a concept.</summary>
internal static class CustomizeCommand
{
    public static Command Create(Streams streams)
    {
        var options = new CustomizeOptions();
        var command = new Command("customize", "Teach a diffusion model an object or a style by a few exemplars (Custom Diffusion), for generate --custom");
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, options, streams, cancellation), CancellationToken.None));
        return command;
    }

    // Types of Whence.Torch occur only from here on: what does not train must not load libtorch.
    private static int Run(ParseResult parsed, CustomizeOptions options, Streams streams, CancellationToken cancellation)
    {
        var output = options.Output(parsed);
        var checkpoint = CustomDiffusionTrainer.CheckpointOf(output.Path);
        if (File.Exists(checkpoint) && !options.Resume(parsed))
        {
            throw new WhenceException($"'{checkpoint}' is there of a customization that did not end; go on with it by --resume, or delete it to train anew.");
        }

        var (concepts, prior, training) = (options.Exemplars.Concepts(parsed), options.Exemplars.Prior(parsed), options.Training(parsed));
        var beside = ConceptWeights.TokenFiles(output.Path, output.Format, [.. concepts.Select(concept => concept.Token)]);
        if (!File.Exists(output.Path) && !File.Exists(checkpoint) && beside.FirstOrDefault(File.Exists) is { } other)
        {
            throw new WhenceException($"--out {output.Path}: would replace '{other}', the token of another concept; give it a folder of its own, or --format delta.");
        }

        try
        {
            using var model = options.Model.Open(parsed);
            var trainer = new CustomDiffusionTrainer(model, concepts, training, prior);
            streams.Error.WriteLine($"{trainer.Exemplars:N0} exemplars, {string.Join("; ", concepts.Select(c => $"'{c.Prompts[0]}'"))}");
            var trained = trainer.Train(checkpoint, options.CheckpointEvery(parsed), CustomizationView.Lines(streams.Error), cancellation);
            trained.Save(output.Path, output.Format, output.Rank, output.Energy);
            File.Delete(checkpoint);
            streams.Output.WriteLine($"{output.Path}: {string.Join(", ", concepts.Select(c => c.Token))}, {new FileInfo(output.Path).Length / 1e6:N1} MB.");
            return 0;
        }
        catch (OperationCanceledException)
        {
            streams.Error.WriteLine(File.Exists(checkpoint)
                ? "interrupted: the customization is kept up to its last checkpoint; the same command with --resume goes on from there."
                : "interrupted before the first checkpoint: nothing is kept, the same command begins anew.");
            return WhenceCommand.Interrupted;
        }
    }
}
