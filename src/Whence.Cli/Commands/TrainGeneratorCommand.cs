using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Torch.Diffusion.Training;

namespace Whence.Cli.Commands;

/// <summary><c>whence train-generator</c>: from a recipe and captioned images to a text-to-image model.</summary>
internal static class TrainGeneratorCommand
{
    public static Command Create(Streams streams)
    {
        var recipe = new Argument<string>("RECIPE.json") { Description = "What to train with and how (docs/formats.md)" };
        var output = new Option<string?>("--out") { Description = "Folder for the model and what tells of its training [default: NAME-generator beside the recipe]", HelpName = "DIR" };
        var threads = new Option<int>("--threads")
        {
            Description = "Threads to use; what is learned differs in its last bits with another number",
            HelpName = "N",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        }.AtLeast(1);
        var command = new Command("train-generator", "Train a text-to-image model from nothing; interrupted, the same command goes on to the same result") { recipe, output, threads };
        command.SetAction((parsed, cancellation) => Task.Run(
            () => RunAsync(streams, parsed.GetRequiredValue(recipe), parsed.GetValue(output), parsed.GetValue(threads), cancellation), CancellationToken.None));
        return command;
    }

    // Types of Whence.Torch occur only from here on: what does not train must not load libtorch.
    private static async Task<int> RunAsync(Streams streams, string recipe, string? output, int threads, CancellationToken cancellation)
    {
        var folder = output ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(recipe))!, Path.GetFileNameWithoutExtension(recipe) + "-generator");
        if (File.Exists(folder))
        {
            throw new WhenceException($"--out {folder}: is a file; name a folder.");
        }

        var trainer = await GeneratorTrainer.OpenAsync(recipe, threads, cancellation);
        streams.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{trainer.Images.Count:N0} images of {trainer.Images.Size} pixels{Left(trainer.Images.WithoutCaption, "without a caption")}{Left(trainer.Images.Unread.Count, "that cannot be read")}"));
        foreach (var unread in trainer.Images.Unread.Take(5))
        {
            streams.Error.WriteLine($"left out: {unread.Path}: {unread.Error}");
        }

        if (trainer.CutCaptions > 0)
        {
            streams.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{trainer.CutCaptions:N0} captions have more than {trainer.Recipe.Vocabulary.Tokens} tokens and are cut; the longest has {trainer.LongestCaption:N0}: raise 'vocabulary.tokens', or shorten them."));
        }

        try
        {
            var points = trainer.Train(folder, GeneratorView.Lines(streams.Error), cancellation);
            streams.Output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{GeneratorTrainer.ModelIn(folder)}: trained, last loss {points[^1].Loss:G4}; sheets and the course of the training are in {folder}."));
            return 0;
        }
        catch (OperationCanceledException)
        {
            streams.Error.WriteLine("interrupted: what was trained is kept; the same command goes on from there.");
            return WhenceCommand.Interrupted;
        }
    }

    private static string Left(int count, string what) => count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {count:N0} {what} left out");
}
