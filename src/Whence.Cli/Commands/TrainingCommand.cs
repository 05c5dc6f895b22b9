using System.CommandLine;
using Whence.Cli.Output;

namespace Whence.Cli.Commands;

/// <summary>What the commands share that train networks from nothing, with captioned images, as a recipe says.</summary>
internal static class TrainingCommand
{
    /// <summary>What a training was called with.</summary>
    /// <param name="Streams">Where to write.</param>
    /// <param name="Recipe">File of the recipe.</param>
    /// <param name="Folder">Of the training.</param>
    /// <param name="Threads">At least 1.</param>
    public sealed record Call(Streams Streams, string Recipe, string Folder, int Threads);

    /// <summary>A command.</summary>
    /// <param name="streams">Where to write.</param>
    /// <param name="made">What is trained, in a word: the command's name without <c>train-</c>, and the ending of the folder's.</param>
    /// <param name="description">Of the command.</param>
    /// <param name="open">Reads recipe and images; what it gives trains, and says what became of it in a line. Types of Whence.Torch occur only there: what does not train must not load libtorch.</param>
    public static Command Create(Streams streams, string made, string description, Func<Call, CancellationToken, Task<Func<string>>> open)
    {
        var recipe = new Argument<string>("RECIPE.json") { Description = "What to train with and how (docs/formats.md)" };
        var output = new Option<string?>("--out") { Description = $"Folder for the {made} and what tells of its training [default: NAME-{made} beside the recipe]", HelpName = "DIR" };
        var threads = new Option<int>("--threads")
        {
            Description = "Threads to use; what is learned differs in its last bits with another number",
            HelpName = "N",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        }.AtLeast(1);
        var command = new Command("train-" + made, $"{description}; interrupted, the same command goes on to the same result") { recipe, output, threads };
        command.SetAction((parsed, cancellation) =>
        {
            var path = parsed.GetRequiredValue(recipe);
            var folder = parsed.GetValue(output) ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, $"{Path.GetFileNameWithoutExtension(path)}-{made}");
            return Task.Run(() => RunAsync(new Call(streams, path, folder, parsed.GetValue(threads)), open, cancellation), CancellationToken.None);
        });
        return command;
    }

    private static async Task<int> RunAsync(Call call, Func<Call, CancellationToken, Task<Func<string>>> open, CancellationToken cancellation)
    {
        if (File.Exists(call.Folder))
        {
            throw new WhenceException($"--out {call.Folder}: is a file; name a folder.");
        }

        var train = await open(call, cancellation);
        try
        {
            call.Streams.Output.WriteLine(train());
            return 0;
        }
        catch (OperationCanceledException)
        {
            call.Streams.Error.WriteLine("interrupted: what was trained is kept; the same command goes on from there.");
            return WhenceCommand.Interrupted;
        }
    }
}
