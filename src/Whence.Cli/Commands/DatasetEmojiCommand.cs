using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Whence.Cli.Download;
using Whence.Cli.Output;
using Whence.Datasets.Emoji;
using Whence.Images;
using Whence.Reports;

namespace Whence.Cli.Commands;

/// <summary><c>whence dataset emoji</c>: open emoji artwork as captioned pictures, contents and styles apart.</summary>
internal static class DatasetEmojiCommand
{
    public static Command Create(Streams streams)
    {
        var output = new Option<string>("--out") { Description = "Folder of the data set", HelpName = "DIR", Required = true };
        var size = new Option<int?>("--size") { Description = "Side of the pictures in pixels [default: the recipe's, 64]", HelpName = "N" };
        var recipe = new Option<string?>("--recipe") { Description = "What to make of the drawings [default: recipes/emoji64-dataset.json, which is built in]", HelpName = "FILE" };
        var packages = new Option<string?>("--packages") { Description = "Folder with the packages as 'npm pack' writes them [default: they are fetched once and kept]", HelpName = "DIR" };
        var registry = new Option<string?>("--registry") { Description = $"npm registry to fetch from [default: {PackageDownload.RegistryVariable}, or {LockedPackage.Registry}]", HelpName = "URL" };
        var lockFile = new Option<string?>("--lock") { Description = "Which packages [default: recipes/emoji-packages.lock.json, which is built in]", HelpName = "FILE" };
        var threads = CommonOptions.Threads();
        var command = new Command("emoji", "Render open emoji artwork of nine designers, plain and redrawn in many styles, with captions") { output, size, recipe, packages, registry, lockFile, threads };
        command.SetAction((parsed, cancellation) => Task.Run(
            async () =>
            {
                var locked = parsed.GetValue(lockFile) is { } file ? PackageLock.Load(file) : PackageLock.Shipped;
                var plan = parsed.GetValue(recipe) is { } own ? EmojiRecipe.Load(own) : EmojiRecipe.Shipped;
                plan = plan with { Size = parsed.GetValue(size) ?? plan.Size };
                var (folder, given, fromRegistry) = (parsed.GetRequiredValue(output), parsed.GetValue(packages), parsed.GetValue(registry));
                if (given is not null && fromRegistry is not null)
                {
                    throw new WhenceException("Give --packages or --registry, not both.");
                }

                plan.Validate(locked);
                EmojiDataset.RequireOwn(folder);
                RequirePackages(locked, given);
                try
                {
                    var source = given ?? await PackageDownload.FetchAsync(streams, locked, fromRegistry, cancellation);
                    var artwork = await EmojiArtwork.LoadAsync(locked, package => Path.Combine(source, package.FileName), cancellation);
                    Make(streams, artwork, locked, plan, folder, parsed.GetValue(threads), cancellation);
                    return 0;
                }
                catch (OperationCanceledException)
                {
                    streams.Error.WriteLine(
                        $"interrupted: nothing was written to {folder}, what an earlier run left there stands; packages that were fetched are kept, and the same command makes the data set from the beginning.");
                    return WhenceCommand.Interrupted;
                }
            },
            CancellationToken.None));
        return command;
    }

    /// <summary>Makes the data set of a recipe from the packages that the recipe's own lock names, unless one is there.</summary>
    internal static async Task MakeAsync(Streams streams, string recipe, string folder, int threads, CancellationToken cancellation)
    {
        var (plan, locked) = (EmojiRecipe.Load(recipe), PackageLock.Shipped);
        plan.Validate(locked);
        EmojiDataset.RequireOwn(folder);
        if (EmojiDataset.IsThere(folder))
        {
            streams.Error.WriteLine($"{folder}: is there; delete it to draw it anew");
            return;
        }

        var source = await PackageDownload.FetchAsync(streams, locked, null, cancellation);
        var artwork = await EmojiArtwork.LoadAsync(locked, package => Path.Combine(source, package.FileName), cancellation);
        Make(streams, artwork, locked, plan, folder, threads, cancellation);
    }

    private static void RequirePackages(PackageLock locked, string? folder)
    {
        var missing = folder is null ? [] : locked.All().Where(p => !File.Exists(Path.Combine(folder, p.FileName))).ToArray();
        if (missing.Length > 0)
        {
            throw new WhenceException(
                $"{folder}: has no {missing[0].FileName}; 'npm pack {string.Join(' ', missing.Select(p => $"{p.Name}@{p.Version}"))}' in that folder brings what is missing.");
        }
    }

    private static void Make(Streams streams, EmojiArtwork artwork, PackageLock locked, EmojiRecipe plan, string folder, int threads, CancellationToken cancellation)
    {
        var sheet = Sheet(artwork, plan);
        var watch = Stopwatch.StartNew();
        var report = EmojiDataset.Build(artwork, locked, plan, folder, threads, ProgressView.ForDrawings(streams.Error), sheet, cancellation);
        var seconds = watch.Elapsed.TotalSeconds;

        var pictures = report.Files.Sum(f => f.Pictures);
        foreach (var file in report.Files)
        {
            Line($"{Path.Combine(folder, file.File)}: {file.Pictures:N0} pictures in {file.Styles.Count} styles");
        }

        Line($"{report.Packages.Sum(p => p.Drawings):N0} drawings of {report.Objects:N0} objects by {report.Packages.Count - 1} designers; {report.HeldOutObjects.Count} objects are held out.");
        Line($"Dropped: {string.Join(", ", report.Dropped.Select(d => string.Create(CultureInfo.InvariantCulture, $"{d.Value:N0} {d.Key}")))}.");
        if (locked.ShareAlike is { Count: > 0 } shareAlike)
        {
            Line($"Share-alike: what is made of pictures of {string.Join(", ", shareAlike.Select(p => $"{p.Style} ({p.Licence})"))} must be under the same licence.");
        }

        if (locked.WithoutText is { Count: > 0 } withoutText)
        {
            Line($"Licences: who passes the data set on has to add to NOTICE.md the text of {string.Join(", ", withoutText.Select(p => $"{p.Licence} ({p.Style ?? p.Name})"))}.");
        }

        streams.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{pictures:N0} pictures in {seconds:F1} s, {pictures / seconds:F0}/s with {threads} threads; licences and creators: {Path.Combine(folder, "NOTICE.md")}"));

        void Line(FormattableString text) => streams.Output.WriteLine(text.ToString(CultureInfo.InvariantCulture));
    }

    private static ReadOnlyMemory<byte> Sheet(EmojiArtwork artwork, EmojiRecipe plan)
    {
        var styles = EmojiStyle.Of(artwork, plan);
        return styles.SelectMany(s => s.Pictures).OfType<RgbImage>().FirstOrDefault() is { } picture
            ? StyleSheet.Draw("styles", $"Styles of the data set, {picture.Width} x {picture.Height} pixels", styles).Png
            : default;
    }
}
