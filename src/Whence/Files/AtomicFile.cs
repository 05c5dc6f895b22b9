using System.Security.Cryptography;

namespace Whence.Files;

/// <summary>Writes a file so that a reader sees the old one or the new one, whole, whatever happens in between.</summary>
internal static class AtomicFile
{
    /// <summary>What a temporary file is called after: nobody else's files end so.</summary>
    public const string TemporarySuffix = ".whence-tmp";

    // Large writes leave large pages in the system's cache: scanning a mapped file that was just written is a quarter faster.
    private const int BufferSize = 1 << 20;

    /// <summary>Writes to a temporary file beside the target, flushes it to the disk and renames it.</summary>
    /// <param name="path">The target.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="flush">False leaves it to the system when the disk gets it, for what nobody needs after a loss of power.</param>
    /// <returns>SHA-256 of what was written, lower-case hexadecimal.</returns>
    /// <exception cref="WhenceException">The disk is full, the folder read-only, the file too long for the file system, ...; the old file stands.</exception>
    public static string Write(string path, Action<Stream> write, bool flush = true)
    {
        var temporary = path + TemporarySuffix;
        try
        {
            using var sha256 = SHA256.Create();
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, BufferSize))
            {
                using (var hashed = new CryptoStream(stream, sha256, CryptoStreamMode.Write, leaveOpen: true))
                {
                    write(hashed);
                }

                stream.Flush(flushToDisk: flush);
            }

            File.Move(temporary, path, overwrite: true);
            return Convert.ToHexStringLower(sha256.Hash!);
        }
        catch (Exception e)
        {
            DeleteQuietly(temporary);

            // The last is .NET's word for a file that is longer than its file system takes, or than this user may write.
            if (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" })
            {
                throw new WhenceException(
                    $"'{path}' cannot be written: {e.Message} What was there before is as it was; make room or allow writing, and run the same command again.", e);
            }

            throw;
        }
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
