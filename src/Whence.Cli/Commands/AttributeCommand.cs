using System.CommandLine;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Images;
using Whence.Reports;
using Whence.Search;
using Whence.Torch.Encoders;

namespace Whence.Cli.Commands;

/// <summary><c>whence attribute</c>: which training images made these pictures?</summary>
internal static class AttributeCommand
{
    public static Command Create(Streams streams)
    {
        var queries = new Argument<string[]>("image") { Description = "Generated images: files, folders, shards, or globs", Arity = ArgumentArity.OneOrMore };
        var top = new Option<int>("--top") { Description = "Training images to list", HelpName = "N", DefaultValueFactory = _ => 100 }.AtLeast(0);
        var minInfluence = new Option<double>("--min-influence") { Description = "Leave out images with less influence (0 to 1)", HelpName = "X" };
        var groupBy = new Option<string?>("--group-by") { Description = "Sum influence per value of a metadata column, over all images searched", HelpName = "COLUMN" };
        var duplicates = new Option<bool>("--group-duplicates") { Description = "Fold results that show the same picture and sum their influence" };
        var alike = new Option<float>("--duplicate-similarity")
        {
            Description = "Similarity from which two images of different content count as the same picture",
            HelpName = "X",
            DefaultValueFactory = _ => 0.98f,
        };
        var format = new Option<string>("--format") { Description = "What standard output gets", DefaultValueFactory = _ => "table" }
            .AcceptOnlyFromAmong("table", "json", "jsonl", "csv");
        var report = new Option<string?>("--report") { Description = "Write a self-contained HTML page too", HelpName = "FILE.html" };
        var ann = new Option<bool>("--ann") { Description = "Search by the graphs that 'whence ann build' makes: faster on a large index, approximate" };
        var candidates = new Option<int>("--ann-candidates")
        {
            Description = "Images that --ann finds and compares exactly for each query; more find better",
            HelpName = "N",
            DefaultValueFactory = _ => ApproximateOptions.DefaultCandidates,
        }.AtLeast(1);
        var setup = new AttributorSetup();
        var command = new Command("attribute", "Rank the training images that made a generated image, with their share of influence")
        {
            queries, top, minInfluence, groupBy, duplicates, alike, format, report, ann, candidates,
        };
        setup.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var request = new AttributionRequest
            {
                Top = parsed.GetValue(top),
                MinInfluence = parsed.GetValue(minInfluence) is >= 0 and <= 1 and var x ? x : throw new WhenceException("--min-influence must lie between 0 and 1."),
                GroupBy = parsed.GetValue(groupBy),
                GroupDuplicates = parsed.GetValue(duplicates) ? Similarity(parsed.GetValue(alike)) : null,
            };
            var file = CheckReport(parsed.GetValue(report));
            using var opened = setup.Open(parsed, streams, cancellation, parsed.GetValue(ann) ? new ApproximateOptions { Candidates = parsed.GetValue(candidates) } : null);
            if (opened.Attributor.WithoutGraph is > 0 and var without)
            {
                streams.Error.WriteLine(
                    $"{without:N0} of {opened.Attributor.Searched:N0} images are searched exactly: they are in no graph yet ('whence ann build' adds them), or the filter leaves few of their graph.");
            }

            var bad = 0;
            var reader = new QueryReader(opened.Encoder, opened.Limits);
            var images = reader.Read(parsed.GetRequiredValue(queries), Tell, cancellation);
            var answers = opened.Attributor.Attribute(images, request, (_, e) => Tell(e), cancellation);
            var all = new List<Attribution>();
            Write(streams, file is null ? answers : answers.Select(Keep), parsed.GetValue(format)!);
            if (file is not null)
            {
                WriteReport(file, all, opened.Limits);
            }

            reader.TellCaptions(streams.Error);
            return Task.FromResult(bad > 0 ? 2 : 0);

            // One bad query does not stop a thousand; the exit code tells.
            void Tell(WhenceException e)
            {
                bad++;
                streams.Error.WriteLine($"error: {e.Message}");
            }

            Attribution Keep(Attribution answer)
            {
                all.Add(answer);
                return answer;
            }
        });
        return command;
    }

    public static void Write(Streams streams, IEnumerable<Attribution> answers, string format)
    {
        switch (format)
        {
            case "json":
            case "jsonl":
                streams.WriteBytes(stream => JsonReport.Write(stream, answers, lines: format == "jsonl"));
                break;
            case "csv":
                var rows = answers.ToArray(); // the header needs every column
                streams.WriteBytes(stream => CsvReport.Write(stream, rows));
                break;
            default:
                foreach (var answer in answers)
                {
                    AttributionTable.Write(streams.OutputConsole, answer);
                }

                break;
        }
    }

    public static void WriteReport(string file, IReadOnlyList<Attribution> answers, DecodeLimits limits, Func<HtmlReportOptions, HtmlReportOptions>? change = null)
    {
        var options = new HtmlReportOptions
        {
            ReadImage = locator => ImageSources.ReadAsync(locator, limits.MaxFileBytes, CancellationToken.None).AsTask().GetAwaiter().GetResult(),
        };
        using var page = new MemoryStream();
        using (var writer = new StreamWriter(page, leaveOpen: true))
        {
            HtmlReport.Write(writer, answers, change?.Invoke(options) ?? options);
        }

        File.WriteAllBytes(file, page.ToArray());
    }

    // Before any work: a report must not take the place of an image, nor fail when all is computed.
    private static string? CheckReport(string? file)
    {
        if (file is not null && Path.GetExtension(file).ToLowerInvariant() is not (".html" or ".htm"))
        {
            throw new WhenceException($"--report {file}: the page's name must end in .html.");
        }

        return file is null || Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file)))
            ? file
            : throw new WhenceException($"--report {file}: no such folder; make it first.");
    }

    private static float Similarity(float given) => given is >= -1 and <= 1
        ? given
        : throw new WhenceException("--duplicate-similarity takes a similarity from -1 to 1.");
}

