using System.CommandLine;
using Whence.Cli.Download;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Torch.Encoders;

namespace Whence.Cli.Commands;

/// <summary><c>whence encoders pull</c>: weights from where their authors publish them, or from a file that is there already.</summary>
internal static class EncodersPullCommand
{
    public static Command Create(Streams streams)
    {
        var names = new Argument<string[]>("encoder") { Description = "Names that 'whence encoders list' shows", Arity = ArgumentArity.OneOrMore };
        var from = new Option<string?>("--from") { Description = "Take this file instead of fetching it: it is copied", HelpName = "FILE" };
        var link = new Option<bool>("--link") { Description = "With --from: a symbolic link instead of a copy; the file must then stay where it is" };
        var url = new Option<string?>("--url") { Description = "Fetch it from here instead of from its authors", HelpName = "URL" };
        var uncheckedFile = new Option<bool>("--unchecked") { Description = "Take a file with another checksum than is published, say the same weights in another format" };
        var force = new Option<bool>("--force") { Description = "Fetch it although it is here" };
        var command = new Command("pull", "Fetch the weights of encoders, or register a file that is there already") { names, from, link, url, uncheckedFile, force };
        command.SetAction(async (parsed, cancellation) =>
        {
            var request = new PullRequest(parsed.GetValue(from), parsed.GetValue(link), parsed.GetValue(url), parsed.GetValue(uncheckedFile), parsed.GetValue(force));
            var entries = parsed.GetRequiredValue(names).Distinct(StringComparer.Ordinal).Select(Entry).ToArray();
            request.Validate(entries.Length);
            foreach (var entry in entries)
            {
                streams.Output.WriteLine(await PullAsync(streams, entry, request, cancellation));
            }

            return 0;
        });
        return command;
    }

    private static CatalogueEntry Entry(string name) => EncoderCatalogue.Find(name) is null && new EncoderRegistry().Find().TryGetValue(name, out var spec)
        ? throw new WhenceException($"'{name}' is here ({spec}); it is not in the catalogue, so there is nothing to fetch.")
        : EncoderCatalogue.Get(name);

    private static async Task<string> PullAsync(Streams streams, CatalogueEntry entry, PullRequest request, CancellationToken cancellation)
    {
        var name = entry.Spec.Name;
        using var installation = EncoderInstallation.Begin(entry, open: spec => ImageEncoders.Open(spec));
        if (request is { Force: false, From: null, Url: null } && IsHere(streams, installation, request))
        {
            return $"{name}: is here ({installation.SpecPath}); --force fetches it anew.";
        }

        streams.Error.WriteLine($"{name}: licence {entry.Spec.Licence}; {entry.Spec.Origin}");
        var check = request.From is { } file
            ? installation.Take(file, request.Link, request.Unchecked)
            : await FetchAsync(streams, entry, installation, request, cancellation);
        var how = request.From is null ? "fetched" : request.Link ? "linked" : "copied";
        return $"{name}: {how}, {Describe(check)}. {installation.SpecPath}; 'whence encoders verify {name}' checks that it works.";
    }

    /// <summary>Whether there is nothing to do, or nothing but to write the spec of a model whose spec is missing.</summary>
    private static bool IsHere(Streams streams, EncoderInstallation installation, PullRequest request)
    {
        if (installation.IsComplete || !File.Exists(installation.ModelPath))
        {
            return installation.IsComplete;
        }

        try
        {
            installation.Adopt(installation.ModelPath, request.Unchecked);
            return true;
        }
        catch (WhenceException e)
        {
            streams.Error.WriteLine($"{e.Message} It is fetched anew.");
            return false;
        }
    }

    private static string Describe(ModelCheck check) => check switch
    {
        ModelCheck.Published => "its checksum is the published one",
        ModelCheck.Unpublished => "which could not be checked, since no checksum is published; its own is recorded and checked from now on",
        _ => "with another checksum than the published one; its own is recorded and checked from now on",
    };

    private static async Task<ModelCheck> FetchAsync(
        Streams streams, CatalogueEntry entry, EncoderInstallation installation, PullRequest request, CancellationToken cancellation)
    {
        var part = new PartFile(installation.ModelPath + ".part");
        using var client = FileDownload.CreateClient();
        var download = new FileDownload(client, new DownloadOptions());
        IReadOnlyList<string> urls = request.Url is { } own ? [own] : entry.Urls;
        // Where a checksum is published it decides: a size that is wrong in the catalogue must not keep anybody from the right file.
        var size = request.Unchecked || entry.Sha256 is not null ? null : entry.Size;
        for (var again = false; ; again = true)
        {
            bool resumed;
            try
            {
                resumed = await DownloadView.RunAsync(streams, entry.Spec.Name, progress =>
                    download.RunAsync(urls, part, size, progress, remark => streams.Error.WriteLine($"{entry.Spec.Name}: {remark}"), cancellation));
            }
            catch (WhenceException e)
            {
                throw new WhenceException(
                    $"{e.Message}{(part.Length > 0 ? " What came is kept, and the same command goes on." : "")} Where there is no network: fetch {urls[0]} elsewhere, and run 'whence encoders pull {entry.Spec.Name} --from FILE'.", e);
            }

            try
            {
                var check = installation.Adopt(part.Path, request.Unchecked);
                part.Forget();
                return check;
            }
            catch (WhenceException e)
            {
                // Whole, and wrong: of no use to anybody. Where it was put together of two runs, the server may be right nevertheless.
                part.Delete();
                if (!resumed || again)
                {
                    throw;
                }

                streams.Error.WriteLine($"{entry.Spec.Name}: {e.Message} Fetching it once more, from the beginning.");
            }
        }
    }

    private sealed record PullRequest(string? From, bool Link, string? Url, bool Unchecked, bool Force)
    {
        public void Validate(int names)
        {
            if (names > 1 && (From ?? Url) is not null)
            {
                throw new WhenceException("--from and --url are of one encoder; give one name.");
            }

            if (From is not null && Url is not null)
            {
                throw new WhenceException("Give --from or --url, not both.");
            }

            if (Link && From is null)
            {
                throw new WhenceException("--link goes with --from.");
            }

            if (Url is not null && !(Uri.TryCreate(Url, UriKind.Absolute, out var uri) && uri.Scheme is ("http" or "https")))
            {
                throw new WhenceException($"--url '{Url}' is no http or https address; for a file give --from.");
            }
        }
    }
}
