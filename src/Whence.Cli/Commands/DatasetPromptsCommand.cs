using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Datasets.Prompts;

namespace Whence.Cli.Commands;

/// <summary><c>whence dataset prompts</c>: asks a chat model for prompts, which then wait in a file for a person's approval.</summary>
internal static class DatasetPromptsCommand
{
    public static Command Create(Streams streams)
    {
        var output = new Option<string>("--out")
        {
            Description = $"Folder of the prompts: those of a category go to {PromptFolder.ObjectsName}/CATEGORY.txt, those for styles to {PromptFolder.StylesName}",
            HelpName = "DIR",
            Required = true,
        };
        var categories = new Option<string[]>("--category") { Description = "Ask for captions of such objects; may be given several times", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        var styles = new Option<bool>("--styles") { Description = "Ask for captions of paintings" };
        var train = Count("--train", "to train with", 15, 40);
        var validation = Count("--validation", "to validate with", 6, 6);
        var test = Count("--test", "to test with", 10, 10);
        var questions = new Option<int>("--questions") { Description = "How often each question is asked at most", HelpName = "N", DefaultValueFactory = _ => new PromptGatheringOptions().Questions }.AtLeast(1);
        var question = new Option<string?>("--question") { Description = "Another question than the paper's, with {count} and, for categories, {category} in it", HelpName = "TEXT" };
        var seed = new Option<long>("--seed") { Description = "Which prompt goes into which split", HelpName = "N" };
        var model = new ChatModelOptions();
        var command = new Command("prompts", "Ask a chat model for prompts; what it writes waits in a file for approval") { output, categories, styles, train, validation, test, questions, question, seed };
        model.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var (folder, own) = (parsed.GetRequiredValue(output), parsed.GetValue(question));
            var wanted = (parsed.GetValue(categories) ?? []).Distinct(StringComparer.OrdinalIgnoreCase)
                .Select(category => (Query: own is null ? PromptQuery.Objects(category) : PromptQuery.Objects(category, own), Path: PromptFolder.PathOf(folder, category), ForStyles: false)).ToList();
            if (parsed.GetValue(styles))
            {
                wanted.Add((own is null ? PromptQuery.Styles() : PromptQuery.Styles(own), Path.Combine(folder, PromptFolder.StylesName), true));
            }

            if (wanted.Count == 0)
            {
                throw new WhenceException("What shall the prompts be for? Give --category NAME, or --styles.");
            }

            using var chat = model.Open(parsed, streams);
            foreach (var (query, path, forStyles) in wanted)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                var options = new PromptGatheringOptions
                {
                    Train = parsed.GetValue(train) ?? (forStyles ? 40 : 15),
                    Validation = parsed.GetValue(validation) ?? 6,
                    Test = parsed.GetValue(test) ?? 10,
                    Questions = parsed.GetValue(questions),
                    Seed = parsed.GetValue(seed),
                };
                var known = query.Category is { } category ? PromptFolder.Others(folder, category) : [];
                var progress = new ProgressView.Reporter<PromptGatheringReport>(r => streams.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}: {r.Added:N0} new prompts, {r.Missing:N0} to go")));
                var report = await PromptGathering.RunAsync(chat, query, path, known, options, progress, cancellation);
                streams.Output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{path}: {report.Added:N0} new prompts wait for approval; of what was answered {report.Repeated:N0} were there already and {report.Unfit:N0} cannot be used; {report.Missing:N0} are still wanted."));
            }

            streams.Error.WriteLine("In these files, take the ? of a line away to use it, or write - in its place to keep it from coming again; the same command then asks for what is missing.");
            return 0;
        });
        return command;
    }

    private static Option<int?> Count(string name, string what, int objects, int styles)
    {
        var option = new Option<int?>(name) { Description = $"Prompts {what} [default: {(objects == styles ? $"{objects}" : $"{objects}, with --styles {styles}")}, as in the paper]", HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var value) && value < 0)
            {
                result.AddError($"{name} must be at least 0.");
            }
        });
        return option;
    }
}
