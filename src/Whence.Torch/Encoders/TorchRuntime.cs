using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Whence.Files;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>Devices and threads of libtorch.</summary>
internal static partial class TorchRuntime
{
    // Names of glibc's malloc.h.
    private const int TrimThreshold = -1, TopPad = -2, MmapMax = -4, ArenaMax = -8;

    private static bool KeepsMemory, IsQuiet;

    /// <summary>
    /// Has libtorch compute what this thread asks for on this thread alone. The pipeline makes a call per core: threads within the calls would be
    /// as many again for each, and wait for each other. libtorch keeps the number per thread that calls it.
    /// </summary>
    public static void UseOwnThread() => Use(1);

    /// <summary>Has libtorch compute what this thread asks for on all cores: for calls that are made one after the other, as in diffusion and training.</summary>
    public static void UseAllCores() => Use(Environment.ProcessorCount);

    /// <summary>Has libtorch compute what this thread asks for on so many threads.</summary>
    public static void Use(int threads)
    {
        KeepMemory();
        if (get_num_threads() != threads)
        {
            set_num_threads(threads);
        }

        LeaveOutNnpack();
    }

    /// <summary>Works side by side, each in a dispose scope of its own; afterwards this thread has libtorch compute on as many threads as before.</summary>
    /// <param name="items">What is worked at, begun in this order; those that take longest first.</param>
    /// <param name="atOnce">At most so many at once.</param>
    /// <param name="threads">Threads of libtorch of each.</param>
    /// <param name="work">The work, on whatever thread.</param>
    public static void ForEach(IEnumerable<int> items, int atOnce, int threads, Action<int> work)
    {
        var before = get_num_threads();
        try
        {
            Unwrap.Aggregate(() => Parallel.ForEach(
                Partitioner.Create(items, EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { MaxDegreeOfParallelism = atOnce },
                item =>
                {
                    Use(threads);
                    using var scope = NewDisposeScope();
                    work(item);
                }));
        }
        finally
        {
            Use(before);
        }
    }

    // libtorch asks NNPACK for some small convolutions of one image, and where it does not know the processor says so on standard error at each of them, thousands of times. libtorch's own do as
    // well. TorchSharp has no word for it, so the C++ function is called by its name; where that is another one (Windows), all stays as it is.
    private static void LeaveOutNnpack()
    {
        if (IsQuiet)
        {
            return;
        }

        IsQuiet = true;
        try
        {
            SetUserEnabledNnpack(GlobalContext(), 0);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // another compiler's names
        }
    }

    /// <summary>
    /// Has the C library keep the memory that libtorch gives back, for the next tensor. glibc returns large blocks to the system at once, whose pages must be asked for and zeroed
    /// again for every operation: where tensors have tens of megabytes, that takes several times as long as adding them up. The process then stays about as large as it once was,
    /// and is no larger for it: what was given back is taken before the system is asked for more. Does nothing where the C library is another one.
    /// </summary>
    public static void KeepMemory()
    {
        if (KeepsMemory || !OperatingSystem.IsLinux())
        {
            return;
        }

        KeepsMemory = true;
        try
        {
            _ = Mallopt(MmapMax, 0);
            _ = Mallopt(TrimThreshold, -1);
            _ = Mallopt(TopPad, 64 << 20);
            _ = Mallopt(ArenaMax, 1);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // another C library, for example musl
        }
    }

    /// <summary>A device.</summary>
    /// <exception cref="WhenceException">It is not there.</exception>
    public static Device Find(EncoderDevice device)
    {
        if (device == EncoderDevice.Cpu)
        {
            return CPU;
        }

        return cuda_is_available()
            ? CUDA
            : throw new WhenceException(
                "There is no CUDA device, or this build of Whence brings libtorch for the processor only (an application with a GPU references libtorch-cuda-*); leave out --device cuda.");
    }

    [LibraryImport("torch_cpu", EntryPoint = "_ZN2at13globalContextEv")]
    private static partial nint GlobalContext();

    [LibraryImport("torch_cpu", EntryPoint = "_ZN2at7Context20setUserEnabledNNPACKEb")]
    private static partial void SetUserEnabledNnpack(nint context, byte enabled);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int Mallopt(int parameter, int value);
}
