using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Torch.Diffusion.Training;

namespace Whence.Cli.Commands;

/// <summary><c>whence train-generator</c>: from a recipe and captioned images to a text-to-image model.</summary>
internal static class TrainGeneratorCommand
{
    public static Command Create(Streams streams) => TrainingCommand.Create(streams, "generator", "Train a text-to-image model from nothing", OpenAsync);

    private static async Task<Func<string>> OpenAsync(TrainingCommand.Call call, CancellationToken cancellation)
    {
        var trainer = await GeneratorTrainer.OpenAsync(call.Recipe, call.Threads, cancellation);
        CaptionedImagesView.Write(call.Streams.Error, trainer.Images, trainer.CutCaptions, trainer.Recipe.Vocabulary.Tokens, trainer.LongestCaption);
        return () =>
        {
            var points = trainer.Train(call.Folder, StepView.Lines(call.Streams.Error), cancellation);
            return string.Create(
                CultureInfo.InvariantCulture, $"{GeneratorTrainer.ModelIn(call.Folder)}: trained, last loss {points[^1].Loss:G4}; sheets and the course of the training are in {call.Folder}.");
        };
    }
}
