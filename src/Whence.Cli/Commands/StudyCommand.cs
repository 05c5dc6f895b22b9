using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Datasets;
using Whence.Reports;
using Whence.Torch.Encoders;
using Whence.Torch.Study;

namespace Whence.Cli.Commands;

/// <summary><c>whence study</c>: from a recipe to a report of feature spaces as they are and tuned.</summary>
internal static class StudyCommand
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    public static Command Create(Streams streams)
    {
        var recipe = new Argument<string>("RECIPE.json") { Description = "What to study: feature spaces, files, variants (docs/formats.md)" };
        var output = new Option<string?>("--out") { Description = "Folder for everything [default: NAME-study beside the recipe]", HelpName = "DIR" };
        var threads = new Option<int>("--threads")
        {
            Description = "Threads to use; mappers differ in their last bits with another number",
            HelpName = "N",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        }.AtLeast(1);
        var command = new Command("study", "Do the whole loop: features, evaluate, train, evaluate, calibrate, report; what is done is passed over") { recipe, output, threads };
        var running = new EncoderOptions();
        running.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(
            () => RunAsync(streams, parsed.GetRequiredValue(recipe), parsed.GetValue(output), parsed.GetValue(threads), running.Read(parsed), cancellation), CancellationToken.None));
        return command;
    }

    // Types of Whence.Torch occur only from here on: what does not train must not load libtorch.
    private static async Task<int> RunAsync(Streams streams, string recipe, string? output, int threads, ImageEncoderOptions running, CancellationToken cancellation)
    {
        var (folder, datasets) = (output ?? StudyRun.FolderOf(recipe), StudyRecipe.Load(recipe).Datasets);
        if (datasets.Count > 0)
        {
            EvaluationFolder.Create(folder); // to make a data set may take hours
        }

        var timings = new StudyTimings(folder);
        foreach (var dataset in datasets)
        {
            await timings.MeasureAsync($"data set {dataset.Out}", async () =>
            {
                var whole = File.Exists(Path.Combine(Beside(dataset.Out), dataset.Emoji is null ? "manifest.json" : "dataset.json")); // what ends it
                await MakeAsync(new Streams(streams.Error, streams.Error), dataset);
                return !whole;
            });
        }

        var run = await StudyRun.OpenAsync(
            recipe,
            output,
            new StudySettings
            {
                Threads = threads,
                Encoder = running,
                Line = streams.Error.WriteLine,
                Layout = () => ProgressView.ForLayout(streams.Error, "indexing"),
                Extraction = () => Encoding(streams.Error),
                Evaluation = total => ProgressView.ForEvaluation(streams.Error, total),
                Training = recallAt => TrainingView.Lines(streams.Error, recallAt),
                Calibration = () => ProgressView.ForCalibration(streams.Error),
            },
            cancellation);
        var result = await run.RunAsync(cancellation);
        streams.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{result.Report}: {result.Done} steps done{(result.Before > 0 ? $", {result.Before} were done before" : "")}."));
        return 0;

        Task MakeAsync(Streams told, StudyDataset dataset) => dataset.Emoji is { } drawings
            ? DatasetEmojiCommand.MakeAsync(told, Beside(drawings), Beside(dataset.Out), threads, cancellation)
            : DatasetBuildCommand.MakeAsync(told, Beside(dataset.Build!), Beside(dataset.Out), cancellation);

        string Beside(string path) => Path.GetFullPath(path, Path.GetDirectoryName(Path.GetFullPath(recipe))!);
    }

    private static ProgressView.Reporter<ExtractionProgress> Encoding(TextWriter error)
    {
        var (watch, last) = (System.Diagnostics.Stopwatch.StartNew(), TimeSpan.Zero);
        return new(progress =>
        {
            if (watch.Elapsed - last >= LineEvery)
            {
                last = watch.Elapsed;
                error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"encoding: {progress.Known + progress.Encoded + progress.Failed:N0} of {progress.Total:N0} images"));
            }
        });
    }
}
