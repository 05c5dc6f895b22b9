using System.CommandLine;
using Whence.Cli.Output;
using Whence.Datasets;
using Whence.Encoders;
using Whence.Images;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Cli.Commands;

/// <summary><c>whence features</c>: the features of a test case, or of any images, as a file; the images are not needed any more.</summary>
internal static class FeaturesCommand
{
    private const int Shown = 12;

    public static Command Create(Streams streams)
    {
        var sources = new Argument<string[]>("source")
        {
            Description = "A test case (.json, .json.gz); or folders, list files (.txt), WebDataset shards (.tar), Parquet files, or globs of these; or the authors' .pth, to be converted",
            Arity = ArgumentArity.OneOrMore,
        };
        var output = new Option<string>("--out") { Description = "The features file (.safetensors)", HelpName = "FILE", Required = true };
        var encoder = new Option<string?>("--encoder")
        {
            Description = $"Name or spec file of the encoder [default: {EncoderRegistry.DefaultName}]; with a .pth the name of the one that made it",
            HelpName = "NAME|SPEC",
        };
        var root = new Option<string?>("--images") { Description = "Folder that the test case's relative paths begin at [default: the test case's own]", HelpName = "DIR" };
        var views = new Option<int>("--views") { Description = "Augmented views to store beside each image, for training", HelpName = "N" }.AtLeast(0);
        var augment = new Option<string>("--augment") { Description = "How views are made", DefaultValueFactory = _ => "mild" }.AcceptOnlyFromAmong("mild", "strong");
        var seed = new Option<int>("--seed") { Description = "Seed of the views", HelpName = "N" };
        var threads = CommonOptions.Threads();
        var batch = new Option<int>("--batch") { Description = "Pictures per call of the encoder", HelpName = "N", DefaultValueFactory = _ => new FeatureExtractionOptions().Batch }.AtLeast(1);
        var failFast = new Option<bool>("--fail-fast") { Description = "Stop at the first bad image, instead of leaving it out" };
        var captions = new Option<string?>("--captions")
        {
            Description = "Table (.csv, .jsonl, .parquet) that gives images a caption, for encoders that look at it",
            HelpName = "TABLE",
        };
        var where = new Option<string?>("--where") { Description = "Only images of the sources whose metadata fit, such as \"year >= 1990\" (docs/formats.md)", HelpName = "FILTER" };
        var autoOrient = new Option<bool>("--auto-orient") { Description = "Turn images as their EXIF data says (the authors' code does not)" };
        var running = new EncoderOptions();
        var images = new ImageOptions();
        var command = new Command("features", "Extract the features of a test case or of any images into a file, once and for all")
        {
            sources, output, encoder, root, views, augment, seed, threads, batch, failFast, autoOrient, captions, where,
        };
        running.AddTo(command);
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var (given, file) = (parsed.GetRequiredValue(sources), parsed.GetRequiredValue(output));
            var kind = KindOf(given);
            Refuse(kind == Kind.Torch, "with a .pth, whose features are made", root, views, augment, seed, threads, batch, failFast, autoOrient, captions, where);
            Refuse(kind == Kind.Sources, "without the JSON of a test case", root, views, augment, seed);
            Refuse(kind == Kind.TestCase, "with the JSON of a test case, of which all images count", where);
            Refuse(parsed.GetValue(views) == 0, "without --views", augment, seed);
            if (kind == Kind.Torch)
            {
                streams.Output.WriteLine(Convert(given[0], file, parsed.GetValue(encoder)));
                return 0;
            }

            var options = new FeatureExtractionOptions
            {
                Views = parsed.GetValue(views) is <= FeatureExtractionOptions.MostViews and var count
                    ? count
                    : throw new WhenceException($"--views must be at most {FeatureExtractionOptions.MostViews}."),
                Augmentation = parsed.GetValue(augment) == "strong" ? Augmentation.Strong : Augmentation.Mild,
                Seed = parsed.GetValue(seed),
                Threads = parsed.GetValue(threads),
                Batch = parsed.GetValue(batch),
                FailFast = parsed.GetValue(failFast),
                Limits = images.Limits(parsed),
                AutoOrient = parsed.GetValue(autoOrient),
                Captions = parsed.GetValue(captions) is { } table ? await MetadataTable.LoadAsync(table, cancellation) : null,
                Where = parsed.GetValue(where) is { } filter ? MetadataPredicate.Parse(filter) : null,
            };
            var testCase = kind == Kind.TestCase ? TestCase.Load(given[0]) : null;
            using var model = running.Open(parsed, parsed.GetValue(encoder));
            Refuse(model is not ICaptionedImageEncoder, $"with encoder '{model.Spec.Name}', which looks at no captions", captions);
            var extractor = new FeatureExtractor(model, options);
            var result = await RunAsync(streams, progress => testCase is null
                ? extractor.ExtractAsync(given, file, progress, cancellation)
                : extractor.ExtractAsync(testCase, parsed.GetValue(root) ?? Path.GetDirectoryName(Path.GetFullPath(given[0]))!, file, progress, cancellation));
            CaptionView.Tell(streams.Error, result.Uncaptioned, result.Encoded, "--captions TABLE");
            Report(streams, file, result);
            return 0;

            void Refuse(bool useless, string when, params Option[] refused)
            {
                if (useless)
                {
                    parsed.Refuse(when, refused);
                }
            }
        });
        return command;
    }

    private enum Kind
    {
        TestCase,
        Sources,
        Torch,
    }

    private static Kind KindOf(string[] given)
    {
        Kind[] kinds = [.. given.Select(source => Path.GetExtension(source).ToLowerInvariant() switch
        {
            ".json" or ".gz" => Kind.TestCase,
            ".pth" or ".pt" => Kind.Torch,
            _ => Kind.Sources,
        })];
        return kinds.Length == 1 || Array.TrueForAll(kinds, kind => kind == Kind.Sources)
            ? kinds[0]
            : throw new WhenceException($"{given[Array.FindIndex(kinds, kind => kind != Kind.Sources)]}: a test case or .pth stands alone; give one a file.");
    }

    /// <summary>From the authors' file to ours; says what it was.</summary>
    private static string Convert(string source, string file, string? encoder)
    {
        if (IsTestCase(source))
        {
            var testCase = TestCaseFeatures.Load(source);
            new TestCaseFeatures(testCase.Name, testCase.Exemplars, testCase.Chunks, testCase.Prompts, testCase.ExemplarPaths, encoder ?? testCase.Encoder).Save(file);
            return Describe(file);
        }

        FeatureFile.Convert(source, file, encoder);
        return Describe(file);

        static bool IsTestCase(string source)
        {
            using var torch = TorchFile.Open(source);
            return torch.Root.Kind == TorchKind.Dictionary && torch.Root.AsDictionary().ContainsKey("exemplar_chunks");
        }
    }

    private static async Task<ExtractionResult> RunAsync(Streams streams, Func<IProgress<ExtractionProgress>, Task<ExtractionResult>> extract)
    {
        var total = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        ExtractionResult? result = null;
        await ProgressView.RunAsync(
            streams,
            total.Task,
            async view =>
            {
                result = await extract(new ProgressView.Reporter<ExtractionProgress>(progress =>
                {
                    total.TrySetResult(progress.Total);
                    view.Report(new IndexProgress(progress.Encoded, progress.Failed, progress.Known));
                }));
                return default;
            },
            "encoding");
        return result!;
    }

    private static void Report(Streams streams, string file, ExtractionResult result)
    {
        foreach (var image in result.Unread.Take(Shown))
        {
            streams.Error.WriteLine($"left out: {image.Path}: {image.Error}");
        }

        if (result.Unread.Count > Shown)
        {
            streams.Error.WriteLine($"left out: {result.Unread.Count - Shown:N0} more");
        }

        streams.Output.WriteLine(
            $"{Describe(file)} {result.Encoded:N0} images encoded{(result.Known > 0 ? $", {result.Known:N0} known from an interrupted run" : "")}{(result.Repeated > 0 ? $", {result.Repeated:N0} named more than once" : "")}{(result.Unread.Count > 0 ? $", {result.Unread.Count:N0} left out, since they cannot be read" : "")}.");
    }

    private static string Describe(string file)
    {
        using (var tensors = SafetensorsFile.Open(file))
        {
            if (!tensors.Tensors.ContainsKey("exemplar_chunks"))
            {
                var info = tensors.Tensors["feats"];
                return $"{file}: {info.Shape[0]:N0} features of {info.Shape[1]} values.";
            }
        }

        var testCase = TestCaseFeatures.Load(file);
        var queries = string.Join(", ", testCase.Prompts.Select(p => $"{p.Models.Count:N0} {p.Type}"));
        return $"{file}: {testCase.Chunks.Count:N0} models, {testCase.Exemplars.Rows:N0} exemplars, queries: {queries}; {testCase.Dimension} values each{(testCase.ViewsPerImage > 0 ? $", {testCase.ViewsPerImage} views" : "")}.";
    }
}
