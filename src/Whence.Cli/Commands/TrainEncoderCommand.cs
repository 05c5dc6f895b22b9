using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Torch.Encoders.Training;

namespace Whence.Cli.Commands;

/// <summary><c>whence train-encoder</c>: from a recipe and captioned images to an encoder of images and texts.</summary>
internal static class TrainEncoderCommand
{
    public static Command Create(Streams streams) => TrainingCommand.Create(streams, "encoder", "Train an encoder of images from nothing, by their captions (CLIP)", OpenAsync);

    private static async Task<Func<string>> OpenAsync(TrainingCommand.Call call, CancellationToken cancellation)
    {
        var trainer = await ImageTextTrainer.OpenAsync(call.Recipe, call.Threads, cancellation);
        CaptionedImagesView.Write(call.Streams.Error, trainer.Images, trainer.CutCaptions, trainer.Recipe.Vocabulary.Tokens, trainer.LongestCaption);
        return () =>
        {
            var points = trainer.Train(call.Folder, StepView.Lines(call.Streams.Error), cancellation);
            return string.Create(
                CultureInfo.InvariantCulture, $"{trainer.SpecIn(call.Folder)}: trained, last loss {points[^1].Loss:G4}; give the file as --encoder. The course of the training is in {call.Folder}.");
        };
    }
}
