namespace Whence.Files;

/// <summary>
/// Walks Thrift's compact protocol, in which Parquet writes its footer and page headers. Nothing is built or allocated: the walk
/// proves that every length and count fits in the bytes that are there, before a library that trusts them gets to see them.
/// </summary>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    /// <summary>Wire types of the compact protocol that matter here.</summary>
    public const byte Struct = 12, List = 9;

    private const int MaxDepth = 24;
    private const byte Stop = 0, True = 1, False = 2, Byte = 3, I16 = 4, I32 = 5, I64 = 6, Double = 7, Binary = 8, Set = 10, Map = 11;
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes walked so far.</summary>
    public int Position { get; private set; }

    /// <summary>Whether a wire type is that of a type's letter in <see cref="ParquetShapes"/>.</summary>
    public static bool Is(byte type, char letter) => letter switch
    {
        'b' => type is True or False,
        'y' => type == Byte,
        'h' => type == I16,
        'i' => type == I32,
        'l' => type == I64,
        'd' => type == Double,
        _ => type == Binary,
    };

    /// <summary>The next field of a struct; false at its end. Start with <paramref name="id"/> = 0.</summary>
    public bool NextField(ref short id, out byte type)
    {
        var head = ReadByte();
        type = (byte)(head & 15);
        if (type == Stop)
        {
            return head == 0 ? false : throw new InvalidDataException("a field without a type");
        }

        id = head >> 4 is var step and not 0 ? (short)(id + step) : (short)ReadInteger();
        return true;
    }

    /// <summary>A zigzag integer of any width.</summary>
    public long ReadInteger()
    {
        var raw = ReadUnsigned();
        return (long)(raw >> 1) ^ -(long)(raw & 1);
    }

    /// <summary>The head of a list: its number of elements, at most one a byte that is left.</summary>
    public int ReadListHead(out byte elementType)
    {
        var head = ReadByte();
        elementType = (byte)(head & 15);
        return FitsIn(head >> 4 is var count and < 15 ? (ulong)count : ReadUnsigned());
    }

    /// <summary>Walks over a value.</summary>
    /// <param name="type">Its wire type.</param>
    /// <param name="depth">How deep it is nested already; bounded, since readers recurse.</param>
    /// <param name="inList">Booleans have their value in the field's type, but take a byte within a list.</param>
    public void Skip(byte type, int depth = 0, bool inList = false)
    {
        if (depth > MaxDepth)
        {
            throw new InvalidDataException($"nested deeper than {MaxDepth} levels");
        }

        switch (type)
        {
            case True or False:
                Advance(inList ? 1 : 0);
                break;
            case Byte:
                Advance(1);
                break;
            case I16 or I32:
                ReadUnsigned(bits: 32);
                break;
            case I64:
                ReadUnsigned();
                break;
            case Double:
                Advance(8);
                break;
            case Binary:
                Advance(FitsIn(ReadUnsigned()));
                break;
            case List or Set:
                for (var left = ReadListHead(out var element); left > 0; left--)
                {
                    Skip(element, depth + 1, inList: true);
                }

                break;
            case Map:
                var pairs = FitsIn(ReadUnsigned());
                var types = pairs > 0 ? ReadByte() : 0;
                for (; pairs > 0; pairs--)
                {
                    Skip((byte)(types >> 4), depth + 1, inList: true);
                    Skip((byte)(types & 15), depth + 1, inList: true);
                }

                break;
            case Struct:
                short id = 0;
                while (NextField(ref id, out var field))
                {
                    Skip(field, depth + 1);
                }

                break;
            default:
                throw new InvalidDataException($"unknown Thrift type {type}");
        }
    }

    private ulong ReadUnsigned(int bits = 64)
    {
        ulong value = 0;
        for (var shift = 0; shift < bits; shift += 7)
        {
            var next = ReadByte();
            value |= (ulong)(next & 127) << shift;
            if (next < 128)
            {
                return value;
            }
        }

        throw new InvalidDataException($"an integer longer than {bits} bits");
    }

    private byte ReadByte()
    {
        Advance(1);
        return _bytes[Position - 1];
    }

    private readonly int FitsIn(ulong count) => count <= (ulong)(_bytes.Length - Position) ? (int)count : throw new EndOfStreamException();

    private void Advance(int count) => Position = FitsIn((ulong)count) + Position;
}
