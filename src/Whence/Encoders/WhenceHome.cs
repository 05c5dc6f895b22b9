namespace Whence.Encoders;

/// <summary>
/// The folder of what is fetched once and used by every run. <c>WHENCE_HOME</c>, or else <c>whence</c> in the system's folder for caches: that of
/// <c>XDG_CACHE_HOME</c>, or else <c>~/.cache</c> on Linux, <c>~/Library/Caches</c> on macOS and <c>%LOCALAPPDATA%</c> on Windows.
/// </summary>
public static class WhenceHome
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "WHENCE_HOME";

    /// <summary>The folder, which need not exist yet; null where the variables name none and the user has no home.</summary>
    public static string? Folder => Find(
        Environment.GetEnvironmentVariable,
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile),
        OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData) : null,
        OperatingSystem.IsMacOS());

    /// <summary>Folder of the encoders' models, one folder each; null where there is no <see cref="Folder"/>.</summary>
    public static string? Models => Folder is { } folder ? Path.Combine(folder, "models") : null;

    /// <summary>Folder of fetched packages that data sets are made of; null where there is no <see cref="Folder"/>.</summary>
    public static string? Packages => Folder is { } folder ? Path.Combine(folder, "packages") : null;

    internal static string? Find(Func<string, string?> variable, string home, string? windowsLocal, bool isMac)
    {
        if (variable(Variable) is { Length: > 0 } own)
        {
            return Path.GetFullPath(own);
        }

        // The XDG specification has relative paths ignored.
        var caches = variable("XDG_CACHE_HOME") is { } xdg && Path.IsPathFullyQualified(xdg) ? xdg
            : windowsLocal is { Length: > 0 } ? windowsLocal
            : home.Length == 0 ? null
            : isMac ? Path.Combine(home, "Library", "Caches")
            : Path.Combine(home, ".cache");
        return caches is null ? null : Path.Combine(caches, "whence");
    }
}
