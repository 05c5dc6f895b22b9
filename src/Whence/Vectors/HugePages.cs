using System.Runtime.InteropServices;

namespace Whence.Vectors;

/// <summary>
/// Memory of the process's own, on pages of 2 MB where the system gives them to whoever asks (Linux), else on its usual pages. A scan
/// of many megabytes spends a third of its time on finding out where pages of 4 kB lie.
/// </summary>
internal sealed unsafe partial class HugePages : IDisposable
{
    private const int PageBytes = 1 << 21;
    private const int AdviseHugePages = 14;

    private readonly nuint _length;
    private byte* _start;

    /// <param name="length">Bytes, at least 1. Their content is undefined; a page takes room from when it is first written to.</param>
    public HugePages(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        _length = checked((nuint)length);
        _start = (byte*)NativeMemory.AlignedAlloc(_length, PageBytes);
        if (OperatingSystem.IsLinux())
        {
            _ = Advise(_start, _length, AdviseHugePages); // refused, it is as good, only slower
        }
    }

    ~HugePages() => Free();

    public Span<byte> Bytes(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_start == null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset + (ulong)length, _length);
        return new Span<byte>(_start + offset, length);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_start);
        _start = null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
