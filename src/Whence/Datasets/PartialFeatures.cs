using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Whence.Files;

namespace Whence.Datasets;

/// <summary>
/// What an extraction has so far, in a file beside its output: one record after the other, each with a hash, so that an interruption at any instant
/// loses at most what was not yet written and a torn record is found. Gone when the output stands.
/// </summary>
internal sealed class PartialFeatures : IDisposable
{
    private const int HeaderLength = 64;
    private const int Prefix = 16;
    private const int Suffix = sizeof(ulong);

    private readonly SafeFileHandle _file;
    private readonly long[] _places;
    private readonly int _values;
    private readonly ArrayBufferWriter<byte> _pending = new();
    private long _end = HeaderLength;

    private PartialFeatures(string path, SafeFileHandle file, int images, int values) =>
        (Path, _file, _places, _values) = (path, file, new long[images], values);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Opens the file that belongs to an output and a key, or begins one.</summary>
    /// <param name="output">Where the features will be.</param>
    /// <param name="key">What the features depend on.</param>
    /// <param name="stamps">Per image a number; features made with another one are not used.</param>
    /// <param name="values">Numbers per image.</param>
    /// <exception cref="WhenceException">It cannot be written, or another process writes it.</exception>
    public static PartialFeatures Open(string output, byte[] key, ReadOnlySpan<long> stamps, int values)
    {
        var path = $"{output}.{Convert.ToHexStringLower(key.AsSpan(0, 8))}.whence-partial";
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (RegularFile.IsInputError(e))
        {
            throw new WhenceException($"'{path}' cannot be written: {RegularFile.OneLine(e.Message)} Is another run at work, or does the folder not exist?", e);
        }

        var partial = new PartialFeatures(path, file, stamps.Length, values);
        try
        {
            partial.Read(Header(key, values), stamps);
            return partial;
        }
        catch
        {
            partial.Dispose();
            throw;
        }
    }

    /// <summary>Whether the features of an image are there.</summary>
    public bool Has(int image) => _places[image] != 0;

    /// <summary>Keeps the features of an image; call <see cref="Flush"/> now and then.</summary>
    public void Add(int image, long stamp, ReadOnlySpan<float> features)
    {
        _places[image] = _end + _pending.WrittenCount + Prefix;
        var length = _values * sizeof(float);
        var record = _pending.GetSpan(Prefix + length + Suffix)[..(Prefix + length + Suffix)];
        BinaryPrimitives.WriteInt32LittleEndian(record, image);
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], length);
        BinaryPrimitives.WriteInt64LittleEndian(record[8..], stamp);
        MemoryMarshal.AsBytes(features).CopyTo(record[Prefix..]);
        BinaryPrimitives.WriteUInt64LittleEndian(record[^Suffix..], XxHash3.HashToUInt64(record[..^Suffix]));
        _pending.Advance(record.Length);
    }

    /// <summary>Hands what was added to the operating system: a killed process loses nothing before this.</summary>
    public void Flush()
    {
        Guard(() => RandomAccess.Write(_file, _pending.WrittenSpan, _end));
        _end += _pending.WrittenCount;
        _pending.ResetWrittenCount();
    }

    /// <summary>Reads features of an image that is there and was flushed.</summary>
    /// <param name="image">Its number.</param>
    /// <param name="first">The first number wanted.</param>
    /// <param name="destination">As many numbers as are wanted.</param>
    public void Read(int image, int first, Span<float> destination)
    {
        var bytes = MemoryMarshal.AsBytes(destination);
        if (ReadBytes(_places[image] + (first * sizeof(float)), bytes) < bytes.Length)
        {
            throw new WhenceException($"'{Path}' was cut short while in use; run the same command again.");
        }
    }

    /// <summary>Deletes the file; the output stands.</summary>
    public void Delete()
    {
        Dispose();
        Guard(() => File.Delete(Path));
    }

    public void Dispose() => _file.Dispose();

    // Everything up to the first record that is not whole; what follows is written over.
    private void Read(byte[] header, ReadOnlySpan<long> stamps)
    {
        var found = new byte[HeaderLength];
        if (ReadBytes(0, found) == HeaderLength && found.AsSpan().SequenceEqual(header))
        {
            var record = new byte[Prefix + (_values * sizeof(float)) + Suffix];
            while (ReadBytes(_end, record) == record.Length
                && BinaryPrimitives.ReadInt32LittleEndian(record) is var image && (uint)image < (uint)_places.Length
                && BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(4)) == _values * sizeof(float)
                && XxHash3.HashToUInt64(record.AsSpan(..^Suffix)) == BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(^Suffix..)))
            {
                if (BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(8)) == stamps[image])
                {
                    _places[image] = _end + Prefix;
                }

                _end += record.Length;
            }
        }
        else
        {
            Guard(() => RandomAccess.Write(_file, header, 0));
        }

        Guard(() => RandomAccess.SetLength(_file, _end));
    }

    private static byte[] Header(byte[] key, int values)
    {
        var header = new byte[HeaderLength];
        "WHENCEPF"u8.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), 1);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), values);
        key.CopyTo(header.AsSpan(16));
        return header;
    }

    private int ReadBytes(long offset, Span<byte> bytes)
    {
        var done = 0;
        for (int read; done < bytes.Length && (read = RandomAccess.Read(_file, bytes[done..], offset + done)) > 0;)
        {
            done += read;
        }

        return done;
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (RegularFile.IsInputError(e))
        {
            throw new WhenceException($"'{Path}' cannot be written: {RegularFile.OneLine(e.Message)} What was encoded before is kept; make room, and run the same command again.", e);
        }
    }
}
