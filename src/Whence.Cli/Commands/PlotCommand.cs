using System.CommandLine;
using Whence.Cli.Output;
using Whence.Evaluation;
using Whence.Reports;

namespace Whence.Cli.Commands;

/// <summary><c>whence plot</c>: figures of several evaluations side by side, and of a training.</summary>
internal static class PlotCommand
{
    public static Command Create(Streams streams)
    {
        var results = new Argument<string[]>("RESULTS.json")
        {
            Description = "results.json of evaluations, a feature space's pretrained run before those with mappers",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var labels = new Option<string[]>("--label")
        {
            Description = "What the runs are called, in their order [default: their folders' names]",
            HelpName = "NAME",
            AllowMultipleArgumentsPerToken = true,
        };
        var against = new Option<string[]>("--against")
        {
            Description = "Draw one test case against another, the lower axis first [default: the two there are]",
            HelpName = "TEST=TEST",
            AllowMultipleArgumentsPerToken = true,
        };
        var training = new Option<string?>("--training") { Description = "CSV file of a training, to draw its losses and recall", HelpName = "FILE" };
        var output = new Option<string>("--out") { Description = "Folder for the figures, each as PNG and SVG", HelpName = "DIR", Required = true };
        var command = new Command("plot", "Draw evaluations side by side: feature spaces, what training gained, variants, one test case against another")
        {
            results, labels, against, training, output,
        };
        command.SetAction(parsed =>
        {
            var files = parsed.GetValue(results) ?? [];
            var curve = parsed.GetValue(training);
            if (files.Length == 0 && curve is null)
            {
                throw new WhenceException("nothing to plot; name results.json of 'whence evaluate --out', or --training FILE.");
            }

            var runs = Runs(files, parsed.GetValue(labels) ?? []);
            var pairs = (parsed.GetValue(against) ?? []).Select(Pair).ToArray();
            var folder = parsed.GetRequiredValue(output);
            Figure[] figures =
            [
                .. runs.Length > 0 ? EvaluationPlots.Draw(runs, pairs.Length > 0 ? pairs : null) : [],
                .. curve is null ? [] : new[] { TrainingFigure.Draw(curve) },
            ];
            EvaluationFolder.Create(folder);
            foreach (var file in figures.SelectMany(figure => figure.Save(folder)))
            {
                streams.Output.WriteLine(file);
            }

            return 0;
        });
        return command;
    }

    private static EvaluationRun[] Runs(string[] files, string[] labels)
    {
        if (labels.Length > 0 && labels.Length != files.Length)
        {
            throw new WhenceException($"{labels.Length} labels for {files.Length} runs; give --label once a run, in their order.");
        }

        var names = labels.Length > 0 ? labels : Array.ConvertAll(files, NameOf);
        if (labels.Length == 0 && names.Distinct(StringComparer.Ordinal).Count() != names.Length)
        {
            names = files;
        }

        return [.. files.Select((file, i) => EvaluationResults.Load(file) is { Results.Count: > 0 } run
            ? new EvaluationRun(names[i], run)
            : throw new WhenceException($"{file}: holds no test case; evaluate with --test-case first."))];
    }

    private static string NameOf(string file)
    {
        var folder = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file)));
        return Path.GetFileName(file) == EvaluationFolder.ResultsFile && !string.IsNullOrEmpty(folder) ? folder : Path.GetFileNameWithoutExtension(file);
    }

    private static (string Across, string Up) Pair(string text) => text.Split('=') is [{ Length: > 0 } across, { Length: > 0 } up]
        ? (across, up)
        : throw new WhenceException($"--against {text}: expected two test cases, such as objects=styles.");
}
