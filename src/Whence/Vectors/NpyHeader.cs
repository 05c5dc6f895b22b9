using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Whence.Vectors;

/// <summary>
/// The head of a .npy array: <c>\x93NUMPY</c>, version, length, and a Python dictionary of three entries. Format:
/// numpy.lib.format, versions 1.0 to 3.0.
/// </summary>
/// <param name="Type">Any but BF16, which numpy does not know.</param>
/// <param name="Shape">Dimensions, outermost first; empty for a scalar.</param>
/// <param name="Length">Bytes before the first number.</param>
internal sealed partial record NpyHeader(ElementType Type, IReadOnlyList<long> Shape, int Length)
{
    private const int MaxLength = 64 * 1024;
    private const int MaxDimensions = 8;
    private static readonly byte[] Magic = [0x93, .. "NUMPY"u8];
    private static readonly (string Code, ElementType Type)[] Codes =
    [
        ("<f2", ElementType.F16), ("<f4", ElementType.F32), ("<f8", ElementType.F64), ("|b1", ElementType.Bool), ("|u1", ElementType.U8),
        ("|i1", ElementType.I8), ("<i2", ElementType.I16), ("<i4", ElementType.I32), ("<i8", ElementType.I64),
    ];

    /// <summary>n of features; a one-dimensional array is one row.</summary>
    public long Rows => Shape.Count == 1 ? 1 : Shape[0];

    /// <summary>d of features, at least 1.</summary>
    public int Columns => (int)Shape[^1];

    /// <summary>Number of elements.</summary>
    public long Count => Elements.Count([.. Shape])!.Value;

    /// <summary>Bytes of the numbers after the header.</summary>
    public long DataLength => Count * Type.Size();

    /// <summary>Reads the header of features, n x d of float16, float32 or float64, and leaves the stream at the first number.</summary>
    public static NpyHeader ReadFeatures(Stream stream, Func<string, WhenceException> bad)
    {
        var header = Read(stream, bad);
        if (header.Type.IsInteger())
        {
            throw bad($"the numbers are '{CodeOf(header.Type)}'; little-endian '<f2', '<f4' or '<f8' is needed, convert with astype.");
        }

        return header.Shape.Count is 1 or 2 && header.Shape[^1] is >= 1 and <= int.MaxValue
            ? header
            : throw bad($"the shape is ({string.Join(", ", header.Shape)}); n x d features (or one vector of d) are needed, d at least 1.");
    }

    /// <summary>Reads the header of an array of at most 8 dimensions and leaves the stream at the first number.</summary>
    public static NpyHeader Read(Stream stream, Func<string, WhenceException> bad)
    {
        var start = new byte[12];
        if (stream.ReadAtLeast(start.AsSpan(0, 10), 10, throwOnEndOfStream: false) < 10 || !start.AsSpan().StartsWith(Magic))
        {
            throw bad("not a .npy array (it does not begin with \\x93NUMPY); write one with numpy.save.");
        }

        int prefix = 10;
        long length = BinaryPrimitives.ReadUInt16LittleEndian(start.AsSpan(8));
        if (start[6] is 2 or 3)
        {
            prefix = 12;
            stream.ReadAtLeast(start.AsSpan(10), 2, throwOnEndOfStream: false);
            length = BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(8));
        }
        else if (start[6] != 1)
        {
            throw bad($"version {start[6]}.{start[7]} of the .npy format is unknown (1 to 3 are); save it again with numpy.save.");
        }

        if (length > MaxLength)
        {
            throw bad($"the .npy header claims {length} bytes, more than {MaxLength}; the file is damaged or not an array of numbers.");
        }

        var header = new byte[length];
        if (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < length)
        {
            throw bad($"ends within the .npy header of {length} bytes; it was not written to the end, make or copy it again.");
        }

        return Parse(Encoding.UTF8.GetString(header), prefix + header.Length, bad);
    }

    /// <summary>The bytes of a version 1.0 header, padded so that the numbers begin at a multiple of 64.</summary>
    public static byte[] Write(ElementType type, long rows, int columns)
    {
        var code = type is ElementType.F16 or ElementType.F32 or ElementType.F64
            ? CodeOf(type)
            : throw new ArgumentOutOfRangeException(nameof(type), type, "Features are F16, F32 or F64.");
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{{'descr': '{code}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
        var total = (10 + text.Length + 1 + 63) / 64 * 64;
        var header = new byte[total];
        Magic.CopyTo(header, 0);
        header[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(total - 10));
        Encoding.ASCII.GetBytes(text.PadRight(total - 11) + "\n", header.AsSpan(10));
        return header;
    }

    private static string CodeOf(ElementType type) => Array.Find(Codes, c => c.Type == type).Code;

    private static NpyHeader Parse(string text, int length, Func<string, WhenceException> bad)
    {
        var descr = Descr().Match(text);
        var order = FortranOrder().Match(text);
        var shape = Dimensions().Match(text);
        if (!descr.Success || !order.Success || !shape.Success)
        {
            throw bad("the .npy header is not that of a plain array of numbers (descr, fortran_order, shape); save float16 or float32.");
        }

        ElementType? type = Array.Find(Codes, c => c.Code == descr.Groups[1].Value) is { Code: not null } known ? known.Type : null;
        if (type is null)
        {
            throw bad($"the numbers are '{descr.Groups[1].Value}'; little-endian '<f2', '<f4' or '<f8' is needed, convert with astype.");
        }

        if (order.Groups[1].Value == "True")
        {
            throw bad("the array is in Fortran order (column after column); save numpy.ascontiguousarray(x) instead.");
        }

        var dimensions = new List<long>();
        foreach (var part in shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!long.TryParse(part.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out var dimension))
            {
                throw bad($"the shape ({shape.Groups[1].Value.Trim()}) is not a shape; the file is damaged, save it again.");
            }

            dimensions.Add(dimension);
        }

        if (dimensions.Count > MaxDimensions)
        {
            throw bad($"the shape ({shape.Groups[1].Value.Trim()}) has more than {MaxDimensions} dimensions; save it with fewer.");
        }

        long[] all = [.. dimensions, type.Value.Size()];
        return Elements.Count(all) is null
            ? throw bad($"the shape ({shape.Groups[1].Value.Trim()}) is larger than any file; the file is damaged, save it again.")
            : new NpyHeader(type.Value, dimensions, length);
    }

    [GeneratedRegex(@"'descr'\s*:\s*'([^']{1,16})'", RegexOptions.CultureInvariant)]
    private static partial Regex Descr();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)", RegexOptions.CultureInvariant)]
    private static partial Regex FortranOrder();

    [GeneratedRegex(@"'shape'\s*:\s*\(([0-9L,\s]{0,200})\)", RegexOptions.CultureInvariant)]
    private static partial Regex Dimensions();
}
