using System.CommandLine;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Images;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Cli.Commands;

/// <summary><c>whence index</c>: from sources of images, or from features made elsewhere, to an index.</summary>
internal static class IndexCommand
{
    public static Command Create(Streams streams)
    {
        var sources = new Argument<string[]>("source")
        {
            Description = "Folders, list files (.txt), WebDataset shards (.tar), Parquet files, or globs of these",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var output = new Option<string>("--out") { Description = "Folder of the index, new or to go on with", HelpName = "DIR", Required = true };
        var encoder = new Option<string?>("--encoder") { Description = $"Name or spec file of the encoder [default: {EncoderRegistry.DefaultName}]", HelpName = "NAME|SPEC" };
        var metadata = new Option<string?>("--metadata") { Description = "CSV, JSON Lines or Parquet file with extra columns, joined by key", HelpName = "FILE" };
        var threads = CommonOptions.Threads();
        var batch = new Option<int>("--batch") { Description = "Images per call of the encoder", HelpName = "N", DefaultValueFactory = _ => 16 }.AtLeast(1);
        var partSize = new Option<int>("--part-size") { Description = "Rows a part; a crash loses at most the part in flight", HelpName = "N", DefaultValueFactory = _ => 4096 }.AtLeast(1);
        var type = new Option<string>("--dtype") { Description = "How features are stored", DefaultValueFactory = _ => "float16" }.AcceptOnlyFromAmong("float16", "float32");
        var failFast = new Option<bool>("--fail-fast") { Description = "Stop at the first bad image" };
        var retry = new Option<bool>("--retry-failures") { Description = "Try again the images that earlier runs could not read" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Estimate time and disk, write nothing" };
        var embeddings = new Option<string?>("--from-embeddings") { Description = "Import a clip-retrieval folder (img_emb_*.npy, metadata_*.parquet)", HelpName = "DIR" };
        var features = new Option<string?>("--from-features") { Description = "Import raw features (.npy, .npz, .safetensors, or the authors' .pth {feats, paths})", HelpName = "FILE" };
        var autoOrient = new Option<bool>("--auto-orient") { Description = "Turn images, and later queries, as their EXIF data says (the authors' code does not)" };
        var running = new EncoderOptions();
        var images = new ImageOptions();

        var command = new Command("index", "Index a training set: encode every image and keep its feature and metadata")
        {
            sources, output, encoder, metadata, threads, batch, partSize, type, failFast, retry, autoOrient, dryRun, embeddings, features,
        };
        running.AddTo(command);
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var folder = parsed.GetRequiredValue(output);
            var imports = (parsed.GetValue(embeddings), parsed.GetValue(features));
            var given = parsed.GetValue(sources) ?? [];
            if ((given.Length > 0 ? 1 : 0) + (imports.Item1 is null ? 0 : 1) + (imports.Item2 is null ? 0 : 1) != 1)
            {
                throw new WhenceException("Give either sources, or --from-embeddings, or --from-features.");
            }

            if (given.Length == 0)
            {
                parsed.Refuse("with --from-embeddings or --from-features", metadata, threads, batch, failFast, retry, autoOrient, dryRun);
            }

            var elementType = parsed.GetValue(type) == "float32" ? ElementType.F32 : ElementType.F16;
            if (given.Length == 0)
            {
                var import = new EmbeddingImport.Options
                {
                    Encoder = parsed.GetValue(encoder) is { } name ? new EncoderRegistry().Resolve(name) : null,
                    PartSize = parsed.GetValue(partSize),
                    Type = elementType,
                };
                var unknown = new TaskCompletionSource<long>().Task; // how many there are shows only at the end
                var rows = await ProgressView.RunAsync(streams, unknown, progress => imports.Item1 is { } directory
                    ? EmbeddingImport.FromClipRetrievalAsync(directory, folder, import, progress, cancellation)
                    : Task.Run(() => EmbeddingImport.FromFeatures(imports.Item2!, folder, import, progress, cancellation), cancellation));
                streams.Output.WriteLine($"{folder}: {rows.Indexed:N0} features imported{(rows.Skipped > 0 ? $", {rows.Skipped:N0} passed over: their source is in the index already" : "")}.");
                return 0;
            }

            var options = new IndexBuildOptions
            {
                Threads = parsed.GetValue(threads),
                Batch = parsed.GetValue(batch),
                PartSize = parsed.GetValue(partSize),
                Type = elementType,
                FailFast = parsed.GetValue(failFast),
                RetryFailures = parsed.GetValue(retry),
                Metadata = parsed.GetValue(metadata) is { } table ? await MetadataTable.LoadAsync(table, cancellation) : null,
                Limits = images.Limits(parsed),
                AutoOrient = parsed.GetValue(autoOrient),
            };
            using var model = running.Open(parsed, parsed.GetValue(encoder));
            if (parsed.GetValue(dryRun))
            {
                await EstimateAsync(streams, given, folder, model, options, cancellation);
                return 0;
            }

            var result = await BuildAsync(streams, given, folder, model, options, cancellation);
            CaptionView.Tell(streams.Error, result.Uncaptioned, result.Indexed, "text beside the images (NAME.txt), or --metadata TABLE with a column caption");
            streams.Output.WriteLine(
                $"{folder}: {result.Indexed:N0} images indexed, {result.Skipped:N0} known already, {result.Failed:N0} failed{(result.Failed > 0 ? $" (see 'whence info {folder}')" : "")}.");
            return 0;
        });
        return command;
    }

    /// <summary>Builds with a progress view; the demo uses it too.</summary>
    public static async Task<IndexProgress> BuildAsync(
        Streams streams, IReadOnlyList<string> sources, string folder, IImageEncoder encoder, IndexBuildOptions options, CancellationToken cancellation)
    {
        using var counting = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var total = Task.Run(() => IndexBuilder.CountAsync(sources, options.Limits, counting.Token), CancellationToken.None);
        try
        {
            return await ProgressView.RunAsync(
                streams,
                total,
                progress => new IndexBuilder(folder, encoder, options).BuildAsync(sources, progress, cancellation));
        }
        finally
        {
            await counting.CancelAsync();
            await total.ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private static async Task EstimateAsync(
        Streams streams, string[] sources, string folder, IImageEncoder encoder, IndexBuildOptions options, CancellationToken cancellation)
    {
        var estimate = await IndexEstimate.MeasureAsync(sources, folder, encoder, options, cancellation);
        streams.Output.WriteLine(
            $"{estimate.New:N0} images to index ({estimate.Known:N0} known already), about {Durations.Text(estimate.Time)} at {estimate.ImagesPerSecond:F1} images/s (measured on {estimate.Sampled} images), about {estimate.Bytes / 1e6:N1} MB on disk, {estimate.FreeBytes / 1e9:N1} GB free.");
    }
}
