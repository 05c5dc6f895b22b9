using System.IO.MemoryMappedFiles;
using Whence.Files;

namespace Whence.Vectors;

/// <summary>
/// A file mapped read-only into memory, of any size: a span is handed out per request, and none reaches beyond the file's end.
/// Whoever shortens the file while it is mapped breaks this, on every operating system.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private MappedFile(string path, MemoryMappedFile file, long length)
    {
        Path = path;
        Length = length;
        _file = file;
        _view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>The first byte, for native code that is given the whole file; valid until <see cref="Dispose"/>.</summary>
    public byte* Start
    {
        get
        {
            ObjectDisposedException.ThrowIf(_start == null, this);
            return _start;
        }
    }

    /// <exception cref="WhenceException">The file is missing, a folder, empty, a pipe or device, or cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
        {
            throw new WhenceException($"'{path}' is a folder where a file is needed; name a file in it.");
        }

        if (!File.Exists(path))
        {
            throw new WhenceException($"'{path}' does not exist; check the path.");
        }

        try
        {
            if (RegularFile.Length(path) == 0)
            {
                throw new WhenceException($"'{path}' is empty or no regular file; it was probably not written to the end, make or copy it again.");
            }

            var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess);
            var length = RandomAccess.GetLength(handle);
            var file = MemoryMappedFile.CreateFromFile(
                handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            return new MappedFile(path, file, length);
        }
        catch (Exception e) when (RegularFile.IsInputError(e))
        {
            throw new WhenceException($"'{path}' cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Bytes of the file; the caller has checked that they lie in it.</summary>
    public ReadOnlySpan<byte> Bytes(long offset, long length)
    {
        Check(offset, length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, int.MaxValue);
        return new ReadOnlySpan<byte>(_start + offset, (int)length);
    }

    /// <summary>The same bytes as a stream, which may be longer than a span.</summary>
    public Stream Stream(long offset, long length)
    {
        Check(offset, length);
        return new UnmanagedMemoryStream(_start + offset, length);
    }

    /// <summary>Bad data in this file: one line that begins with its path.</summary>
    public WhenceException Bad(string message) => new($"'{Path}': {message}".ReplaceLineEndings(" "));

    public void Dispose()
    {
        if (_start != null)
        {
            _start = null;
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }

    private void Check(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_start == null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }
}
