using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp.Modules;
using Whence.Torch.Encoders;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Whence.Torch.Training;

/// <summary>
/// All weights of networks that are trained together, in one array of float32, with what AdamW (Loshchilov and Hutter 2019) or Muon (Jordan et al. 2024) remembers and their moving average beside
/// it. The networks compute with copies, which may be bfloat16: what a step adds is often less than bfloat16 could tell. One pass over the arrays does what a
/// hundred small operations of libtorch would for each of hundreds of tensors.
/// </summary>
internal sealed class TrainedWeights
{
    // Small enough for both cores to have work, large enough for its start not to matter.
    private const int Chunk = 1 << 16;

    private const double Beta1 = 0.9, Beta2 = 0.999;
    private const float Epsilon = 1e-8f, Momentum = 0.95f;

    private readonly (string Name, Tensor Tensor, int Offset, int Length, bool Decays)[] _tensors;
    private readonly (int Offset, int Length, bool Decays)[] _chunks;
    private readonly float[] _gradient;
    private readonly double[] _squares;
    private readonly List<Tensor[]> _twins = [];

    /// <summary>Takes weights from networks.</summary>
    /// <param name="networks">On the processor; all of their parameters take gradients from now on, and stay the networks'.</param>
    public TrainedWeights(params IReadOnlyList<nn.Module> networks)
    {
        var (tensors, chunks, offset) = (new List<(string, Tensor, int, int, bool)>(), new List<(int, int, bool)>(), 0);
        foreach (var (number, network) in networks.Index())
        {
            foreach (var (name, parameter) in Ordered(network))
            {
                parameter.requires_grad = true;
                var length = checked((int)parameter.numel());
                var decays = parameter.ndim >= 2 && name.EndsWith("weight", StringComparison.Ordinal); // of products and convolutions; no bias, norm or row of an embedding
                tensors.Add(($"{number}.{name}", parameter, offset, length, decays));
                for (var at = 0; at < length; at += Chunk)
                {
                    chunks.Add((offset + at, Math.Min(Chunk, length - at), decays));
                }

                offset = checked(offset + length);
            }
        }

        (_tensors, _chunks, _gradient, _squares) = ([.. tensors], [.. chunks], new float[offset], new double[chunks.Count]);
        (Values, Mean, Square) = (new float[offset], new float[offset], new float[offset]);
        foreach (var (_, tensor, at, length, _) in _tensors)
        {
            using var scope = NewDisposeScope();
            TensorValues.Of(tensor.detach().to(ScalarType.Float32).contiguous()).CopyTo(Values.AsSpan(at, length));
        }

        Average = [.. Values];
    }

    /// <summary>Takes weights from the first of networks that each compute a part of the images, and has the others compute with the same.</summary>
    /// <param name="networks">Of each part, those that are trained together.</param>
    /// <param name="threads">Threads that move the weights.</param>
    public static TrainedWeights OfParts(IEnumerable<IReadOnlyList<nn.Module>> networks, int threads)
    {
        var weights = new TrainedWeights(networks.First()) { Threads = threads };
        foreach (var twin in networks.Skip(1))
        {
            weights.AddTwin(twin);
        }

        return weights;
    }

    /// <summary>Numbers of a network's weights, found out of shapes without memory.</summary>
    /// <param name="create">Makes the network on the device meta.</param>
    public static long CountOf(Func<nn.Module> create)
    {
        using var scope = NewDisposeScope();
        using var network = create();
        return network.parameters().Sum(parameter => parameter.numel());
    }

    /// <summary>Threads that move the weights, at least 1; their number changes no bit. Default: one a core.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Names and sizes, in order: what the array's places mean.</summary>
    public string Layout => string.Join(' ', _tensors.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Name}:{t.Length}")));

    /// <summary>Numbers in all.</summary>
    public int Count => Values.Length;

    /// <summary>The weights.</summary>
    public float[] Values { get; }

    /// <summary>Running mean of the gradient.</summary>
    public float[] Mean { get; }

    /// <summary>Running mean of the squared gradient.</summary>
    public float[] Square { get; }

    /// <summary>Moving average of the weights.</summary>
    public float[] Average { get; }

    /// <summary>Has other networks of the same kind compute with the same weights from now on: their gradients, of other images, are added to those of the first ones.</summary>
    /// <param name="networks">On the processor; all of their parameters take gradients from now on, and stay the networks'.</param>
    public void AddTwin(params IReadOnlyList<nn.Module> networks)
    {
        Tensor[] twin = [.. networks.SelectMany(Ordered).Select(named => named.Parameter)];
        foreach (var parameter in twin)
        {
            parameter.requires_grad = true;
        }

        _twins.Add(twin);
        Write(Values);
    }

