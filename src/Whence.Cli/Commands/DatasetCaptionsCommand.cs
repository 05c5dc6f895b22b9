using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Datasets.Captions;

namespace Whence.Cli.Commands;

/// <summary><c>whence dataset captions</c>: a chat model that sees pictures writes captions for images that have none.</summary>
internal static class DatasetCaptionsCommand
{
    private const int Shown = 12;

    public static Command Create(Streams streams)
    {
        var sources = new Argument<string[]>("source")
        {
            Description = "Folders, list files (.txt), WebDataset shards (.tar), Parquet files, or globs of these",
            Arity = ArgumentArity.OneOrMore,
        };
        var output = new Option<string>("--out") { Description = "The table of captions (.csv), as --metadata and --captions of other commands take it; images that it has a caption of are passed over", HelpName = "FILE", Required = true };
        var question = new Option<string>("--question") { Description = "What is asked beside each picture", HelpName = "TEXT", DefaultValueFactory = _ => ChatCaptions.DefaultQuestion };
        var parallel = new Option<int>("--parallel") { Description = "Pictures that are asked about at once", HelpName = "N", DefaultValueFactory = _ => 1 }.AtLeast(1);
        var model = new ChatModelOptions();
        var images = new ImageOptions();
        var command = new Command("captions", "Have a chat model that sees pictures write captions for images that have none") { sources, output, question, parallel };
        model.AddTo(command);
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var table = parsed.GetRequiredValue(output);
            if (!table.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(table))))
            {
                throw new WhenceException($"--out {table}: name a file that ends in .csv, in a folder that exists.");
            }

            using var chat = model.Open(parsed, streams);
            var captions = new ChatCaptions(chat, parsed.GetRequiredValue(question));
            var result = await ImageCaptions.WriteAsync(
                parsed.GetRequiredValue(sources), table, captions.OfAsync, parsed.GetValue(parallel), images.Limits(parsed), ProgressView.ForCaptions(streams.Error), cancellation);
            foreach (var (path, error) in result.Unread.Take(Shown))
            {
                streams.Error.WriteLine($"{path}: {error}");
            }

            if (result.Unread.Count > Shown)
            {
                streams.Error.WriteLine($"without a caption: {result.Unread.Count - Shown:N0} more");
            }

            var p = result.Progress;
            streams.Output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{table}: {p.Written:N0} captions written of {p.Total:N0} images; {p.Known:N0} had one in the table, {p.Own:N0} beside them, {p.Failed:N0} got none."));
            return p is { Written: 0, Failed: > 0 } ? throw new WhenceException($"No caption was written: {result.Unread[0].Error}") : 0;
        });
        return command;
    }
}
