using System.Security.Cryptography;

namespace Whence.Files;

/// <summary>Writes a file so that a reader sees the old one or the new one, whole, whatever happens in between.</summary>
internal static class AtomicFile
{
    public const string TemporarySuffix = ".tmp";

    /// <summary>Writes to a temporary file beside the target, flushes it to the disk and renames it.</summary>
    /// <exception cref="WhenceException">The disk is full, the folder read-only, ...; the old file stands.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = path + TemporarySuffix;
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            DeleteQuietly(temporary);
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new WhenceException(
                    $"'{path}' cannot be written: {e.Message} What was there before is as it was; make room or allow writing, and run the same command again.", e);
            }

            throw;
        }
    }

    /// <summary>Writes bytes and returns their SHA-256.</summary>
    public static string WriteBytes(string path, byte[] bytes)
    {
        Write(path, stream => stream.Write(bytes));
        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that led here is the one to report; the next run clears what is left.
        }
    }
}