    /// <summary>Forgets the gradients of the last step.</summary>
    public void ClearGradients()
    {
        foreach (var tensor in _tensors.Select(t => t.Tensor).Concat(_twins.SelectMany(twin => twin)))
        {
            tensor.grad = null;
        }
    }

    /// <summary>Moves the weights by the gradients that the networks hold, and has the networks compute with the new ones.</summary>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="rate">Learning rate of this step.</param>
    /// <param name="options">Decay, clip, average.</param>
    /// <returns>Length of the gradient before it was clipped.</returns>
    public double Step(long step, double rate, OptimizerOptions options)
    {
        var threads = new ParallelOptions { MaxDegreeOfParallelism = Threads };
        TorchRuntime.ForEach(Enumerable.Range(0, _tensors.Length), Threads, 1, Gather);
        Parallel.For(0, _chunks.Length, threads, i => _squares[i] = TensorPrimitives.SumOfSquares(_gradient.AsSpan(_chunks[i].Offset, _chunks[i].Length)));
        var norm = Math.Sqrt(_squares.Sum());
        if (double.IsFinite(norm))
        {
            // As PyTorch clips.
            var scale = (float)Math.Min(1, options.Clip / (norm + 1e-6));
            var average = (float)(1 - Math.Min(options.Average, (1.0 + step) / (10 + step))); // the first steps' weights are soon forgotten
            var rates = (Rate: (float)(rate / (1 - Math.Pow(Beta1, step))), Root: (float)Math.Sqrt(1 - Math.Pow(Beta2, step)), Decay: (float)(1 - (rate * options.WeightDecay)));
            var muon = options.Optimizer == Optimizer.Muon;
            Parallel.ForEach(_chunks.Where(chunk => !(muon && chunk.Decays)), threads, chunk => Move(chunk, scale, average, rates.Rate, rates.Root, rates.Decay));
            if (muon)
            {
                // The longest first, so that no thread has one left when the others are done.
                var matrices = Enumerable.Range(0, _tensors.Length).Where(i => _tensors[i].Decays).OrderByDescending(i => _tensors[i].Length);
                TorchRuntime.ForEach(matrices, Threads, 1, i => MoveOrthogonally(_tensors[i], scale, average, (float)rate, rates.Decay));
            }

            Write(Values);
        }

        return norm;
    }

    /// <summary>Has the networks compute with these weights: <see cref="Values"/>, or their <see cref="Average"/>.</summary>
    public void Write(float[] weights)
    {
        TorchRuntime.ForEach(Enumerable.Range(0, _tensors.Length), Threads, 1, i =>
        {
            using var none = no_grad();
            var own = weights.AsSpan(_tensors[i].Offset, _tensors[i].Length);
            foreach (var tensor in Tensors(i))
            {
                if (tensor.dtype == ScalarType.Float32 && tensor.is_contiguous())
                {
                    own.CopyTo(TensorValues.Of(tensor));
                }
                else
                {
                    tensor.copy_(TensorValues.ToTensor(own, tensor.shape));
                }
            }
        });
    }

    /// <summary>Gives the moving average to networks that were made as those that are trained, and takes gradients no more.</summary>
    /// <param name="networks">On the processor, float32.</param>
    public void CopyAverageTo(params IReadOnlyList<nn.Module> networks)
    {
        using var none = no_grad();
        var at = 0;
        foreach (var (_, parameter) in networks.SelectMany(Ordered))
        {
            parameter.requires_grad = false;
            var length = (int)parameter.numel();
            using var values = TensorValues.ToTensor(Average.AsSpan(at, length), parameter.shape);
            parameter.copy_(values);
            at += length;
        }
    }

    /// <summary>The state, to go on from later.</summary>
    /// <param name="prefix">Stands before the names.</param>
    public IEnumerable<TensorData> Save(string prefix) =>
        Parts.Select(part => TensorData.FromMatrix(prefix + part.Name, new FeatureMatrix(1, Count, part.Values), Count));

    /// <summary>Goes on from a state.</summary>
    /// <param name="file">Holds it.</param>
    /// <param name="path">Where the file is, for messages.</param>
    /// <param name="prefix">Stands before the names.</param>
    /// <exception cref="WhenceException">The file does not hold it.</exception>
    public void Load(SafetensorsFile file, string path, string prefix)
    {
        foreach (var (name, values) in Parts)
        {
            StateFile.Values(file, path, prefix + name, [Count]).CopyTo(values, 0);
        }

        Write(Values);
    }

