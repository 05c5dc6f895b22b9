using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Whence.Files;
using Whence.Vectors;

namespace Whence.Calibration;

/// <summary>
/// Similarities in a file (<c>docs/formats.md</c>), mapped into memory: those of 4,096 queries to 100,000 candidates take 1.6 GB. A derived file: whatever it
/// was made of is in its key, and each row has a hash.
/// </summary>
internal sealed class SimilarityFile : ISimilarities, IDisposable
{
    private readonly MappedFile _file;
    private readonly SimilarityLayout _layout;

    private SimilarityFile(MappedFile file, SimilarityLayout layout) => (_file, _layout) = (file, layout);

    /// <inheritdoc/>
    public int Queries => _layout.Queries;

    /// <inheritdoc/>
    public int Exemplars(int query) => SimilarityLayout.Counts(_file.Bytes(_layout.Offset(query), SimilarityLayout.RowHeader)).Exemplars;

    /// <inheritdoc/>
    public ReadOnlySpan<float> Row(int query)
    {
        var row = _file.Bytes(_layout.Offset(query), _layout.RowBytes);
        return MemoryMarshal.Cast<byte, float>(row[SimilarityLayout.RowHeader..])[..SimilarityLayout.Counts(row).Candidates];
    }

    /// <summary>Opens a file that is complete.</summary>
    /// <returns>Null where it is missing, made of something else, cut short or damaged: then it is to be made again.</returns>
    public static SimilarityFile? Find(string path, SimilarityLayout layout, int threads)
    {
        if (RegularFile.Guard(path, () => RegularFile.Length(path)) is null or 0)
        {
            return null;
        }

        var file = MappedFile.Open(path);
        var found = new SimilarityFile(file, layout);
        var sound = file.Length == layout.Offset(layout.Queries) && file.Bytes(0, SimilarityLayout.HeaderBytes).SequenceEqual(layout.Header());
        Unwrap.Aggregate(() => Parallel.For(0, sound ? layout.Queries : 0, new ParallelOptions { MaxDegreeOfParallelism = threads }, (q, loop) =>
        {
            if (!layout.IsSound(file.Bytes(layout.Offset(q), layout.RowBytes)))
            {
                Volatile.Write(ref sound, false);
                loop.Stop();
            }
        }));
        if (sound)
        {
            return found;
        }

        found.Dispose();
        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}

/// <summary>What such a file is made of and where its rows lie.</summary>
/// <param name="Key">SHA-256 of all that the similarities follow from.</param>
/// <param name="Queries">Number of rows.</param>
/// <param name="Top">R, the most similarities of a row.</param>
internal sealed record SimilarityLayout(byte[] Key, int Queries, int Top)
{
    public const int HeaderBytes = 64;

    /// <summary>Exemplars and candidates (int32), XxHash3 of these and the similarities (uint64).</summary>
    public const int RowHeader = 16;

    private const int KeyOffset = 32;
    private const int Version = 1;

    public int RowBytes => RowHeader + (sizeof(float) * Top);

    public long Offset(int query) => HeaderBytes + ((long)query * RowBytes);

    public byte[] Header()
    {
        var header = new byte[HeaderBytes];
        "WHENCESM"u8.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), Queries);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), Top);
        Key.CopyTo(header, KeyOffset);
        return header;
    }

    public static void WriteRow(Span<byte> row, ReadOnlySpan<float> similarities, int exemplars)
    {
        row.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(row, exemplars);
        BinaryPrimitives.WriteInt32LittleEndian(row[4..], similarities.Length);
        MemoryMarshal.AsBytes(similarities).CopyTo(row[RowHeader..]);
        BinaryPrimitives.WriteUInt64LittleEndian(row[8..], Hash(row));
    }

    public static (int Exemplars, int Candidates) Counts(ReadOnlySpan<byte> row) =>
        (BinaryPrimitives.ReadInt32LittleEndian(row), BinaryPrimitives.ReadInt32LittleEndian(row[4..]));

    public bool IsSound(ReadOnlySpan<byte> row)
    {
        var (exemplars, candidates) = Counts(row);
        return exemplars >= 1 && candidates >= exemplars && candidates <= Top && BinaryPrimitives.ReadUInt64LittleEndian(row[8..]) == Hash(row);
    }

    private static ulong Hash(ReadOnlySpan<byte> row) =>
        XxHash3.HashToUInt64(row[RowHeader..], (long)(BinaryPrimitives.ReadUInt64LittleEndian(row) * 0x9E37_79B9_7F4A_7C15));
}

/// <summary>Writes a <see cref="SimilarityFile"/> row by row; what an interrupted run has written, the next one keeps.</summary>
internal sealed class SimilarityWriter : IDisposable
{
    private readonly string _path;
    private readonly SimilarityLayout _layout;
    private readonly FileStream _stream;
    private readonly byte[] _row;

    private SimilarityWriter(string path, SimilarityLayout layout, FileStream stream) =>
        (_path, _layout, _stream, _row) = (path, layout, stream, new byte[layout.RowBytes]);

    /// <summary>Rows that are there.</summary>
    public int Rows { get; private set; }

    private static string Unfinished(string path) => path + AtomicFile.TemporarySuffix;

    /// <summary>Opens an unfinished file for going on, or begins one where there is none of this layout.</summary>
    /// <exception cref="WhenceException">It cannot be written, or another process writes it.</exception>
    public static SimilarityWriter Open(string path, SimilarityLayout layout) => Guard(path, () =>
    {
        var stream = new FileStream(Unfinished(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        var writer = new SimilarityWriter(path, layout, stream);
        try
        {
            var header = new byte[SimilarityLayout.HeaderBytes];
            if (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length && header.AsSpan().SequenceEqual(layout.Header()))
            {
                while (writer.Rows < layout.Queries
                    && stream.ReadAtLeast(writer._row, writer._row.Length, throwOnEndOfStream: false) == writer._row.Length && layout.IsSound(writer._row))
                {
                    writer.Rows++;
                }
            }
            else
            {
                stream.Position = 0;
                stream.Write(layout.Header());
            }

            stream.SetLength(layout.Offset(writer.Rows));
            stream.Position = stream.Length;
            return writer;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    });

    /// <summary>Writes the next row.</summary>
    public void Add(ReadOnlySpan<float> similarities, int exemplars)
    {
        SimilarityLayout.WriteRow(_row, similarities, exemplars);
        Guard(_path, () =>
        {
            _stream.Write(_row);
            return true;
        });
        Rows++;
    }

    /// <summary>Puts the complete file in its place.</summary>
    public void Finish() => Guard(_path, () =>
    {
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        File.Move(Unfinished(_path), _path, overwrite: true);
        return true;
    });

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    /// <summary>Deletes a file and what is unfinished of it; nothing where there is nothing.</summary>
    public static void Delete(string path)
    {
        foreach (var file in (string[])[path, Unfinished(path)])
        {
            try
            {
                File.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It is only in the way.
            }
        }
    }

    private static T Guard<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException(
                $"'{path}' cannot be written: {RegularFile.OneLine(e.Message)} The similarities written so far stand; make room, allow writing or end the other run, and run the same command again.", e);
        }
    }
}
