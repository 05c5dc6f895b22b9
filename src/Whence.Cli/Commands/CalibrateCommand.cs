using System.CommandLine;
using Whence.Calibration;
using Whence.Cli.Output;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Mapping;
using Whence.Reports;

namespace Whence.Cli.Commands;

/// <summary><c>whence calibrate</c>: tau and lambda of Eq. 6 from queries whose exemplars are known.</summary>
internal static class CalibrateCommand
{
    private const string SimilaritiesSuffix = ".similarities";

    public static Command Create(Streams streams)
    {
        var features = new Option<string[]>("--features")
        {
            Description = "Features of the test cases to fit to, a validation split (.safetensors or the authors' .pth)",
            HelpName = "FILE",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var index = new Option<string?>("--index") { Description = "Folder of an index, whose images are the distractors", HelpName = "DIR" };
        var distractors = new Option<string?>("--distractors") { Description = "Features of the distractors instead (.npy, .npz, .safetensors or the authors' .pth)", HelpName = "FILE" };
        var testCases = new Option<string[]>("--test-case")
        {
            Description = "Features of other test cases to measure the calibration on [default: those it was fitted to]",
            HelpName = "FILE",
            AllowMultipleArgumentsPerToken = true,
        };
        var mapper = new Option<string?>("--mapper") { Description = "Mappers to apply (.safetensors or the authors' .pth)", HelpName = "FILE" };
        var encoder = new Option<string?>("--encoder") { Description = "Encoder that made the features, where no file says so", HelpName = "NAME" };
        var paper = new CalibrationOptions();
        var queries = Number("--queries", "Queries to draw, for the fit and for --test-case", paper.Queries);
        var top = Number("--top", "Candidates of a query: its exemplars and the most similar distractors", paper.Top).AtLeast(2);
        var steps = Number("--steps", "Steps of the fit", paper.Fit.Steps);
        var batch = Number("--batch", "Queries of a step", paper.Fit.BatchSize);
        var rate = new Option<double>("--learning-rate") { Description = "Adam's, for 1/tau and the raw bias", HelpName = "X", DefaultValueFactory = _ => paper.Fit.LearningRate };
        var seed = new Option<int>("--seed") { Description = "Seed of the draw of queries", HelpName = "N" };
        var none = new Option<bool>("--none") { Description = "Fit the mass for \"no training image here\" too" };
        var domain = new Option<string?>("--domain") { Description = "What images it is fitted on, in words: of others percentages are then called provisional", HelpName = "WORDS" };
        var output = new Option<string>("--out") { Description = "The calibration: .json, or .pth for the authors' layout", HelpName = "FILE", Required = true };
        var report = new Option<string?>("--report") { Description = "Folder for the report: JSON, Markdown, CSV", HelpName = "DIR" };
        var keep = new Option<string?>("--keep")
        {
            Description = "Folder that keeps the similarities, and the index made of a features file, for the next run [default: they are deleted at the end]",
            HelpName = "DIR",
        };
        var threads = CommonOptions.Threads();
        var command = new Command("calibrate", "Fit what turns similarities into influence, so that a percentage can be read as a probability")
        {
            features, index, distractors, testCases, mapper, encoder, queries, top, steps, batch, rate, seed, none, domain, output, report, keep, threads,
        };

        // On another thread, so that an interruption is heard while this one works.
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            var job = new Job(
                parsed.GetRequiredValue(features),
                Source(parsed.GetValue(index), parsed.GetValue(distractors)),
                parsed.GetValue(testCases) ?? [],
                Output(parsed.GetRequiredValue(output), parsed.GetValue(none), parsed.GetValue(domain)),
                parsed.GetValue(report),
                parsed.GetValue(keep));
            var options = new CalibrationOptions
            {
                Mapper = parsed.GetValue(mapper) is { } file ? MapperPair.Load(file) : null,
                Encoder = parsed.GetValue(encoder),
                Queries = parsed.GetValue(queries),
                Top = parsed.GetValue(top) is <= CalibrationOptions.MostTop and var candidates ? candidates : throw new WhenceException($"--top must be at most {CalibrationOptions.MostTop}."),
                Seed = parsed.GetValue(seed),
                None = parsed.GetValue(none),
                Domain = parsed.GetValue(domain),
                LayoutProgress = ProgressView.ForLayout(streams.Error),
                Fit = new CalibrationFitOptions
                {
                    Steps = parsed.GetValue(steps),
                    BatchSize = parsed.GetValue(batch),
                    LearningRate = parsed.GetValue(rate) is > 0 and <= 1e6 and var x ? x : throw new WhenceException("--learning-rate must be above 0."),
                    Threads = parsed.GetValue(threads),
                },
            };
            try
            {
                Run(streams, job, options, cancellation);
                return 0;
            }
            catch (OperationCanceledException)
            {
                streams.Error.WriteLine("interrupted: the similarities gathered so far are kept; the same command goes on with them.");
                return WhenceCommand.Interrupted;
            }
        }, CancellationToken.None));
        return command;

        static Option<int> Number(string name, string what, int value) =>
            new Option<int>(name) { Description = what, HelpName = "N", DefaultValueFactory = _ => value }.AtLeast(1);
    }

    private static void Run(Streams streams, Job job, CalibrationOptions options, CancellationToken cancellation)
    {
        // Whatever can be wrong is found before the long work.
        var fitted = Array.ConvertAll(job.Features, TestCaseFeatures.Load);
        var heldOut = Array.ConvertAll(job.TestCases, TestCaseFeatures.Load);
        Summary.CheckNames([.. fitted.Select(t => t.Name)]);
        Summary.CheckNames([.. heldOut.Select(t => t.Name)]);
        if (job.Report is not null)
        {
            EvaluationFolder.Create(job.Report);
        }

        if (job.Keep is not null)
        {
            EvaluationFolder.Create(job.Keep);
        }

        var similarities = job.Keep is null ? job.Out + SimilaritiesSuffix : Path.Combine(job.Keep, Path.GetFileName(job.Out) + SimilaritiesSuffix);
        using var opened = DistractorIndex.Open(job.Distractors, job.Keep, ProgressView.ForLayout(streams.Error, "making an index of the distractors"), cancellation);
        var run = new CalibrationRun(opened.Index, options, ProgressView.ForCalibration(streams.Error));
        run.Check(fitted);
        if (heldOut.Length > 0)
        {
            run.Check(heldOut);
        }

        var (calibrator, steps) = Fit();
        var report = heldOut.Length > 0
            ? run.Measure(calibrator, heldOut, !job.TestCases.Select(Path.GetFullPath).Intersect(job.Features.Select(Path.GetFullPath)).Any(), cancellation)
            : run.MeasureFitted(calibrator, fitted, similarities, cancellation);
        calibrator.Save(job.Out);
        if (job.Report is not null)
        {
            CalibrationFolder.Write(job.Report, calibrator, report, steps);
        }

        if (job.Keep is null)
        {
            CalibrationRun.Forget(similarities);
        }

        CalibrationTable.Write(streams.OutputConsole, calibrator, report);

        FittedCalibration Fit()
        {
            try
            {
                return run.Fit(fitted, similarities, [.. fitted.Zip(job.Features, (testCase, file) => CalibrationSource.OfFile(testCase.Name, file))], cancellation);
            }
            catch (NothingToFitException) when (job.Keep is null)
            {
                CalibrationRun.Forget(similarities);
                throw;
            }
        }
    }

    private static string Source(string? index, string? distractors) => (index, distractors) switch
    {
        ({ } folder, null) => Directory.Exists(folder) ? folder : throw new WhenceException($"--index {folder}: no such folder; give features of distractors with --distractors."),
        (null, { } file) => file,
        _ => throw new WhenceException("Give either --index DIR or --distractors FILE: what queries are compared with besides their exemplars."),
    };

    private static string Output(string file, bool none, string? domain) => Path.GetExtension(file).ToLowerInvariant() switch
    {
        _ when domain is not null && string.IsNullOrWhiteSpace(domain) => throw new WhenceException("--domain is empty; say what images it is fitted on, or leave it out."),
        ".pth" or ".pt" when domain is not null => throw new WhenceException($"--out {file}: the authors' layout has no room for --domain; write .json."),
        ".pth" or ".pt" when none => throw new WhenceException($"--out {file}: the authors' layout has no room for --none; write .json."),
        ".json" or ".pth" or ".pt" => Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file))) && !Directory.Exists(file)
            ? file
            : throw new WhenceException($"--out {file}: no such folder, or a folder itself; name a file in a folder that exists."),
        _ => throw new WhenceException($"--out {file}: the name must end in .json, or in .pth for the authors' layout."),
    };

    private sealed record Job(string[] Features, string Distractors, string[] TestCases, string Out, string? Report, string? Keep);
}
