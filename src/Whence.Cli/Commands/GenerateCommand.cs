using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Torch.Diffusion;

namespace Whence.Cli.Commands;

/// <summary><c>whence generate</c>: from prompts to images.</summary>
internal static class GenerateCommand
{
    public static Command Create(Streams streams)
    {
        var options = new GenerateOptions();
        var command = new Command("generate", "Draw images of prompts with a diffusion model, each with its parameters in it");
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, options, streams, cancellation), CancellationToken.None));
        return command;
    }

    // Types of Whence.Torch occur only from here on: what does not draw must not load libtorch.
    private static int Run(ParseResult parsed, GenerateOptions options, Streams streams, CancellationToken cancellation)
    {
        var (folder, requests) = (options.Folder(parsed), options.Requests(parsed));
        using var model = options.Model.Open(parsed);
        options.Concepts.Apply(parsed, model);
        foreach (var prompt in requests.SelectMany(request => (string[])[request.Prompt, request.NegativePrompt]).Distinct())
        {
            if (model.Tokenizer.Encode(prompt).Tokens is var tokens && tokens > model.Tokenizer.ContextLength)
            {
                streams.Error.WriteLine($"'{Shortened(prompt.ReplaceLineEndings(" "))}' has {tokens} tokens, the model reads {model.Tokenizer.ContextLength}: its end is left out.");
            }
        }

        var generator = new ImageGenerator(model, options.Generation(parsed, model.Scheduler));
        var result = new GenerationFolder(folder).Draw(generator, requests, options.Overwrite(parsed), GenerationView.Lines(streams.Error), cancellation);
        streams.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{folder}: {result.Drawn:N0} images drawn{(result.Before > 0 ? $", {result.Before:N0} were there already" : "")}."));
        return 0;
    }

    private static string Shortened(string text) => text.Length <= 120 ? text : text[..120] + "...";
}
