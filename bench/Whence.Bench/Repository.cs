namespace Whence.Bench;

/// <summary>Where the repository and the data beside it lie.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder under <c>../shared/</c>.</summary>
    public static string Shared(params string[] parts)
    {
        var path = Path.GetFullPath(Path.Combine([Root, "..", "shared", .. parts]));
        return Path.Exists(path) ? path : throw new FileNotFoundException($"this bench needs {path}");
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Whence.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The benches do not lie in the repository.");
    }
}
