using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Whence.Bench.Search;

/// <summary>
/// The time of merely reading so many bytes that are in memory: every thread adds up its share, 512 bits at a time. Files are read
/// where they are mapped; the same number of bytes that the process owns, on pages of 2 MB where the system has them, is read too.
/// </summary>
internal sealed unsafe partial class ReadFloor : IDisposable
{
    private readonly int _threads;
    private readonly List<(MemoryMappedFile File, MemoryMappedViewAccessor View)> _maps = [];
    private readonly List<(nint Address, long Length)> _mapped = [];
    private readonly void* _own;

    public ReadFloor(IReadOnlyList<string> files, int threads)
    {
        _threads = threads;
        foreach (var path in files)
        {
            var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* address = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref address);
            _maps.Add((file, view));
            _mapped.Add(((nint)address, new FileInfo(path).Length));
        }

        Bytes = _mapped.Sum(region => region.Length);
        const int HugePage = 1 << 21, AdviseHugePages = 14;
        _own = NativeMemory.AlignedAlloc((nuint)Bytes, HugePage);
        _ = Advise(_own, (nuint)Bytes, AdviseHugePages); // a system without them is as good
        for (var at = 0L; at < Bytes; at += 1 << 20)
        {
            new Span<byte>((byte*)_own + at, (int)Math.Min(1 << 20, Bytes - at)).Fill(1); // or every page would be the one page of zeros
        }
    }

    public long Bytes { get; }

    public double Mapped() => Rounds.Time(() => Read(_mapped));

    public double Own() => Rounds.Time(() => Read([((nint)_own, Bytes)]));

    public void Dispose()
    {
        foreach (var (file, view) in _maps)
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            file.Dispose();
        }

        NativeMemory.AlignedFree(_own);
    }

    private void Read(List<(nint Address, long Length)> regions)
    {
        var sums = new ulong[_threads];
        var workers = Enumerable.Range(0, _threads).Select(thread => new Thread(() =>
        {
            var (from, to) = (Bytes * thread / _threads, Bytes * (thread + 1) / _threads);
            foreach (var (address, length) in regions)
            {
                var (first, last) = (Math.Clamp(from, 0, length), Math.Clamp(to, 0, length));
                sums[thread] += Sum((byte*)address + first, last - first);
                (from, to) = (from - length, to - length);
            }
        })).ToArray();
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
        GC.KeepAlive(sums);
    }

    // Up to 255 bytes behind the last whole step stay unread.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Sum(byte* bytes, long length)
    {
        var (a, b, c, d) = (Vector512<ulong>.Zero, Vector512<ulong>.Zero, Vector512<ulong>.Zero, Vector512<ulong>.Zero);
        for (var end = bytes + (length & ~255L); bytes < end; bytes += 256)
        {
            a += Vector512.Load((ulong*)bytes);
            b += Vector512.Load((ulong*)(bytes + 64));
            c += Vector512.Load((ulong*)(bytes + 128));
            d += Vector512.Load((ulong*)(bytes + 192));
        }

        return Vector512.Sum(a + b + c + d);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
