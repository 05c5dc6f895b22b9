using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Whence.Files;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// Makes what is missing of an <see cref="ApproximateIndex"/>: one graph after the other, in memory, each by all threads. A graph counts
/// once <c>graphs.json</c> names it. Which parts go together depends only on the parts before them, so growth changes the last graph alone.
/// </summary>
internal sealed class ApproximateIndexBuilder(FeatureIndex index, Mapper? mapper, ApproximateIndex graphs, ApproximateBuildOptions options)
{
    private const int ChunkRows = 256;
    private const int MostRows = 1 << 20;
    private const long MostBytes = 2L << 30;
    private const string Suffix = ".usearch";

    public ApproximateIndexSummary Build(IProgress<LayoutProgress>? progress, CancellationToken cancellation)
    {
        using var rows = new CanonicalRows(index, mapper, SearchLayout.Find(index, mapper), map: null);
        var groups = Groups(rows.Dimension).ToArray();
        var found = groups.Select(g => graphs.Find(index.Manifest.Parts.Skip(g.First).Take(g.Count)) is { } entry && entry.Parts.Count == g.Count ? entry : null).ToArray();
        var (made, done) = (0, 0L);
        var total = groups.Index().Where(g => found[g.Index] is null).Sum(g => g.Item.Rows);
        if (total > 0)
        {
            Directory.CreateDirectory(graphs.Folder);
            using var held = FolderLock.Acquire(graphs.Folder, ".lock");
            foreach (var (i, group) in groups.Index().Where(g => found[g.Index] is null))
            {
                found[i] = Make(group, rows, count => progress?.Report(new LayoutProgress(Interlocked.Add(ref done, count), total)), cancellation);
                graphs.Save(found.OfType<GraphEntry>());
                Clear(found.OfType<GraphEntry>());
                made++;
            }
        }

        var all = found.OfType<GraphEntry>().ToArray();
        return new(all.Length, made, all.Sum(g => (long)g.Vectors), all.Sum(g => new FileInfo(graphs.PathOf(g)).Length), graphs.Folder);
    }

    private IEnumerable<Group> Groups(int dimension)
    {
        var bytesPerRow = (2 * dimension) + (sizeof(uint) * GraphShape.BaseConnectivity) + 64;
        var most = options.GraphRows ?? (int)Math.Min(MostRows, MostBytes / bytesPerRow);
        var group = new Group(0, 0, 0);
        foreach (var part in index.Manifest.Parts)
        {
            if (group.Count > 0 && group.Rows + part.Rows > most)
            {
                yield return group;
                group = new Group(group.First + group.Count, 0, 0);
            }

            group = group with { Count = group.Count + 1, Rows = group.Rows + part.Rows };
        }

        if (group.Count > 0)
        {
            yield return group;
        }
    }

    // Null where all rows of the group were removed and none of them is a number: nothing to search.
    private GraphEntry? Make(Group group, CanonicalRows rows, Action<int> advance, CancellationToken cancellation)
    {
        var parts = index.Manifest.Parts.Skip(group.First).Take(group.Count).ToArray();
        var shape = new GraphShape(checked((int)group.Rows), 0, rows.Dimension);
        var graph = Usearch.Create(new Usearch.Options(rows.Dimension, GraphShape.Connectivity, GraphShape.ExpansionAdd), out var error);
        try
        {
            Usearch.Check(error, graphs.Folder);
            Usearch.Reserve(graph, (nuint)(group.Rows + Usearch.MostThreads), out error);
            Usearch.Check(error, graphs.Folder);
            var chunks = parts.Index().SelectMany(part => Enumerable.Range(0, (part.Item.Rows + ChunkRows - 1) / ChunkRows).Select(c =>
                new Chunk(group.First + part.Index, c * ChunkRows, Math.Min(ChunkRows, part.Item.Rows - (c * ChunkRows)), part.Item.FirstId - parts[0].FirstId)));
            var vectors = 0;
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(options.Threads, Usearch.MostThreads), CancellationToken = cancellation };
            Unwrap.Aggregate(() => Parallel.ForEach(
                Partitioner.Create(chunks, EnumerablePartitionerOptions.NoBuffering),
                parallel,
                () => new float[ChunkRows * rows.Dimension],
                (chunk, _, buffer) =>
                {
                    Interlocked.Add(ref vectors, Add(graph, chunk, rows, buffer, parts[0].FirstId));
                    advance(chunk.Rows);
                    return buffer;
                },
                _ => { }));
            return vectors == 0 ? null : Write(graph, [.. parts.Select(GraphPart.Of)], shape with { Vectors = vectors });
        }
        finally
        {
            Usearch.Free(graph, out _);
        }
    }

    private unsafe int Add(IntPtr graph, Chunk chunk, CanonicalRows source, float[] buffer, long firstId)
    {
        var added = 0;
        source.Read(chunk.Part, chunk.First, Enumerable.Range(0, chunk.Rows).ToArray(), buffer.AsSpan(0, chunk.Rows * source.Dimension));
        fixed (float* rows = buffer)
        {
            for (var r = 0; r < chunk.Rows; r++)
            {
                var key = chunk.FirstKey + chunk.First + r;
                if (TensorPrimitives.IsFiniteAll<float>(buffer.AsSpan(r * source.Dimension, source.Dimension)))
                {
                    Usearch.Add(graph, (ulong)key, rows + (r * source.Dimension), Usearch.ScalarFloat32, out var error);
                    Usearch.Check(error, graphs.Folder);
                    added++;
                }
                else if (!index.Removed.Contains(firstId + key))
                {
                    throw new WhenceException(
                        $"{index.Folder}: image {firstId + key} has a feature that is not finite; 'whence verify {index.Folder}' tells what to rebuild, 'whence remove' takes the image out.");
                }
            }
        }

        return added;
    }

    private GraphEntry Write(IntPtr graph, GraphPart[] parts, GraphShape shape)
    {
        var temporary = Path.Combine(graphs.Folder, $"graph{AtomicFile.TemporarySuffix}");
        try
        {
            Usearch.Save(graph, temporary, out var error);
            if (error != 0)
            {
                throw new WhenceException(
                    $"'{temporary}' cannot be written: USearch says: {Marshal.PtrToStringUTF8(error)}. Make room or allow writing, and run the same command again.");
            }

            using (var handle = File.OpenHandle(temporary, FileMode.Open, FileAccess.ReadWrite))
            {
                RandomAccess.FlushToDisk(handle);
            }

            GraphEntry entry;
            using (var file = MappedFile.Open(temporary))
            {
                entry = new GraphEntry(parts, shape.Vectors, GraphFile.Check(file, shape), GraphFile.HashVectors(file, shape));
            }

            File.Move(temporary, graphs.PathOf(entry), overwrite: true);
            return entry;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"'{temporary}' cannot be written: {e.Message} Make room or allow writing, and run the same command again.", e);
        }
    }

    private void Clear(IEnumerable<GraphEntry> kept)
    {
        var names = kept.Select(graphs.PathOf).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Directory.GetFiles(graphs.Folder).Where(f => f.EndsWith(Suffix, StringComparison.Ordinal) && !names.Contains(f)))
        {
            try
            {
                File.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody still searches it; the next build tries again.
            }
        }
    }

    /// <summary>Parts that share a graph: places in the manifest.</summary>
    private readonly record struct Group(int First, int Count, long Rows);

    /// <summary>Rows that a thread adds at a time; keys count from the group's first row.</summary>
    private readonly record struct Chunk(int Part, int First, int Rows, long FirstKey);
}
