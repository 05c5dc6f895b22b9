using Microsoft.Win32.SafeHandles;
using Whence.Files;

namespace Whence.Vectors;

/// <summary>
/// A file that is read in blocks: from memory where it is mapped, into a buffer where it is larger than memory and mapping would
/// fetch it page by page. Thread-safe.
/// </summary>
internal sealed class BlockFile : IDisposable
{
    private readonly MappedFile? _mapped;
    private readonly SafeFileHandle? _handle;

    private BlockFile(string path, long length, MappedFile? mapped, SafeFileHandle? handle) =>
        (Path, Length, _mapped, _handle) = (path, length, mapped, handle);

    public string Path { get; }

    public long Length { get; }

    /// <exception cref="WhenceException">The file is missing, empty, or cannot be read.</exception>
    public static BlockFile Open(string path, bool map)
    {
        var mapped = MappedFile.Open(path);
        if (map)
        {
            return new BlockFile(path, mapped.Length, mapped, null);
        }

        mapped.Dispose();
        return new BlockFile(path, mapped.Length, null, RegularFile.Guard(path, () => File.OpenHandle(path)));
    }

    /// <summary>Bytes of the file.</summary>
    /// <param name="offset">Where they begin.</param>
    /// <param name="length">How many; the caller has checked that they lie in the file.</param>
    /// <param name="buffer">Grown and used where the file is not mapped.</param>
    /// <exception cref="WhenceException">The file was cut short, or the disk fails.</exception>
    public ReadOnlySpan<byte> Read(long offset, int length, ref byte[] buffer)
    {
        if (_mapped is not null)
        {
            return _mapped.Bytes(offset, length);
        }

        if (buffer.Length < length)
        {
            buffer = new byte[length];
        }

        try
        {
            for (var read = 0; read < length;)
            {
                var count = RandomAccess.Read(_handle!, buffer.AsSpan(read, length - read), offset + read);
                read += count > 0 ? count : throw new IOException("it ends too early");
            }

            return buffer.AsSpan(0, length);
        }
        catch (IOException e)
        {
            throw new WhenceException($"'{Path}' cannot be read: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        _mapped?.Dispose();
        _handle?.Dispose();
    }
}
