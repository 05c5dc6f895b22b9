using Whence.Cli.Output;
using Whence.Datasets.Emoji;

namespace Whence.Cli.Download;

/// <summary>Brings npm packages into a <see cref="PackageFolder"/>, which checks them; what is there already stays.</summary>
internal static class PackageDownload
{
    /// <summary>The variable that npm itself reads the registry's address from.</summary>
    public const string RegistryVariable = "npm_config_registry";

    /// <returns>The folder that holds all of them.</returns>
    /// <exception cref="WhenceException">One cannot be had, or is another file than is locked.</exception>
    public static async Task<string> FetchAsync(Streams streams, PackageLock packages, string? registry, CancellationToken cancellation)
    {
        registry ??= Environment.GetEnvironmentVariable(RegistryVariable) is { Length: > 0 } own ? own : LockedPackage.Registry;
        if (!Uri.TryCreate(registry, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new WhenceException($"The registry '{registry}' is no http or https address.");
        }

        using var folder = PackageFolder.Begin();
        using var client = FileDownload.CreateClient();
        foreach (var package in packages.All())
        {
            if (!await folder.HasAsync(package, cancellation))
            {
                streams.Error.WriteLine($"{package.Name} {package.Version}: licence {package.Licence}; {package.Creator}, {package.Source}");
                await FetchAsync(streams, client, folder, package, package.Address(registry), cancellation);
            }
        }

        return folder.Path;
    }

    private static async Task FetchAsync(Streams streams, HttpClient client, PackageFolder folder, LockedPackage package, string url, CancellationToken cancellation)
    {
        var part = new PartFile(folder.PathOf(package) + ".part");
        var download = new FileDownload(client, new DownloadOptions { MaxBytes = LockedPackage.MaxBytes });
        for (var again = false; ; again = true)
        {
            bool resumed;
            try
            {
                resumed = await DownloadView.RunAsync(streams, package.Name, progress =>
                    download.RunAsync([url], part, null, progress, remark => streams.Error.WriteLine($"{package.Name}: {remark}"), cancellation));
            }
            catch (WhenceException e)
            {
                throw new WhenceException(
                    $"{e.Message}{(part.Length > 0 ? " What came is kept, and the same command goes on." : "")} Where there is no such network: 'npm pack' the packages of the lock file elsewhere, and give their folder with --packages.", e);
            }

            try
            {
                await folder.AdoptAsync(part.Path, package, cancellation);
                part.Forget();
                return;
            }
            catch (WhenceException e)
            {
                // Whole, and wrong. Where it was put together of two runs, the server may be right nevertheless.
                part.Delete();
                if (!resumed || again)
                {
                    throw;
                }

                streams.Error.WriteLine($"{package.Name}: {e.Message} Fetching it once more, from the beginning.");
            }
        }
    }
}
