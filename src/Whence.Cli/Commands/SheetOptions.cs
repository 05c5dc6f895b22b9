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

        if (folder is null || queries > SheetFolder.MostQueries)
        {
            throw new WhenceException(folder is null ? "--sheets needs a folder; name it with --out DIR." : $"--sheets {queries}: at most {SheetFolder.MostQueries}.");
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
            var methods = new List<SheetMethod>();
            using var pretrained = options.Mapper is null ? null : new Evaluator(distractors, options with { Mapper = null }, progress, cancellation);
            if (pretrained is not null)
            {
                methods.Add(new("pretrained", pretrained, Calibrator.Unfitted)); // a calibration is for one feature space
            }

            methods.Add(new(options.Mapper is { } mapper ? $"tuned: {mapper.Name}" : "pretrained", evaluator, calibrator));
            SheetFolder.Draw(Folder, methods, testCases, Queries, options.Seed, (_, image) => ReadImage(image), cancellation);
        }

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
    }
}
