using System.CommandLine;
using Whence.Cli.Output;
using Whence.Search;

namespace Whence.Cli.Commands;

/// <summary><c>whence verify</c>: checks every checksum of an index, makes damaged features again, and deletes damaged search layouts.</summary>
internal static class VerifyCommand
{
    public static Command Create(Streams streams)
    {
        var folder = new Argument<string>("dir") { Description = "Folder of the index" };
        var rebuild = new Option<bool>("--rebuild") { Description = "Encode again what is damaged, from the images themselves; delete what is damaged of the search layout" };
        var encoder = new Option<string?>("--encoder") { Description = "Encoder for --rebuild [default: the index's own]", HelpName = "NAME|SPEC" };
        var running = new EncoderOptions();
        var images = new ImageOptions();
        var command = new Command("verify", "Check every file of an index against its checksum; say what to rebuild, or rebuild it") { folder, rebuild, encoder };
        running.AddTo(command);
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
                if (IndexRepair.DeleteLayouts(damaged) is var deleted and > 0)
                {
                    streams.Output.WriteLine($"{path}: {deleted:N0} files of the search layout deleted; the next search makes them again.");
                }

                if (!damaged.All(d => d.IsLayout))
                {
                    var name = parsed.GetValue(encoder) ?? FeatureIndex.Open(path).Manifest.Encoder;
                    using var model = running.Open(parsed, name);
                    var parts = await IndexRepair.RebuildAsync(path, damaged, model, images.Limits(parsed), cancellation);
                    streams.Output.WriteLine($"{path}: {parts:N0} parts encoded again.");
                }

                damaged = IndexVerification.Verify(path, cancellation: cancellation);
            }

            if (damaged.Count > 0)
            {
                throw new WhenceException($"{path}: {damaged.Count:N0} damaged files; {Advice(path, damaged)}.");
            }

            foreach (var layout in FeatureIndex.Open(path).FindLayouts().Where(l => !l.IsComplete))
            {
                streams.Output.WriteLine(
                    $"{layout.Folder}: no damage, but {layout.TotalParts - layout.Parts:N0} of {layout.TotalParts:N0} parts of the search layout are missing or stale; the next search that needs them makes them.");
            }

            streams.Output.WriteLine($"{path}: every file is as it was written.");
            return 0;
        });
        return command;
    }

    private static string Advice(string path, IReadOnlyList<DamagedFile> damaged) =>
        damaged.All(d => d.IsLayout)
            ? $"'whence verify {path} --rebuild' deletes them, and the next search makes them again"
        : damaged.All(d => d.IsFeatures || d.IsLayout)
            ? $"'whence verify {path} --rebuild' makes them again, features from the images"
        : "restore the metadata from a backup, or index again into a new folder";
}
