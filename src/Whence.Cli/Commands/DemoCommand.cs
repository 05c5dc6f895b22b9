using System.CommandLine;
using System.Formats.Tar;
using System.Text.Json;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Images;
using Whence.Reports;
using Whence.Search;
using Whence.Torch.Encoders;

namespace Whence.Cli.Commands;

/// <summary><c>whence demo</c>: the whole way on an embedded gallery of open emoji, in under a minute.</summary>
internal static class DemoCommand
{
    private const int Top = 8;

    public static Command Create(Streams streams)
    {
        var output = new Option<string>("--out") { Description = "Folder for the gallery, the index and the report", HelpName = "DIR", DefaultValueFactory = _ => "whence-demo" };
        var command = new Command("demo", "Index an embedded gallery, attribute a few pictures, write the report") { output };
        command.SetAction(async (parsed, cancellation) =>
        {
            var folder = parsed.GetValue(output)!;
            var gallery = Path.Combine(folder, "gallery.tar");
            var queries = Path.Combine(folder, "queries");
            RequireOwn(folder);
            string[] images = [.. Extract(gallery, queries).Order(StringComparer.Ordinal)];
            var index = Path.Combine(folder, "index");
            using (var encoder = ImageEncoders.Open(new EncoderRegistry().Resolve(EncoderRegistry.DefaultName)))
            {
                var built = await IndexCommand.BuildAsync(streams, [gallery], index, encoder, new IndexBuildOptions(), cancellation);
                streams.Output.WriteLine($"{built.Indexed + built.Skipped:N0} drawings of the gallery are in {index}.");
                streams.Output.WriteLine();
            }

            var (mapper, calibration) = TuningOptions.LoadDefaults(FeatureIndex.Open(index), streams.Error);
            using var opened = OpenedAttributor.Open(FeatureIndex.Open(index), null, new AttributorOptions { Mapper = mapper, Calibration = calibration }, new ImageEncoderOptions(), cancellation);
            var answers = opened.Attributor.Attribute(images.Select(Query.FromFile), new AttributionRequest { Top = Top, GroupBy = "creator" }, cancellation: cancellation).ToArray();
            var known = images.ToDictionary(image => image, image => Origin.Load(Path.ChangeExtension(image, ".json"), Path.GetFullPath(gallery)), StringComparer.Ordinal);
            foreach (var answer in answers)
            {
                AttributeCommand.Write(streams, [answer], "table");
                streams.Output.WriteLine(known[answer.Query.Source].Found(answer));
                streams.Output.WriteLine();
            }

            var report = Path.Combine(folder, "report.html");
            AttributeCommand.WriteReport(report, answers, DecodeLimits.Default, options => options with
            {
                AboutQuery = query => known[query.Source].Words,
                IsExemplar = (query, image) => image.Source == known[query.Source].Exemplar,
            });
            streams.Output.WriteLine($"Open {Path.GetFullPath(report)} to see the pictures. Your own: whence index PHOTOS --out my-index; whence attribute PICTURE --index my-index");
            return 0;
        });
        return command;
    }

    /// <summary>Two drawings of different things, for checking an encoder.</summary>
    public static byte[][] TwoPictures()
    {
        using var tar = new TarReader(Open("gallery.tar"));
        var pictures = new List<byte[]>();
        for (var entry = tar.GetNextEntry(); entry is not null && pictures.Count < 2; entry = tar.GetNextEntry())
        {
            if (entry.Name.EndsWith(".png", StringComparison.Ordinal) && entry.DataStream is { } data)
            {
                var bytes = new byte[entry.Length];
                data.ReadExactly(bytes);
                pictures.Add(bytes);
            }
        }

        return [.. pictures];
    }

    // The demo writes over what an earlier demo left, and over nothing else.
    private static void RequireOwn(string folder)
    {
        string[] own = ["gallery.tar", "queries", "index", "report.html"];
        var foreign = Directory.Exists(folder)
            ? Directory.EnumerateFileSystemEntries(folder).FirstOrDefault(e => !own.Contains(Path.GetFileName(e)))
            : null;
        if (foreign is not null)
        {
            throw new WhenceException($"{folder}: holds other things, such as {Path.GetFileName(foreign)}; give --out a new folder.");
        }
    }

    // The gallery stays a shard, as training sets come; the queries become files, to try the other commands on.
    private static List<string> Extract(string gallery, string queries)
    {
        Directory.CreateDirectory(queries);
        var images = new List<string>();
        using (var tar = new TarReader(Open("queries.tar")))
        {
            while (tar.GetNextEntry() is { } entry)
            {
                var file = Path.Combine(queries, entry.Name);
                entry.ExtractToFile(file, overwrite: true);
                if (file.EndsWith(".png", StringComparison.Ordinal))
                {
                    images.Add(file);
                }
            }
        }

        using var shard = Open("gallery.tar");
        using var whole = File.Create(gallery);
        shard.CopyTo(whole);
        return images;
    }

    // What a picture was drawn by: a model that was customized on one drawing of the gallery.
    private sealed record Origin(string Key, string Exemplar, string Prompt)
    {
        public static Origin Load(string file, string gallery)
        {
            using var about = JsonDocument.Parse(File.ReadAllBytes(file));
            var key = about.RootElement.GetProperty("made_from")[0].GetString()! + ".png";
            return new Origin(key, $"{gallery}::{key}", about.RootElement.GetProperty("prompt").GetString()!);
        }

        public string Words => $"Drawn for \"{Prompt}\" by a model that was customized on {Key}, its exemplar.";

        public string Found(Attribution answer) => answer.Results.FirstOrDefault(image => image.Source == Exemplar) is { } found
            ? $"{Words} That is number {found.Rank}, with {Format.Percent(found.Influence)}."
            : $"{Words} That is not among the first {Top}.";
    }

    private static Stream Open(string name) =>
        typeof(DemoCommand).Assembly.GetManifestResourceStream(name)
        ?? throw new InvalidOperationException($"{name} is not embedded.");
}
