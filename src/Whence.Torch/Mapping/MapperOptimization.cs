using System.Runtime.InteropServices;
using TorchSharp.Modules;
using Whence.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Whence.Torch.Mapping;

/// <summary>What a step measured, before it moved the parameters.</summary>
/// <param name="SynthToReal">The part of Eq. 3 that seeks a synthesized image's exemplar among the batch's, mean over pairs.</param>
/// <param name="RealToSynth">The part that seeks an exemplar's synthesized image.</param>
/// <param name="Regularizer">L_reg of Eq. 4: how far W and W~ are from rotations; 0 where the kind has none.</param>
/// <param name="Weight">lambda.</param>
internal readonly record struct StepLosses(double SynthToReal, double RealToSynth, double Regularizer, double Weight)
{
    public double Contrastive => SynthToReal + RealToSynth;

    public double Loss => Contrastive + (Weight * Regularizer);
}

/// <summary>
/// The two mappers while they learn, and one step of that: Eq. 3 and 4 of the paper and Adam. The gradient of the loss with respect to the
/// similarities, of the normalisation and of the regulariser are written in closed form; libtorch does the products and what lies within a mapper.
/// </summary>
internal sealed class MapperOptimization : IDisposable
{
    private const string RealPrefix = "real.", SynthPrefix = "synth.", MeanPrefix = "adam.mean.", SquarePrefix = "adam.square.";

    private readonly MapperTrainingOptions _options;
    private readonly ContrastiveLoss _loss;
    private readonly (string Name, Parameter Parameter, Adam Adam)[] _parameters;

    /// <summary>Mappers as training begins with them.</summary>
    /// <param name="options">Kind, temperature, regulariser, seed.</param>
    /// <param name="dimension">d of the features.</param>
    public MapperOptimization(MapperTrainingOptions options, int dimension)
    {
        (_options, _loss) = (options, new ContrastiveLoss(options.Temperature));
        var random = new SplitMix64(options.Seed, stream: -1);
        (Real, Synth) = (TrainableMapper.Create(options, dimension, ref random), TrainableMapper.Create(options, dimension, ref random));
        _parameters = [.. Named(RealPrefix, Real), .. Named(SynthPrefix, Synth)];
    }

    /// <summary>h.</summary>
    public TrainableMapper Real { get; }

    /// <summary>h~.</summary>
    public TrainableMapper Synth { get; }

    /// <summary>Steps done.</summary>
    public long Steps { get; private set; }

    /// <summary>One step with n pairs.</summary>
    /// <param name="real">Features of the exemplars, n x d.</param>
    /// <param name="synth">Features of the synthesized images, n x d; row i belongs to row i of <paramref name="real"/>.</param>
    /// <param name="groups">As for <see cref="ContrastiveLoss.Replace"/>.</param>
    /// <param name="learningRate">Of this step.</param>
    public StepLosses Step(Tensor real, Tensor synth, ReadOnlySpan<int> groups, double learningRate)
    {
        var losses = Backward(real, synth, groups);
        Steps++;
        using var none = no_grad();
        foreach (var (_, parameter, adam) in _parameters)
        {
            using var gradient = parameter.grad!;
            using var dense = gradient.contiguous();
            adam.Step(TensorValues.Of(parameter), TensorValues.Of(dense), Steps, learningRate);
        }

        return losses;
    }

    /// <summary>Computes the losses, and the gradient of each parameter into its <c>grad</c>.</summary>
    public StepLosses Backward(Tensor real, Tensor synth, ReadOnlySpan<int> groups)
    {
        using var scope = NewDisposeScope();
        foreach (var (_, parameter, _) in _parameters)
        {
            parameter.grad = null;
        }

        var (mappedReal, mappedSynth) = (Real.forward(real), Synth.forward(synth));
        var (f, q) = (new UnitRows(mappedReal), new UnitRows(mappedSynth));
        var similarities = RowProducts.WithRows(q.Tensor, f.Tensor);
        var gradient = similarities.detach(); // the same memory: a product's gradient does not need its result
        var (synthToReal, realToSynth) = _loss.Replace(TensorValues.Of(gradient), (int)real.shape[0], groups);
        autograd.backward([similarities], [gradient]);
        autograd.backward([mappedReal, mappedSynth], [f.Gradient(), q.Gradient()]);
        var weight = _options.EffectiveRegularizer;
        return new StepLosses(synthToReal, realToSynth, (Regularize(Real, weight) + Regularize(Synth, weight)) / 2, weight);
    }