/// <summary>The options that say what to search with, and what they open.</summary>
internal sealed class AttributorSetup
{
    private readonly Option<string> _index = CommonOptions.Index();
    private readonly Option<string?> _encoder = new("--encoder") { Description = "Encoder of the queries [default: the index's own]", HelpName = "NAME|SPEC" };
    private readonly TuningOptions _tuning = new();
    private readonly Option<string?> _where = new("--where") { Description = "Search only images whose metadata fit, such as \"creator = 'Ann Lee' and year >= 1990\" (docs/formats.md)", HelpName = "FILTER" };
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly EncoderOptions _running = new();
    private readonly ImageOptions _images = new();

    public void AddTo(Command command)
    {
        command.Add(_index);
        command.Add(_encoder);
        _tuning.AddTo(command);
        command.Add(_where);
        command.Add(_threads);
        _running.AddTo(command);
        _images.AddTo(command);
    }

    public OpenedAttributor Open(ParseResult parsed, Streams streams, CancellationToken cancellation, ApproximateOptions? approximate = null)
    {
        var index = OpenIndex(parsed);
        var options = Options(parsed, index, streams) with { Approximate = approximate, LayoutProgress = ProgressView.ForLayout(streams.Error) };
        return OpenedAttributor.Open(index, parsed.GetValue(_encoder), options, _running.Read(parsed), cancellation);
    }

    public FeatureIndex OpenIndex(ParseResult parsed) => FeatureIndex.Open(parsed.GetRequiredValue(_index));

    public AttributorOptions Options(ParseResult parsed, FeatureIndex index, Streams streams)
    {
        var (mapper, calibration) = _tuning.Load(parsed, index, streams.Error);
        return new AttributorOptions
        {
            Mapper = mapper,
            Calibration = calibration,
            Where = parsed.GetValue(_where) is { } where ? MetadataPredicate.Parse(where) : null,
            Threads = parsed.GetValue(_threads),
            Limits = _images.Limits(parsed),
        };
    }
}

/// <summary>An attributor together with the encoder it needs.</summary>
internal sealed record OpenedAttributor(FeatureIndex Index, Attributor Attributor, DecodeLimits Limits, IImageEncoder Encoder) : IDisposable
{
    public static OpenedAttributor Open(FeatureIndex index, string? encoderName, AttributorOptions options, ImageEncoderOptions running, CancellationToken cancellation)
    {
        if (encoderName is null && index.Manifest.EncoderSpec is null)
        {
            throw new WhenceException(
                $"{index.Folder}: its features were imported without their encoder, so a query cannot be encoded; import them again with --encoder SPEC.");
        }

        var registry = new EncoderRegistry();
        if (encoderName is null && !registry.Find().ContainsKey(index.Manifest.Encoder))
        {
            throw new WhenceException(
                $"{index.Folder}: made by encoder '{index.Manifest.Encoder}', which is not found by name; give its spec file with --encoder, or list its folder in WHENCE_MODELS.");
        }

        var encoder = ImageEncoders.Open(registry.Resolve(encoderName ?? index.Manifest.Encoder), running);
        try
        {
            return new OpenedAttributor(index, new Attributor(index, encoder, options, cancellation), options.Limits, encoder);
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Attributor.Dispose();
        Encoder.Dispose();
    }
}
