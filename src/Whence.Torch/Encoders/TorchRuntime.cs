using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>Devices and threads of libtorch.</summary>
internal static class TorchRuntime
{
    /// <summary>
    /// Has libtorch compute what this thread asks for on this thread alone. The pipeline makes a call per core: threads within the calls would be
    /// as many again for each, and wait for each other. libtorch keeps the number per thread that calls it.
    /// </summary>
    public static void UseOwnThread()
    {
        if (get_num_threads() != 1)
        {
            set_num_threads(1);
        }
    }

    /// <summary>Has libtorch compute what this thread asks for on all cores: for calls that are made one after the other, as in diffusion and training.</summary>
    public static void UseAllCores() => Use(Environment.ProcessorCount);

    /// <summary>Has libtorch compute what this thread asks for on so many threads.</summary>
    public static void Use(int threads)
    {
        if (get_num_threads() != threads)
        {
            set_num_threads(threads);
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
}