    /// <summary>Weights and statistics of both mappers, and Adam's moments.</summary>
    public IReadOnlyList<TensorData> Save(bool withMoments) =>
    [
        .. ModuleState.Save(RealPrefix, Real),
        .. ModuleState.Save(SynthPrefix, Synth),
        .. _parameters.Where(_ => withMoments).SelectMany(p => (TensorData[])
        [
            TensorData.FromSingle(MeanPrefix + p.Name, p.Adam.Mean, p.Adam.Mean.Length),
            TensorData.FromSingle(SquarePrefix + p.Name, p.Adam.Square, p.Adam.Square.Length),
        ]),
    ];

    /// <summary>Takes a state that <see cref="Save"/> gave; moments stay as they are where it has none.</summary>
    /// <exception cref="WhenceException">A tensor is missing or of another shape.</exception>
    public void Load(IReadOnlyList<TensorData> state, long steps)
    {
        var byName = state.ToDictionary(t => t.Name, StringComparer.Ordinal);
        ModuleState.Load(RealPrefix, Real, byName);
        ModuleState.Load(SynthPrefix, Synth, byName);
        foreach (var (name, _, adam) in _parameters.Where(p => byName.ContainsKey(MeanPrefix + p.Name)))
        {
            ModuleState.Find(byName, MeanPrefix + name, [adam.Mean.Length]).ToBytes().CopyTo(MemoryMarshal.AsBytes(adam.Mean.AsSpan()));
            ModuleState.Find(byName, SquarePrefix + name, [adam.Mean.Length]).ToBytes().CopyTo(MemoryMarshal.AsBytes(adam.Square.AsSpan()));
        }

        Steps = steps;
    }

    /// <summary>The mappers as they are, for use without torch.</summary>
    /// <param name="name">What to call them in reports.</param>
    public MapperPair ToPair(string name) => new(Real.ToMapper(), Synth.ToMapper(), name);

    public void Dispose()
    {
        Real.Dispose();
        Synth.Dispose();
    }

    /// <summary>
    /// ||W W^T - I||_F, which is the ||W^T W - I||_F of Eq. 4 for a square W, and the gradient of half of it times the weight,
    /// weight (W W^T - I) W / ||W W^T - I||_F, added to the parameter's. Where the norm is 0 it has no gradient, and 0 is taken, as torch does.
    /// </summary>
    private static double Regularize(TrainableMapper mapper, double weight)
    {
        if (mapper.Square is not { } square)
        {
            return 0;
        }

        using var none = no_grad();
        var difference = RowProducts.WithRows(square, square);
        var values = TensorValues.Of(difference);
        var d = (int)square.shape[0];
        var squares = 0.0;
        for (var i = 0; i < d; i++)
        {
            values[(i * d) + i] -= 1;
            squares += TensorPrimitives.SumOfSquares<float>(values.Slice(i * d, d));
        }

        var norm = Math.Sqrt(squares);
        if (weight > 0 && norm > 0)
        {
            TensorPrimitives.Multiply(values, (float)(weight / norm), values);
            square.grad!.add_(RowProducts.WithColumns(difference, square));
        }

        return norm;
    }

    private static IEnumerable<(string Name, Parameter Parameter, Adam Adam)> Named(string prefix, TrainableMapper mapper) =>
        mapper.named_parameters().Select(p => (prefix + p.name, p.parameter, new Adam((int)p.parameter.numel())));
}
