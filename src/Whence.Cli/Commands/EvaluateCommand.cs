using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Mapping;
using Whence.Reports;

namespace Whence.Cli.Commands;

/// <summary><c>whence evaluate</c>: how well does a feature space find the exemplars of customized models?</summary>
internal static class EvaluateCommand
{
    public static Command Create(Streams streams)
    {
        var distractors = new Option<string>("--distractors")
        {
            Description = "Features of the distractors (.npy, .npz, .safetensors or the authors' .pth), or the folder of an index",
            HelpName = "FILE|DIR",
            Required = true,
        };
        var testCases = new Option<string[]>("--test-case")
        {
            Description = "Features of test cases (.safetensors or the authors' .pth)",
            HelpName = "FILE",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var mapper = new Option<string?>("--mapper") { Description = "Mappers to apply (.safetensors or the authors' .pth)", HelpName = "FILE" };
        var recall = new Option<string>("--recall") { Description = "The K of Recall@K", HelpName = "K,...", DefaultValueFactory = _ => string.Join(',', new EvaluationOptions().RecallAt) };
        var compare = new Option<string?>("--compare") { Description = "Results of an earlier run on the same test cases, to take differences from", HelpName = "RESULTS.json" };
        var resamples = new Option<int>("--resamples")
        {
            Description = "Times that models are drawn for an interval",
            HelpName = "N",
            DefaultValueFactory = _ => new EvaluationOptions().Resamples,
        }.AtLeast(1);
        var seed = new Option<int>("--seed") { Description = "Seed of the draws", HelpName = "N" };
        var output = new Option<string?>("--out") { Description = "Folder for results.json, results.csv, results.md, queries.parquet, plots and sheets", HelpName = "DIR" };
        var keep = new Option<string?>("--keep") { Description = "Folder that keeps the index made of a features file, for the next run [default: a temporary one]", HelpName = "DIR" };
        var threads = CommonOptions.Threads();
        var command = new Command("evaluate", "Measure how well features find the exemplars of customized models: Recall@K and mAP, with intervals")
        {
            distractors, testCases, mapper, recall, compare, resamples, seed, output, keep, threads,
        };

        var sheetOptions = new SheetOptions();
        sheetOptions.AddTo(command);

        // On another thread, so that an interruption is heard while this one works.
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            var folder = parsed.GetValue(output);
            var sheets = sheetOptions.Read(parsed, folder);
            var options = new EvaluationOptions
            {
                Mapper = parsed.GetValue(mapper) is { } file ? MapperPair.Load(file) : null,
                RecallAt = ParseRecall(parsed.GetRequiredValue(recall)),
                Resamples = parsed.GetValue(resamples) is <= EvaluationOptions.MostResamples and var draws
                    ? draws
                    : throw new WhenceException($"--resamples must be at most {EvaluationOptions.MostResamples}."),
                Seed = parsed.GetValue(seed),
                Threads = parsed.GetValue(threads),
            };
            sheets?.Calibration?.CheckMapper(options.Mapper);
            (EvaluationResults, string)? earlier = parsed.GetValue(compare) is { } with ? (EvaluationResults.Load(with), with) : null;
            var written = false;
            try
            {
                Evaluate(streams, parsed.GetRequiredValue(distractors), parsed.GetRequiredValue(testCases), parsed.GetValue(keep), folder, options, earlier, Finish, sheets, cancellation);
                return 0;
            }
            catch (OperationCanceledException) when (written)
            {
                streams.Error.WriteLine($"interrupted: the results are in {folder}, its sheets are not complete; the same command draws them.");
                return WhenceCommand.Interrupted;
            }
            catch (OperationCanceledException)
            {
                streams.Error.WriteLine(
                    $"interrupted: {(folder is null ? "no results" : $"nothing was written to {folder}, what an earlier run left there stands")}; {(Directory.Exists(parsed.GetRequiredValue(distractors)) ? "the same command begins anew" : parsed.GetValue(keep) is null ? "--keep DIR would have kept the index of the distractors" : "the index of the distractors is kept, the same command goes on with it")}.");
                return WhenceCommand.Interrupted;
            }

            void Finish(EvaluationResults results, IReadOnlyList<TestCaseRanks> ranks)
            {
                if (folder is not null)
                {
                    EvaluationFolder.Write(folder, results, ranks);
                    written = true;
                }

                EvaluationTable.Write(streams.OutputConsole, results);
            }
        }, CancellationToken.None));
        return command;
    }

    private static void Evaluate(
        Streams streams,
        string distractors,
        string[] files,
        string? keep,
        string? folder,
        EvaluationOptions options,
        (EvaluationResults, string)? earlier,
        Action<EvaluationResults, IReadOnlyList<TestCaseRanks>> finish,
        SheetOptions.Request? sheets,
        CancellationToken cancellation)
    {
        // Whatever can be wrong is found before the long work.
        var testCases = Array.ConvertAll(files, TestCaseFeatures.Load);
        Summary.CheckNames([.. testCases.Select(t => t.Name)]);
        if (folder is not null)
        {
            EvaluationFolder.Create(folder);
        }

        using var opened = DistractorIndex.Open(distractors, keep, ProgressView.ForLayout(streams.Error, "making an index of the distractors"), cancellation);
        using var evaluator = new Evaluator(opened.Index, options, ProgressView.ForLayout(streams.Error), cancellation);
        foreach (var testCase in testCases)
        {
            evaluator.Check(testCase);
        }

        if (earlier is { } run)
        {
            Summary.CheckComparable(run, evaluator.Distractors, testCases);
        }

        var progress = ProgressView.ForEvaluation(streams.Error, testCases.Sum(t => t.Prompts.Sum(p => (long)p.Models.Count)));
        var ranks = Array.ConvertAll(testCases, testCase => evaluator.Rank(testCase, progress, cancellation));
        finish(Summary.Of(ranks, new DistractorInfo(distractors, evaluator.Distractors), options, earlier), ranks);
        sheets?.Draw(opened.Index, evaluator, options, testCases, ProgressView.ForLayout(streams.Error), cancellation);
    }

    private static int[] ParseRecall(string text)
    {
        var numbers = text.Split(',', StringSplitOptions.TrimEntries)
            .Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var k) ? k : 0).Distinct().Order().ToArray();
        return numbers[0] >= 1 ? numbers : throw new WhenceException($"--recall {text}: expected whole numbers from 1 on, such as 1,5,10,100.");
    }
}
