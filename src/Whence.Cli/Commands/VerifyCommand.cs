using System.CommandLine;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Search;

namespace Whence.Cli.Commands;

/// <summary><c>whence verify</c>: checks every checksum of an index, and makes damaged features again.</summary>
internal static class VerifyCommand
{
    public static Command Create(Streams streams)
    {
        var folder = new Argument<string>("dir") { Description = "Folder of the index" };
        var rebuild = new Option<bool>("--rebuild") { Description = "Encode again what is damaged, from the images themselves" };
        var encoder = new Option<string?>("--encoder") { Description = "Encoder for --rebuild [default: the index's own]", HelpName = "NAME|SPEC" };
        var images = new ImageOptions();
        var command = new Command("verify", "Check every file of an index against its checksum; say what to rebuild, or rebuild it") { folder, rebuild, encoder };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var path = parsed.GetRequiredValue(folder);
            var damaged = IndexVerification.Verify(path, cancellation: cancellation);
            foreach (var file in damaged)
            {
                streams.Output.WriteLine(file);
            }

            if (damaged.Count > 0 && parsed.GetValue(rebuild))
            {
                var name = parsed.GetValue(encoder) ?? FeatureIndex.Open(path).Manifest.Encoder;
                using var model = new OnnxEncoder(new EncoderRegistry().Resolve(name));
                var parts = await IndexRepair.RebuildAsync(path, damaged, model, images.Limits(parsed), cancellation);
                streams.Output.WriteLine($"{path}: {parts:N0} parts encoded again.");
                damaged = IndexVerification.Verify(path, cancellation: cancellation);
            }

            if (damaged.Count > 0)
            {
                throw new WhenceException($"{path}: {damaged.Count:N0} damaged files; {Advice(path, damaged)}.");
            }

            streams.Output.WriteLine($"{path}: every file is as it was written.");
            return 0;
        });
        return command;
    }

    private static string Advice(string path, IReadOnlyList<DamagedFile> damaged) =>
        damaged.All(d => d.IsFeatures)
            ? $"'whence verify {path} --rebuild' encodes them again from the images"
            : "restore the metadata from a backup, or index again into a new folder";
}
