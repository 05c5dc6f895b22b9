using Whence.Encoders;
using Whence.Files;

namespace Whence.Datasets.Emoji;

/// <summary>The folder of packages that were fetched, <see cref="WhenceHome.Packages"/>, reserved for one process. Whatever brought a file, the lock file decides.</summary>
public sealed class PackageFolder : IDisposable
{
    private readonly IDisposable _lock;

    private PackageFolder(string path, IDisposable ownership) => (Path, _lock) = (path, ownership);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Reserves the folder, which is made if need be.</summary>
    /// <param name="path">Another folder; null: <see cref="WhenceHome.Packages"/>.</param>
    /// <exception cref="WhenceException">There is no such folder, it cannot be written, or another process has reserved it.</exception>
    public static PackageFolder Begin(string? path = null)
    {
        path ??= WhenceHome.Packages ?? throw new WhenceException($"There is no folder to keep packages in; set {WhenceHome.Variable} to a folder of your own.");
        try
        {
            Directory.CreateDirectory(path);
            return new PackageFolder(path, FolderLock.Acquire(path, ".lock", "folder of packages"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"'{path}' cannot be written: {e.Message} Allow writing, or set {WhenceHome.Variable} to a folder of your own.", e);
        }
    }

    /// <summary>Where a package's archive is, or will be.</summary>
    public string PathOf(LockedPackage package)
    {
        ArgumentNullException.ThrowIfNull(package);
        return System.IO.Path.Combine(Path, package.FileName);
    }

    /// <summary>Whether a package is here and is the one that is locked.</summary>
    public async Task<bool> HasAsync(LockedPackage package, CancellationToken cancellation = default)
    {
        try
        {
            return File.Exists(PathOf(package)) && await package.ReadAsync(PathOf(package), cancellation).ConfigureAwait(false) is not null;
        }
        catch (WhenceException)
        {
            return false;
        }
    }

    /// <summary>Checks a file that lies in the folder and makes it the package's archive.</summary>
    /// <param name="file">The file; it is renamed.</param>
    /// <param name="package">Which package it is to be.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="WhenceException">It is another file than is locked, or the folder cannot be written.</exception>
    public async Task AdoptAsync(string file, LockedPackage package, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(package);
        await package.ReadAsync(file, cancellation).ConfigureAwait(false);
        try
        {
            File.Move(file, PathOf(package), overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"'{PathOf(package)}' cannot be written: {e.Message} Make room or allow writing, and run the same command again.", e);
        }
    }

    /// <summary>Lets others write the folder.</summary>
    public void Dispose() => _lock.Dispose();
}
