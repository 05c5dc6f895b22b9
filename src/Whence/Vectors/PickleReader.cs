using System.Buffers.Binary;
using System.Text;

namespace Whence.Vectors;

/// <summary>
/// Reads a pickle without ever executing it: a stack machine that knows containers, numbers, text and names. Where Python would
/// look up and call a class or function, <see cref="PickleCalls"/> makes a tensor or an ordered dictionary if torch's own few
/// functions are named, and an inert <see cref="PickleObject"/> for anything else. Opcodes: those of Python's pickletools that
/// protocols 2 to 5 write for such data.
/// </summary>
internal ref struct PickleReader
{
    /// <summary>Values, marks and memos in all: an opcode of one byte can make one, so this bounds the memory of a hostile file.</summary>
    private const int MaxObjects = 5_000_000;

    private readonly Func<string, WhenceException> _bad;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private readonly ReadOnlySpan<byte> _pickle;
    private int _at;
    private int _objects;

    private PickleReader(ReadOnlySpan<byte> pickle, Func<string, WhenceException> bad)
    {
        _pickle = pickle;
        _bad = bad;
    }

    public static object? Read(ReadOnlySpan<byte> pickle, Func<string, WhenceException> bad)
    {
        var reader = new PickleReader(pickle, bad);
        return reader.Run();
    }

    private object? Run()
    {
        while (true)
        {
            var opcode = Take(1)[0];
            if (opcode == (byte)'.')
            {
                return Pop();
            }

            if (!RunValue(opcode) && !RunContainer(opcode) && !RunObject(opcode))
            {
                throw Bad($"opcode 0x{opcode:x2} is none that torch.save writes");
            }
        }
    }

    /// <summary>Protocol marks, numbers and text.</summary>
    private bool RunValue(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: // PROTO
                if (Take(1)[0] is var protocol && protocol is < 2 or > 5)
                {
                    throw Bad($"protocol {protocol} is none of 2 to 5");
                }

                return true;
            case 0x95: // FRAME: its length only helps to read ahead
                Take(8);
                return true;
            case (byte)'N':
                return Push(null);
            case 0x88: // NEWTRUE
                return Push(true);
            case 0x89: // NEWFALSE
                return Push(false);
            case (byte)'J': // BININT
                return Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
            case (byte)'K': // BININT1
                return Push((long)Take(1)[0]);
            case (byte)'M': // BININT2
                return Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
            case 0x8a: // LONG1
                return Push(Integer(Take(Take(1)[0])));
            case (byte)'G': // BINFLOAT, the one big-endian number
                return Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
            case 0x8c: // SHORT_BINUNICODE
                return Push(Encoding.UTF8.GetString(Take(Take(1)[0])));
            case (byte)'X': // BINUNICODE
                return Push(Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
            case 0x8d: // BINUNICODE8
                return Push(Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)))));
            case (byte)'U': // SHORT_BINSTRING, text of Python 2
                return Push(Encoding.Latin1.GetString(Take(Take(1)[0])));
            case (byte)'T': // BINSTRING
                return Push(Encoding.Latin1.GetString(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
            case (byte)'C': // SHORT_BINBYTES
                return Push(Take(Take(1)[0]).ToArray());
            case (byte)'B': // BINBYTES
                return Push(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))).ToArray());
            case 0x8e: // BINBYTES8
                return Push(Take(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))).ToArray());
            default:
                return false;
        }
    }

    /// <summary>Lists, tuples, dictionaries, and the stack itself.</summary>
    private bool RunContainer(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'(':
                Count();
                _marks.Push(_stack.Count);
                return true;
            case (byte)'0': // POP
                Pop();
                return true;
            case (byte)'1': // POP_MARK
                PopToMark();
                return true;
            case (byte)'2': // DUP
                return Push(Peek());
            case (byte)']': // EMPTY_LIST
            case 0x8f: // EMPTY_SET
            case (byte)')': // EMPTY_TUPLE
                return Push(new PickleList([]));
            case (byte)'t': // TUPLE
            case (byte)'l': // LIST
            case 0x91: // FROZENSET
                return Push(new PickleList(PopToMark()));
            case 0x85 or 0x86 or 0x87: // TUPLE1, TUPLE2, TUPLE3
                return Push(new PickleList(PopMany(opcode - 0x84)));
            case (byte)'}': // EMPTY_DICT
                return Push(new PickleDictionary());
            case (byte)'a': // APPEND
                Append(PopMany(1));
                return true;
            case (byte)'e': // APPENDS
            case 0x90: // ADDITEMS
                Append(PopToMark());
                return true;
            case (byte)'s': // SETITEM
                SetItems(PopMany(2));
                return true;
            case (byte)'u': // SETITEMS
                SetItems(PopToMark());
                return true;
            case (byte)'q': // BINPUT
                return Memoize(Take(1)[0]);
            case (byte)'r': // LONG_BINPUT
                return Memoize(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
            case 0x94: // MEMOIZE
                return Memoize((uint)_memo.Count);
            case (byte)'h': // BINGET
                return Push(Recall(Take(1)[0]));
            case (byte)'j': // LONG_BINGET
                return Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
            default:
                return false;
        }
    }

    /// <summary>Everything that in Python would look up, call or change an object.</summary>
    private bool RunObject(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'c': // GLOBAL
                var module = Line();
                return Push(new PickleGlobal(module, Line()));
            case 0x93: // STACK_GLOBAL
                return PopMany(2) is [string scope, string name]
                    ? Push(new PickleGlobal(scope, name))
                    : throw Bad("a class or function without a name");
            case (byte)'R': // REDUCE
            case 0x81: // NEWOBJ
                var call = PopMany(2);
                return Push(PickleCalls.Call(call[0], call[1]));
            case 0x92: // NEWOBJ_EX: class, arguments, keyword arguments
                call = PopMany(3);
                return Push(PickleCalls.Call(call[0], call[1]));
            case (byte)'b': // BUILD
                var state = Pop();
                if (Peek() is PickleObject { State: null } inert)
                {
                    inert.State = state;
                }

                return true;
            case (byte)'Q': // BINPERSID
                return Push(PickleCalls.Storage(Pop()) ?? throw Bad("a reference that is no storage of a tensor"));
            default:
                return false;
        }
    }

    private bool Push(object? value)
    {
        Count();
        _stack.Add(value);
        return true;
    }

    private bool Memoize(uint key)
    {
        Count();
        _memo[key] = Peek();
        return true;
    }

    private void Count()
    {
        if (++_objects > MaxObjects)
        {
            throw Bad($"more than {MaxObjects} objects");
        }
    }

    private readonly object? Peek() =>
        _stack.Count > Floor ? _stack[^1] : throw Bad("something is taken where nothing is");

    private readonly object? Pop() => PopMany(1)[0];

    private readonly List<object?> PopMany(int count)
    {
        if (_stack.Count - Floor < count)
        {
            throw Bad("something is taken where nothing is");
        }

        return Cut(_stack.Count - count);
    }

    private readonly List<object?> PopToMark() =>
        _marks.TryPop(out var mark) ? Cut(mark) : throw Bad("an end without a beginning");

    private readonly List<object?> Cut(int start)
    {
        var items = _stack.GetRange(start, _stack.Count - start);
        _stack.RemoveRange(start, items.Count);
        return items;
    }

    /// <summary>The stack below the latest mark is out of reach until the mark is taken.</summary>
    private readonly int Floor => _marks.TryPeek(out var mark) ? mark : 0;

    private readonly void Append(List<object?> items)
    {
        // Lists of types that are not known (subclasses) stay inert: what is added to them is dropped.
        if (Peek() is PickleList list)
        {
            list.Items.AddRange(items);
        }
    }

    private readonly void SetItems(List<object?> items)
    {
        if (items.Count % 2 != 0)
        {
            throw Bad("a key without a value");
        }

        if (Peek() is PickleDictionary dictionary)
        {
            for (var i = 0; i < items.Count; i += 2)
            {
                dictionary.Items.Add(new(items[i], items[i + 1]));
            }
        }
    }

    private readonly object? Recall(uint key) =>
        _memo.TryGetValue(key, out var value) ? value : throw Bad($"memo {key} was never put");

    /// <summary>Little-endian two's complement of any length; beyond 64 bits it stays inert.</summary>
    private static object Integer(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > sizeof(long))
        {
            return new PickleObject(new PickleGlobal("builtins", "int"));
        }

        long value = 0;
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            value = i == bytes.Length - 1 ? (sbyte)bytes[i] : (value << 8) | bytes[i];
        }

        return value;
    }

    private string Line()
    {
        var rest = _pickle[_at..];
        var end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            throw Bad("a name without an end");
        }

        _at += end + 1;
        return Encoding.UTF8.GetString(rest[..end]);
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_pickle.Length - _at))
        {
            throw Bad($"{count} bytes are wanted where {_pickle.Length - _at} are left");
        }

        var taken = _pickle.Slice(_at, (int)count);
        _at += (int)count;
        return taken;
    }

    private readonly WhenceException Bad(string what) => _bad($"damaged at byte {_at}: {what}; save the file again.");
}
