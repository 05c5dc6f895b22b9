namespace Whence.Files;

/// <summary>Keeps a second process from writing the same folder; the operating system frees it when a process dies.</summary>
internal static class FolderLock
{
    // What .NET reports for a file that somebody holds: errno EWOULDBLOCK of Linux and macOS, ERROR_SHARING_VIOLATION of Windows.
    private static readonly int[] Held = [11, 35, unchecked((int)0x8007_0020)];

    /// <summary>Takes the lock.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Name of the lock's file in it.</param>
    /// <param name="what">What the folder holds, for the message.</param>
    /// <param name="existing">Whether the file must be there already.</param>
    /// <exception cref="WhenceException">Another process holds it.</exception>
    public static IDisposable Acquire(string folder, string name, string what = "index", bool existing = false)
    {
        var path = Path.Combine(folder, name);
        try
        {
            return new FileStream(path, existing ? FileMode.Open : FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (Held.Contains(e.HResult))
        {
            throw new WhenceException($"{folder}: another process is writing this {what}; wait until it has finished.", e);
        }
    }
}
