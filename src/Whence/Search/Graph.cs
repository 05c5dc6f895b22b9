using Whence.Vectors;

namespace Whence.Search;

/// <summary>One graph of an <see cref="ApproximateIndex"/>, memory-mapped and open for search. Thread-safe.</summary>
internal sealed unsafe class Graph : IDisposable
{
    private readonly MappedFile _file;
    private readonly SemaphoreSlim _room = new(Usearch.MostThreads);
    private readonly GraphEntry _entry;
    private readonly int _dimension;
    private readonly long _firstId;
    private IntPtr _graph;

    private Graph(MappedFile file, IntPtr graph, GraphEntry entry, long firstId, int dimension) =>
        (_file, _graph, _entry, _firstId, _dimension) = (file, graph, entry, firstId, dimension);

    /// <summary>Opens a graph.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="entry">What the table of contents says of it.</param>
    /// <param name="firstId">Id of the first row it covers.</param>
    /// <param name="dimension">Length of the vectors.</param>
    /// <exception cref="WhenceException">The file is missing, damaged, or not the one that the table of contents means.</exception>
    public static Graph Open(string path, GraphEntry entry, long firstId, int dimension)
    {
        var shape = entry.Shape(dimension);
        var file = MappedFile.Open(path);
        var graph = IntPtr.Zero;
        try
        {
            if (GraphFile.Check(file, shape) != entry.Hash)
            {
                throw ApproximateIndex.Damaged(path, "it is not as it was written");
            }

            graph = Usearch.Create(new Usearch.Options(dimension, GraphShape.Connectivity, GraphShape.ExpansionAdd), out var error);
            Usearch.Check(error, path);
            Usearch.View(graph, file.Start, (nuint)file.Length, out error);
            Usearch.Check(error, path);
            return new Graph(file, graph, entry, firstId, dimension);
        }
        catch
        {
            Free(ref graph);
            file.Dispose();
            throw;
        }
    }

    /// <summary>Finds rows near a query.</summary>
    /// <param name="query">d numbers, normalised.</param>
    /// <param name="count">Rows wanted, at least 1. The search keeps as many in view, so more are found better.</param>
    /// <param name="members">The rows that may be found, of the whole index; null for all.</param>
    /// <returns>Id and approximate similarity, best first.</returns>
    public (long Id, float Similarity)[] Search(ReadOnlySpan<float> query, int count, RowSet? members)
    {
        ObjectDisposedException.ThrowIf(_graph == 0, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(query.Length, _dimension);
        var wanted = Math.Min(count, _entry.Vectors);
        var (keys, distances) = (new ulong[wanted], new float[wanted]);
        nuint found;
        IntPtr error;
        _room.Wait();
        try
        {
            fixed (float* q = query)
            fixed (ulong* k = keys)
            fixed (float* d = distances)
            {
                if (members is null)
                {
                    found = Usearch.Search(_graph, q, Usearch.ScalarFloat32, (nuint)wanted, k, d, out error);
                }
                else
                {
                    fixed (ulong* words = members.Words)
                    {
                        var filter = new Filter(words, _firstId);
                        found = Usearch.SearchFiltered(_graph, q, Usearch.ScalarFloat32, (nuint)wanted, &IsMember, &filter, k, d, out error);
                    }
                }
            }
        }
        finally
        {
            _room.Release();
        }

        Usearch.Check(error, _file.Path);
        var results = new (long, float)[(int)found];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = (_firstId + (long)keys[i], 1 - distances[i]);
        }

        return results;
    }

    /// <summary>Whether the vectors, which opening does not read, are as they were written.</summary>
    /// <exception cref="WhenceException">They are not.</exception>
    public void CheckVectors()
    {
        if (GraphFile.HashVectors(_file, _entry.Shape(_dimension)) != _entry.VectorsHash)
        {
            throw ApproximateIndex.Damaged(_file.Path, "its vectors are not as they were written");
        }
    }

    public void Dispose()
    {
        Free(ref _graph);
        _file.Dispose();
        _room.Dispose();
    }

    private static void Free(ref IntPtr graph)
    {
        if (graph != 0)
        {
            Usearch.Free(graph, out _);
            graph = 0;
        }
    }

    [System.Runtime.InteropServices.UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int IsMember(ulong key, void* state)
    {
        var filter = (Filter*)state;
        var id = filter->FirstId + (long)key;
        return (int)((filter->Words[id >> 6] >> (int)(id & 63)) & 1);
    }

    private readonly struct Filter(ulong* words, long firstId)
    {
        public readonly ulong* Words = words;
        public readonly long FirstId = firstId;
    }
}
