namespace Whence.Files;

/// <summary>Keeps a second process from writing the same folder; the operating system frees it when a process dies.</summary>
internal static class FolderLock
{
    // What .NET reports for a file that somebody holds: errno EWOULDBLOCK of Linux and macOS, ERROR_SHARING_VIOLATION of Windows.
    private static readonly int[] Held = [11, 35, unchecked((int)0x8007_0020)];

    public static IDisposable Acquire(string folder, string name, string what = "index")
    {
        var path = Path.Combine(folder, name);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (Held.Contains(e.HResult))
        {
            throw new WhenceException($"{folder}: another process is writing this {what}; wait until it has finished.", e);
        }
    }
}
