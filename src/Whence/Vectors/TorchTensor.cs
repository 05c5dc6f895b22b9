namespace Whence.Vectors;

/// <summary>A tensor in a PyTorch file; its numbers are read from the mapped file when asked for.</summary>
public sealed class TorchTensor
{
    internal TorchTensor(string path, TensorView view) => (Path, View) = (path, view);

    /// <summary>Where it is in the file, for example <c>synth_mapper.weight</c>.</summary>
    public string Path { get; }

    /// <summary>Element type and shape.</summary>
    public TensorInfo Info => View.Info;

    internal TensorView View { get; }

    /// <summary>All elements as float32, row after row whatever the strides.</summary>
    /// <exception cref="WhenceException">More elements than an array holds.</exception>
    public float[] ReadSingle() => View.ReadSingle();

    /// <summary>All elements of an integer or Boolean tensor, row after row.</summary>
    /// <exception cref="WhenceException">Not integers.</exception>
    public long[] ReadInt64() => View.ReadInt64();

    /// <summary>An n x d tensor (or one vector of d, as one row) as float32.</summary>
    /// <exception cref="WhenceException">Not of such a shape.</exception>
    public FeatureMatrix ReadMatrix() => View.ReadMatrix();

    /// <summary>Some rows (slices of the first dimension) as float32, for tensors too large to be read at once.</summary>
    /// <param name="firstRow">0 and up.</param>
    /// <param name="destination">A multiple of a row's elements, as many rows as are wanted.</param>
    public void ReadRows(long firstRow, Span<float> destination) => View.ReadRows(firstRow, destination);
}