    // By their names, whatever the order in which a network registers them.
    private static IEnumerable<(string Name, Parameter Parameter)> Ordered(nn.Module network) =>
        network.named_parameters().Select(p => (p.name, p.parameter)).OrderBy(p => p.name, StringComparer.Ordinal);

    private IEnumerable<(string Name, float[] Values)> Parts => [("weights", Values), ("mean", Mean), ("square", Square), ("average", Average)];

    // Of the first networks and of their twins.
    private IEnumerable<Tensor> Tensors(int i) => _twins.Select(twin => twin[i]).Prepend(_tensors[i].Tensor);

    // The gradients of a tensor, of all images.
    private void Gather(int i)
    {
        using var none = no_grad();
        var sum = _gradient.AsSpan(_tensors[i].Offset, _tensors[i].Length);
        sum.Clear();
        foreach (var tensor in Tensors(i))
        {
            if (tensor.grad is { } gradient)
            {
                TensorPrimitives.Add(sum, TensorValues.Of(gradient.to(ScalarType.Float32).contiguous()), sum);
                gradient.Dispose();
            }
        }
    }

    // Muon with Nesterov's momentum; the gradient's place holds what is in between.
    private void MoveOrthogonally((string Name, Tensor Tensor, int Offset, int Length, bool Decays) matrix, float scale, float average, float rate, float decay)
    {
        using var none = no_grad();
        var (_, tensor, at, length, _) = matrix;
        var between = _gradient.AsSpan(at, length);
        var mean = Mean.AsSpan(at, length);
        TensorPrimitives.Multiply(between, scale * (1 - Momentum), between);
        TensorPrimitives.MultiplyAdd(mean, Momentum, between, mean);
        TensorPrimitives.MultiplyAdd(mean, Momentum, between, between);
        var direction = Orthogonalization.Of(TensorValues.ToTensor(between, tensor.shape[0], length / tensor.shape[0]).to(tensor.dtype));
        TensorValues.Of(direction.to(ScalarType.Float32).contiguous()).CopyTo(between);

        var values = Values.AsSpan(at, length);
        var averages = Average.AsSpan(at, length);
        TensorPrimitives.Multiply(values, decay, values);
        TensorPrimitives.MultiplyAdd(between, -rate, values, values);
        TensorPrimitives.Subtract(values, averages, between);
        TensorPrimitives.MultiplyAdd(between, average, averages, averages);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Move((int Offset, int Length, bool Decays) chunk, float scale, float average, float rate, float root, float decay)
    {
        const float Rest1 = (float)(1 - Beta1), Rest2 = (float)(1 - Beta2);
        decay = chunk.Decays ? decay : 1;
        var (start, whole) = (chunk.Offset, chunk.Length - (chunk.Length % Vector<float>.Count));
        var p = MemoryMarshal.Cast<float, Vector<float>>(Values.AsSpan(start, whole));
        var g = MemoryMarshal.Cast<float, Vector<float>>(_gradient.AsSpan(start, whole));
        var m = MemoryMarshal.Cast<float, Vector<float>>(Mean.AsSpan(start, whole));
        var v = MemoryMarshal.Cast<float, Vector<float>>(Square.AsSpan(start, whole));
        var a = MemoryMarshal.Cast<float, Vector<float>>(Average.AsSpan(start, whole));
        for (var i = 0; i < p.Length; i++)
        {
            var gradient = g[i] * scale;
            m[i] = (m[i] * (float)Beta1) + (gradient * Rest1);
            v[i] = (v[i] * (float)Beta2) + (gradient * gradient * Rest2);
            p[i] = (p[i] * decay) - (rate * m[i] / ((Vector.SquareRoot(v[i]) / new Vector<float>(root)) + new Vector<float>(Epsilon)));
            a[i] += (p[i] - a[i]) * average;
        }

        for (var i = start + whole; i < start + chunk.Length; i++)
        {
            var gradient = _gradient[i] * scale;
            Mean[i] = (Mean[i] * (float)Beta1) + (gradient * Rest1);
            Square[i] = (Square[i] * (float)Beta2) + (gradient * gradient * Rest2);
            Values[i] = (Values[i] * decay) - (rate * Mean[i] / ((MathF.Sqrt(Square[i]) / root) + Epsilon));
            Average[i] += (Values[i] - Average[i]) * average;
        }
    }
}
