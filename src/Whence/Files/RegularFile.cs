using Microsoft.Win32.SafeHandles;

namespace Whence.Files;

/// <summary>Opens files that others wrote: only regular, non-empty ones, and never more bytes than were allowed.</summary>
internal static class RegularFile
{
    /// <summary>Opens for reading at any offset. A pipe or a device is refused before it is opened, for opening it may wait forever.</summary>
    /// <exception cref="WhenceException">Missing, a folder, empty, not a regular file, or not readable.</exception>
    public static SafeFileHandle Open(string path) => Guard(path, () =>
    {
        if (Directory.Exists(path))
        {
            throw new WhenceException($"{path}: is a folder where a file is expected");
        }

        return Length(path) switch
        {
            null => throw new WhenceException($"{path}: no such file; was it moved or deleted?"),
            0 => throw new WhenceException($"{path}: is empty or not a regular file"),
            _ => File.OpenHandle(path, options: FileOptions.Asynchronous),
        };
    });

    /// <summary>
    /// Length of the file that a path or link leads to, null where there is none. It is 0 for pipes and devices too: like an empty file they
    /// have nothing to read at an offset.
    /// </summary>
    public static long? Length(string path)
    {
        var link = new FileInfo(path);
        var file = link.LinkTarget is null ? link : link.ResolveLinkTarget(returnFinalTarget: true) as FileInfo;
        return file is { Exists: true } ? file.Length : null;
    }

    /// <summary>The whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">Largest size in bytes that is read.</param>
    /// <param name="option">What raises the limit, for the message; null where nothing does.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="WhenceException">As <see cref="Open"/>, or larger than the limit.</exception>
    public static async ValueTask<byte[]> ReadAllAsync(string path, long limit, string? option, CancellationToken cancellationToken)
    {
        using var file = Open(path);
        var length = RandomAccess.GetLength(file);
        CheckSize(path, length, limit, option);
        return await ReadAsync(file, path, 0, (int)length, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The whole of a small file, as <see cref="ReadAllAsync"/>.</summary>
    /// <exception cref="WhenceException">As <see cref="Open"/>, or larger than the limit.</exception>
    public static byte[] ReadAll(string path, long limit) => ReadAllAsync(path, limit, option: null, CancellationToken.None).AsTask().GetAwaiter().GetResult();

    /// <summary>Exactly <paramref name="length"/> bytes from <paramref name="offset"/> on.</summary>
    /// <exception cref="WhenceException">The file ends before, or cannot be read.</exception>
    public static async ValueTask<byte[]> ReadAsync(
        SafeFileHandle file, string path, long offset, int length, CancellationToken cancellationToken)
    {
        try
        {
            if (offset + length > RandomAccess.GetLength(file))
            {
                throw new WhenceException($"{path}: ends before byte {offset + length}; it was changed or cut short while in use");
            }

            var bytes = new byte[length];
            for (var done = 0; done < length;)
            {
                var read = await RandomAccess.ReadAsync(file, bytes.AsMemory(done), offset + done, cancellationToken).ConfigureAwait(false);
                done += read > 0 ? read : throw new WhenceException($"{path}: ends at byte {offset + done}; it was cut short while in use");
            }

            return bytes;
        }
        catch (Exception error) when (IsInputError(error))
        {
            throw Unreadable(path, error);
        }
    }

    /// <summary>Refuses a size before anything is allocated for it.</summary>
    public static void CheckSize(string what, long length, long limit, string? option)
    {
        if (length > Math.Min(limit, Array.MaxLength))
        {
            throw new WhenceException(
                $"{what}: {length} bytes, more than the limit of {Math.Min(limit, Array.MaxLength)}" + (option is null ? "" : $"; raise it with {option}"));
        }
    }

    /// <summary>Runs an action on a file and turns the system's errors into a <see cref="WhenceException"/>.</summary>
    public static T Guard<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception error) when (IsInputError(error))
        {
            throw Unreadable(path, error);
        }
    }

    /// <summary>Whether the error lies with the file or the system, not with this program.</summary>
    public static bool IsInputError(Exception error) =>
        error is IOException or UnauthorizedAccessException or System.Security.SecurityException or NotSupportedException
        || error is ArgumentException; // a path with a NUL character

    /// <summary>The error in one line.</summary>
    public static WhenceException Unreadable(string path, Exception error) => new($"{path}: cannot be read: {OneLine(error.Message)}", error);

    /// <summary>A foreign message without its line breaks.</summary>
    public static string OneLine(string message) => string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
}
