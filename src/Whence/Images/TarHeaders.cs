using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Whence.Files;

namespace Whence.Images;

/// <summary>A regular file inside a tar file.</summary>
/// <param name="Name">The entry's whole name. It is only ever compared, never used as a path: nothing is extracted.</param>
/// <param name="Offset">Where its bytes begin in the tar file.</param>
/// <param name="Length">How many there are; they lie within the file.</param>
internal readonly record struct TarPart(string Name, long Offset, long Length);

/// <summary>
/// Lists the regular files of a tar file by its headers alone (ustar, pax and GNU long names), so that the data of entries
/// nobody asks for is never read and the others can be read in parallel. Links, folders and devices are passed over.
/// </summary>
internal static class TarHeaders
{
    private const int Block = 512, MaxExtension = 1 << 20;

    // Old archives may hold names that are not UTF-8; replacement characters do, as names are only compared.
    private static readonly Encoding Utf8 = Encoding.UTF8;

    /// <summary>The entries in the order of the file.</summary>
    /// <exception cref="WhenceException">From here on the file is broken; the message tells the byte offset.</exception>
    public static IEnumerable<TarPart> List(SafeFileHandle file, string path)
    {
        var length = RandomAccess.GetLength(file);
        var header = new byte[Block];
        string? longName = null;
        long? longSize = null;
        for (long position = 0; ;)
        {
            if (length - position < Block)
            {
                throw Broken(path, position, "the end-of-archive mark is missing, the file is cut short");
            }

            Read(file, path, header, position);
            if (!header.AsSpan().ContainsAnyExcept((byte)0))
            {
                yield break;
            }

            CheckSum(path, position, header);
            var type = (char)header[156];
            var isData = type is not (>= '1' and <= '6'); // links, devices, folders and pipes: a size there counts no bytes
            var size = type is 'x' or 'g' or 'L' or 'K' ? Number(path, position, header) : longSize ?? Number(path, position, header);
            var data = position + Block;
            if (isData && (size < 0 || size > length - data))
            {
                throw Broken(path, position, $"an entry claims {size} bytes where {length - data} are left, the file is cut short");
            }

            switch (type)
            {
                case 'x':
                    ReadPax(path, data, ReadExtension(file, path, data, size), ref longName, ref longSize);
                    break;
                case 'L':
                    longName = Utf8.GetString(UpToNul(ReadExtension(file, path, data, size)));
                    break;
                case 'g' or 'K': // attributes of all entries, and the target of a link: neither matters for data
                    break;
                case 'S':
                    throw Broken(path, position, "it holds a sparse file, which is not supported");
                default:
                    if (type is '0' or '7' or '\0')
                    {
                        yield return new TarPart(longName ?? ShortName(header), data, size);
                    }

                    (longName, longSize) = (null, null);
                    break;
            }

            // Sizes are rounded up to whole blocks; the last one may lack its padding only where the file is cut.
            position = isData ? data + ((size + Block - 1) / Block * Block) : data;
        }
    }

    private static WhenceException Broken(string path, long position, string what) =>
        new($"{path}: broken tar file at byte {position}: {what}; download or write it again");

    private static void Read(SafeFileHandle file, string path, Span<byte> bytes, long position)
    {
        for (var done = 0; done < bytes.Length;)
        {
            int read;
            try
            {
                read = RandomAccess.Read(file, bytes[done..], position + done);
            }
            catch (Exception error) when (RegularFile.IsInputError(error))
            {
                throw RegularFile.Unreadable(path, error);
            }

            done += read > 0 ? read : throw Broken(path, position + done, "the file was cut short while in use");
        }
    }

    private static byte[] ReadExtension(SafeFileHandle file, string path, long position, long size)
    {
        var bytes = new byte[size <= MaxExtension ? size : throw Broken(path, position, $"a name or its attributes claim {size} bytes")];
        Read(file, path, bytes, position);
        return bytes;
    }

    // The sum of all bytes, with the sum's own field taken as spaces; some old writers summed signed bytes.
    private static void CheckSum(string path, long position, ReadOnlySpan<byte> header)
    {
        int unsigned = 0, signed = 0;
        for (var i = 0; i < Block; i++)
        {
            var value = i is >= 148 and < 156 ? (byte)' ' : header[i];
            unsigned += value;
            signed += (sbyte)value;
        }

        if (Octal(header.Slice(148, 8)) is not { } stated || (stated != unsigned && stated != signed))
        {
            throw Broken(path, position, "no tar header is there (wrong checksum); compressed tar files must be unpacked first");
        }
    }

    private static long Number(string path, long position, ReadOnlySpan<byte> header)
    {
        var field = header.Slice(124, 12);
        if ((field[0] & 128) != 0)
        {
            // Base 256, big-endian, for sizes from 8 GiB on; what does not fit 63 bits is no size.
            var high = field[1] | field[2] | field[3] | (field[0] & 127);
            var low = BinaryPrimitives.ReadInt64BigEndian(field[4..]);
            return high == 0 ? low : -1;
        }

        return Octal(field) ?? throw Broken(path, position, "an entry's size is not a number");
    }

    private static long? Octal(ReadOnlySpan<byte> field)
    {
        var digits = field.Trim(" \0"u8);
        long value = 0;
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return null;
            }

            value = (value << 3) + (digit - '0'); // at most 12 digits: 36 bits
        }

        return value;
    }

    private static string ShortName(ReadOnlySpan<byte> header)
    {
        var name = Utf8.GetString(UpToNul(header[..100]));
        var prefix = header.Slice(257, 6).SequenceEqual("ustar\0"u8) ? Utf8.GetString(UpToNul(header.Slice(345, 155))) : "";
        return prefix.Length > 0 ? $"{prefix}/{name}" : name;
    }

    private static ReadOnlySpan<byte> UpToNul(ReadOnlySpan<byte> bytes) => bytes.IndexOf((byte)0) is >= 0 and var end ? bytes[..end] : bytes;

    // Records "LENGTH KEY=VALUE\n", where LENGTH counts the whole record.
    private static void ReadPax(string path, long position, ReadOnlySpan<byte> records, ref string? name, ref long? size)
    {
        while (UpToNul(records).Length > 0)
        {
            var space = records.IndexOf((byte)' ');
            if (space <= 0
                || !int.TryParse(records[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                || length <= space + 1 || length > records.Length || records[length - 1] != '\n')
            {
                throw Broken(path, position, "extended attributes are malformed");
            }

            var record = records[(space + 1)..(length - 1)];
            if (record.StartsWith("path="u8))
            {
                name = Utf8.GetString(record[5..]);
            }
            else if (record.StartsWith("size="u8))
            {
                size = long.TryParse(record[5..], NumberStyles.None, CultureInfo.InvariantCulture, out var value)
                    ? value
                    : throw Broken(path, position, "an entry's size is not a number");
            }

            records = records[length..];
        }
    }
}
