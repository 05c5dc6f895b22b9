namespace Whence.Search;

/// <summary>Keeps a second process from writing the same index; the operating system frees it when a process dies.</summary>
internal static class FolderLock
{
    public static IDisposable Acquire(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException) && File.Exists(path))
        {
            throw new WhenceException($"{folder}: another process is writing this index; wait until it has finished.", e);
        }
    }
}
