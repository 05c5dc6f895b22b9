using System.IO.Compression;
using System.Text;
using Whence.Files;

namespace Whence.Vectors;

/// <summary>
/// Writes PyTorch files as <c>torch.save</c> does (a zip archive with a pickle of protocol 2 that names the tensors, and their bytes), for
/// <c>torch.load</c>, also with <c>weights_only=True</c>, and for <see cref="TorchFile"/>. The same tensors give the same bytes.
/// </summary>
public static class TorchFileWriter
{
    private const string Archive = "archive/";

    // No clock: a file depends on its content alone. The earliest time that a zip archive knows.
    private static readonly DateTimeOffset Written = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes one state dict beside its place and renames it.</summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="tensors">In this order.</param>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<TensorData> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Write(path, tensors, pickle => pickle.StateDict(tensors));
    }

    /// <summary>Writes a dict of state dicts, such as <c>{"real_mapper": {...}, "synth_mapper": {...}}</c>.</summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="stateDicts">Keys and state dicts, in this order.</param>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<(string Key, IReadOnlyList<TensorData> Tensors)> stateDicts)
    {
        ArgumentNullException.ThrowIfNull(stateDicts);
        Write(path, [.. stateDicts.SelectMany(s => s.Tensors)], pickle => pickle.Dictionary(stateDicts));
    }

    /// <summary>Writes a dict of tensors and further dicts.</summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="items">In this order.</param>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public static void Write(string path, TorchItems items)
    {
        ArgumentNullException.ThrowIfNull(items);
        Write(path, [.. items.Flatten()], pickle => pickle.Items(items));
    }

    private static void Write(string path, IReadOnlyList<TensorData> tensors, Action<Pickle> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var content = new MemoryStream();
        using (var pickle = new Pickle(content))
        {
            write(pickle);
        }

        // In memory first: a zip archive is written with going back.
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(zip, "data.pkl", content.ToArray());
            for (var i = 0; i < tensors.Count; i++)
            {
                Add(zip, FormattableString.Invariant($"data/{i}"), tensors[i].ToBytes());
            }

            Add(zip, "version", "3\n"u8);
        }

        AtomicFile.Write(path, stream => bytes.WriteTo(stream));
    }

    private static void Add(ZipArchive zip, string name, ReadOnlySpan<byte> content)
    {
        var entry = zip.CreateEntry(Archive + name, CompressionLevel.NoCompression);
        entry.LastWriteTime = Written;
        using var stream = entry.Open();
        stream.Write(content);
    }

    /// <summary>The pickle: what <c>pickle.loads</c> does to build the dict, without the memo that it does not need.</summary>
    private sealed class Pickle : IDisposable
    {
        private readonly BinaryWriter _writer;
        private int _storages;

        public Pickle(Stream stream)
        {
            _writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
            _writer.Write([0x80, 2]); // PROTO 2
        }

        public void Dispose()
        {
            Op('.');
            _writer.Dispose();
        }

        public void Dictionary(IEnumerable<(string Key, IReadOnlyList<TensorData> Tensors)> stateDicts)
        {
            Op('}');
            Op('(');
            foreach (var (key, tensors) in stateDicts)
            {
                Text(key);
                StateDict(tensors);
            }

            Op('u');
        }

        /// <summary>The tensors in the order in which they are flattened.</summary>
        public void Items(TorchItems items)
        {
            Op('}');
            Op('(');
            foreach (var (key, value) in items)
            {
                Text(key);
                if (value is TensorData tensor)
                {
                    Tensor(tensor.Info);
                }
                else
                {
                    Items((TorchItems)value);
                }
            }

            Op('u');
        }

        public void StateDict(IReadOnlyList<TensorData> tensors)
        {
            OrderedDict();
            Op('(');
            foreach (var tensor in tensors)
            {
                Text(tensor.Name);
                Tensor(tensor.Info);
            }

            Op('u');
        }

        /// <summary><c>_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)</c>.</summary>
        private void Tensor(TensorInfo info)
        {
            Global("torch._utils", "_rebuild_tensor_v2");
            Op('(');
            Op('(');
            Text("storage");
            Global("torch", StorageClass(info.Type));
            Text(FormattableString.Invariant($"{_storages++}"));
            Text("cpu");
            Integer(Elements.Count([.. info.Shape])!.Value);
            Op('t');
            Op('Q'); // BINPERSID
            Integer(0);
            Tuple(info.Shape);
            Tuple(TensorView.DenseStrides(info.Shape));
            _writer.Write((byte)0x89); // NEWFALSE
            OrderedDict();
            Op('t');
            Op('R');
        }

        private static string StorageClass(ElementType type) => type switch
        {
            ElementType.F32 => "FloatStorage",
            ElementType.F16 => "HalfStorage",
            ElementType.F64 => "DoubleStorage",
            ElementType.I64 => "LongStorage",
            _ => throw new ArgumentException($"Tensors of {type} are not written to PyTorch files.", nameof(type)),
        };

        private void OrderedDict()
        {
            Global("collections", "OrderedDict");
            Op(')');
            Op('R');
        }

        private void Tuple(IReadOnlyList<long> numbers)
        {
            Op('(');
            foreach (var number in numbers)
            {
                Integer(number);
            }

            Op('t');
        }

        private void Integer(long value)
        {
            if (value <= int.MaxValue)
            {
                Op('J'); // BININT
                _writer.Write((int)value);
            }
            else
            {
                _writer.Write([0x8a, sizeof(long)]); // LONG1
                _writer.Write(value);
            }
        }

        private void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Op('X'); // BINUNICODE
            _writer.Write(bytes.Length);
            _writer.Write(bytes);
        }

        private void Global(string module, string name) => _writer.Write(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

        private void Op(char opcode) => _writer.Write((byte)opcode);
    }
}
