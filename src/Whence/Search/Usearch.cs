using System.Runtime.InteropServices;

namespace Whence.Search;

/// <summary>The few functions of USearch's C interface that the graphs need. Errors are static strings, owned by the library.</summary>
internal static unsafe partial class Usearch
{
    public const int MetricInnerProduct = 2, ScalarFloat32 = 1, ScalarBFloat16 = 6;

    private const string Library = "libusearch_c";

    private static readonly Lazy<Exception?> Problem = new(Load);

    /// <summary>Threads that may be in a graph at once: it keeps scratch memory for as many.</summary>
    public static int MostThreads => Environment.ProcessorCount;

    /// <summary>Makes sure that the native library is there.</summary>
    /// <exception cref="WhenceException">It cannot be loaded on this machine.</exception>
    public static void Require()
    {
        if (Problem.Value is { } problem)
        {
            throw new WhenceException(
                $"The approximate search needs the native library {Library} of USearch, which cannot be loaded here ({RuntimeInformation.RuntimeIdentifier}); it comes with Whence for linux-x64 (and needs the system's libgomp1), osx-arm64 and win-x64. All else works without it.", problem);
        }
    }

    /// <summary>Turns what the library answered into an exception.</summary>
    /// <exception cref="WhenceException">There was an error.</exception>
    public static void Check(IntPtr error, string path)
    {
        if (error != 0)
        {
            throw new WhenceException($"'{path}': USearch says: {Marshal.PtrToStringUTF8(error)?.ReplaceLineEndings(" ")}.");
        }
    }

    [LibraryImport(Library, EntryPoint = "usearch_version")]
    private static partial IntPtr Version();

    [LibraryImport(Library, EntryPoint = "usearch_init")]
    public static partial IntPtr Create(in Options options, out IntPtr error);

    [LibraryImport(Library, EntryPoint = "usearch_free")]
    public static partial void Free(IntPtr graph, out IntPtr error);

    [LibraryImport(Library, EntryPoint = "usearch_reserve")]
    public static partial void Reserve(IntPtr graph, nuint vectors, out IntPtr error);

    [LibraryImport(Library, EntryPoint = "usearch_add")]
    public static partial void Add(IntPtr graph, ulong key, float* vector, int scalarKind, out IntPtr error);

    [LibraryImport(Library, EntryPoint = "usearch_save", StringMarshalling = StringMarshalling.Utf8)]
    public static partial void Save(IntPtr graph, string path, out IntPtr error);

    /// <summary>Uses a saved graph where it lies in memory; it must stay there until <see cref="Free"/>.</summary>
    [LibraryImport(Library, EntryPoint = "usearch_view_buffer")]
    public static partial void View(IntPtr graph, byte* file, nuint length, out IntPtr error);

    [LibraryImport(Library, EntryPoint = "usearch_search")]
    public static partial nuint Search(
        IntPtr graph, float* query, int scalarKind, nuint count, ulong* keys, float* distances, out IntPtr error);

    /// <summary>The same among the keys for which a predicate says other than 0.</summary>
    [LibraryImport(Library, EntryPoint = "usearch_filtered_search")]
    public static partial nuint SearchFiltered(
        IntPtr graph, float* query, int scalarKind, nuint count, delegate* unmanaged[Cdecl]<ulong, void*, int> filter, void* state,
        ulong* keys, float* distances, out IntPtr error);

    private static Exception? Load()
    {
        try
        {
            Version();
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return e;
        }
    }

    /// <summary><c>usearch_init_options_t</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct Options(int dimensions, int connectivity, int expansionAdd)
    {
        private readonly int _metric = MetricInnerProduct;
        private readonly IntPtr _ownMetric;
        private readonly int _scalar = ScalarBFloat16;
        private readonly nuint _dimensions = (nuint)dimensions;
        private readonly nuint _connectivity = (nuint)connectivity;
        private readonly nuint _expansionAdd = (nuint)expansionAdd;
        private readonly nuint _expansionSearch;
        private readonly byte _multi;
    }
}
