namespace Whence.Vectors;

/// <summary>
/// The numbers of a tensor in a mapped file: element (i, j, ...) lies at <c>start + (i * strides[0] + j * strides[1] + ...) *
/// element size</c>. Strides are those of torch, in elements; whoever creates a view has checked that all of it lies in the file.
/// </summary>
internal sealed class TensorView
{
    /// <summary>Elements converted at a time: one span must stay below 2 GB whatever the request.</summary>
    private const int Chunk = 1 << 20;

    private readonly MappedFile _file;
    private readonly long _start;
    private readonly string _name;
    private readonly long[] _strides;

    /// <summary>Number of elements that lie side by side: the trailing dimensions whose strides are those of a dense array.</summary>
    private readonly long _run = 1;
    private readonly int _outerDimensions;

    public TensorView(MappedFile file, string name, TensorInfo info, long start, long[] strides)
    {
        (_file, _name, Info, _start, _strides) = (file, name, info, start, strides);
        Count = info.Count;
        _outerDimensions = strides.Length;
        while (_outerDimensions > 0 && (info.Shape[_outerDimensions - 1] == 1 || strides[_outerDimensions - 1] == _run))
        {
            _run *= info.Shape[--_outerDimensions];
        }
    }

    public TensorInfo Info { get; }

    public long Count { get; }

    public static long[] DenseStrides(IReadOnlyList<long> shape)
    {
        var strides = new long[shape.Count];
        long stride = 1;
        for (var i = shape.Count - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(shape[i], 1);
        }

        return strides;
    }

    public float[] ReadSingle()
    {
        var values = new float[CheckedCount()];
        Copy(0, values, Elements.ToSingle);
        return values;
    }

    /// <summary>Reads all elements to where there is room for exactly them.</summary>
    public void ReadSingle(Span<float> destination) => Copy(0, destination, Elements.ToSingle);

    public long[] ReadInt64()
    {
        if (!Info.Type.IsInteger())
        {
            throw _file.Bad($"{_name} is {Info} where integers are needed; save it as int64.");
        }

        var values = new long[CheckedCount()];
        Copy(0, values, Elements.ToInt64);
        return values;
    }

    /// <summary>Reads rows (slices of the first dimension) as float32; rows and destination are checked.</summary>
    public void ReadRows(long firstRow, Span<float> destination)
    {
        if (Info.Shape.Count == 0)
        {
            throw _file.Bad($"{_name} is a single number where rows are needed.");
        }

        var rows = Info.Shape[0];
        var rowLength = rows == 0 ? 0 : Count / rows;
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, rows);
        if (rowLength == 0 ? !destination.IsEmpty : destination.Length % rowLength != 0)
        {
            throw new ArgumentException($"{destination.Length} numbers are not rows of {rowLength}.", nameof(destination));
        }

        if (destination.Length > (rows - firstRow) * rowLength)
        {
            throw new ArgumentOutOfRangeException(nameof(firstRow), firstRow, $"There are {rows} rows.");
        }

        Copy(firstRow * rowLength, destination, Elements.ToSingle);
    }

    public FeatureMatrix ReadMatrix()
    {
        var shape = Info.Shape;
        if (shape.Count is not (1 or 2) || shape[^1] is < 1 or > int.MaxValue || shape[0] > int.MaxValue)
        {
            throw _file.Bad($"{_name} is {Info} where n x d features (or one vector of d) are needed, d at least 1.");
        }

        return new FeatureMatrix(shape.Count == 1 ? 1 : (int)shape[0], (int)shape[^1], ReadSingle());
    }

    /// <summary>The bytes of a dense tensor, where they lie.</summary>
    public ReadOnlySpan<byte> DenseBytes() => Count * Info.Type.Size() <= int.MaxValue
        ? _file.Bytes(_start, Count * Info.Type.Size())
        : throw _file.Bad($"{_name} is {Info}, 2 GB or more; read it by rows.");

    private int CheckedCount() => Count <= Array.MaxLength
        ? (int)Count
        : throw _file.Bad($"{_name} is {Info}, too large to be read at once; read it by rows.");

    /// <summary>Copies elements <paramref name="first"/> and on, counted row-major, one run of neighbours after another.</summary>
    private void Copy<T>(long first, Span<T> destination, Elements.Conversion<T> convert)
    {
        var size = Info.Type.Size();
        while (!destination.IsEmpty)
        {
            var (run, within) = Math.DivRem(first, _run);
            var count = (int)Math.Min(Math.Min(_run - within, destination.Length), Chunk);
            var bytes = _file.Bytes(_start + (OffsetOfRun(run) + within) * size, (long)count * size);
            convert(Info.Type, bytes, destination[..count]);
            destination = destination[count..];
            first += count;
        }
    }

    private long OffsetOfRun(long run)
    {
        long offset = 0;
        for (var i = _outerDimensions - 1; i >= 0; i--)
        {
            (run, var index) = Math.DivRem(run, Info.Shape[i]);
            offset += index * _strides[i];
        }

        return offset;
    }
}
