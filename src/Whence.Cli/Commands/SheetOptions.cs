using System.CommandLine;
using Whence.Calibration;
using Whence.Datasets;
using Whence.Evaluation;
using Whence.Images;
using Whence.Reports;
using Whence.Search;

namespace Whence.Cli.Commands;

/// <summary>The options of an evaluation's sheets, and what draws them.</summary>
internal sealed class SheetOptions
{
    private const int QueriesPerSheet = 6;
    private const int ImagesPerStrip = 7;
    private const int MostQueries = 600;
    private readonly Option<int> _sheets = new Option<int>("--sheets") { Description = "Queries of each test case to draw with the images ranked first, in --out", HelpName = "N" }.AtLeast(0);
    private readonly Option<string?> _images = new("--images") { Description = "Folder that the paths of images in the features are relative to", HelpName = "DIR" };
    private readonly Option<string?> _calibration = new("--calibration") { Description = "Fitted tau and lambda for the influences on sheets (.json or the authors' .pth)", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        command.Add(_sheets);
        command.Add(_images);
        command.Add(_calibration);
    }

    /// <summary>What was asked for, checked before any work; null where no sheets are wanted.</summary>
    public Request? Read(ParseResult parsed, string? folder)
    {
        var queries = parsed.GetValue(_sheets);
        var (images, calibration) = (parsed.GetValue(_images), parsed.GetValue(_calibration));
        if (queries == 0)
        {
            return images is null && calibration is null ? null : throw new WhenceException("--images and --calibration are about sheets; say how many queries with --sheets N.");
        }

        if (folder is null || queries > MostQueries)
        {
            throw new WhenceException(folder is null ? "--sheets needs a folder; name it with --out DIR." : $"--sheets {queries}: at most {MostQueries}.");
        }

        if (images is not null && !Directory.Exists(images))
        {
            throw new WhenceException($"--images {images}: no such folder.");
        }

        return new Request(queries, images, calibration is null ? null : Calibrator.Load(calibration), Path.Combine(folder, "sheets"));
    }

    /// <param name="Queries">Queries of each test case.</param>
    /// <param name="Images">Folder of the images, or null.</param>
    /// <param name="Calibration">Of the features that are evaluated, or null.</param>
    /// <param name="Folder">Where sheets go.</param>
    internal sealed record Request(int Queries, string? Images, Calibrator? Calibration, string Folder)
    {
        /// <summary>Draws the sheets, with a strip for the features as they are beside that of the mappers.</summary>
        public void Draw(FeatureIndex distractors, Evaluator evaluator, EvaluationOptions options, IReadOnlyList<TestCaseFeatures> testCases, IProgress<LayoutProgress>? progress, CancellationToken cancellation)
        {
            EvaluationFolder.Create(Folder);
            var calibrator = Calibration ?? Calibrator.Unfitted;
            var methods = new List<(string Name, Evaluator Evaluator, Calibrator Calibrator)>();
            using var pretrained = options.Mapper is null ? null : new Evaluator(distractors, options with { Mapper = null }, progress, cancellation);
            if (pretrained is not null)
            {
                methods.Add(("pretrained", pretrained, Calibrator.Unfitted)); // a calibration is for one feature space
            }

            methods.Add((options.Mapper is { } mapper ? $"tuned: {mapper.Name}" : "pretrained", evaluator, calibrator));
            var origin = methods.Select(m => m.Calibrator).Distinct().Count() == 1
                ? $"Influence: {Explain(calibrator)}."
                : string.Join(' ', methods.Select(m => $"Influence, {m.Name.Split(':')[0]}: {Explain(m.Calibrator)}."));
            foreach (var (number, testCase) in testCases.Index())
            {
                var queries = QueryChoice.Draw(testCase, Queries, options.Seed).SelectMany(choice =>
                {
                    var found = methods.ConvertAll(m => m.Evaluator.Nearest(testCase, choice.Prompts, choice.Queries, ImagesPerStrip, m.Calibrator, cancellation));
                    return choice.Queries.Select((_, q) => SheetQuery.Of([.. methods.Select((m, i) => (m.Name, found[i][q]))]));
                }).ToArray();
                var name = FileName(testCase.Name, number);
                foreach (var (page, part) in queries.Chunk(QueriesPerSheet).Index())
                {
                    cancellation.ThrowIfCancellationRequested();
                    RankedSheet.Draw($"{name}-{page + 1}", $"Ranked first for queries of {testCase.Name}", origin, part, ReadImage).Save(Folder);
                }

                // An earlier run may have drawn more queries.
                for (var page = (queries.Length + QueriesPerSheet - 1) / QueriesPerSheet; File.Exists(Path.Combine(Folder, $"{name}-{page + 1}.png")); page++)
                {
                    File.Delete(Path.Combine(Folder, $"{name}-{page + 1}.png"));
                }
            }
        }

        private static string Explain(Calibrator calibrator) =>
            $"tau {Format.Parameter(calibrator.Tau)} and lambda {Format.Parameter(calibrator.Lambda)}, {calibrator.Origin}{(calibrator.Fitted ? "" : ", not fitted to these features")}";

        private byte[]? ReadImage(string name)
        {
            foreach (var path in Images is null ? [name] : new[] { Path.Combine(Images, name), name })
            {
                try
                {
                    return ImageSources.ReadAsync(path, DecodeLimits.Default.MaxFileBytes, CancellationToken.None).AsTask().GetAwaiter().GetResult();
                }
                catch (WhenceException)
                {
                    // The next place, or a field with its name.
                }
            }

            return null;
        }

        private static string FileName(string testCase, int number)
        {
            var name = string.Concat(testCase.Where(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'));
            return name.Length > 0 && name.Length == testCase.Length ? name : $"{name}{number}";
        }
    }
}
