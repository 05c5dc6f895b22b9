using TorchSharp.Modules;
using Whence.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Mapping;

/// <summary>A mapper whose parameters learn. Its parameters and buffers have the names that checkpoints give them.</summary>
internal abstract class TrainableMapper(string name) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>W of the regulariser (Eq. 4), d x d; null where there is none.</summary>
    public virtual Parameter? Square => null;

    /// <summary>The mapper as it is now, for use without torch.</summary>
    public abstract Mapper ToMapper();

    /// <summary>A mapper as training begins with it.</summary>
    /// <param name="options">Kind and dimensions.</param>
    /// <param name="dimension">d of the features.</param>
    /// <param name="random">Draws the weights of an MLP; others need none.</param>
    public static TrainableMapper Create(MapperTrainingOptions options, int dimension, ref SplitMix64 random) => options.Kind switch
    {
        MapperKind.Linear => new TrainableLinear(dimension),
        MapperKind.Channel => new TrainableChannel(dimension),
        _ => new TrainableMlp(dimension, options.HiddenDimension, options.OutputDimension, ref random),
    };
}

/// <summary>W x + b, from the identity.</summary>
internal sealed class TrainableLinear : TrainableMapper
{
    private readonly Parameter _weight, _bias;

    public TrainableLinear(int dimension) : base("linear")
    {
        (_weight, _bias) = (new Parameter(eye(dimension)), new Parameter(zeros(dimension)));
        register_parameter("weight", _weight);
        register_parameter("bias", _bias);
    }

    public override Parameter Square => _weight;

    public override Tensor forward(Tensor features) => RowProducts.WithRows(features, _weight, _bias);

    public override Mapper ToMapper()
    {
        var dimension = (int)_weight.shape[0];
        return new LinearMapper(dimension, dimension, TensorValues.Of(_weight), TensorValues.Of(_bias));
    }
}

/// <summary>A factor for each dimension, from ones.</summary>
internal sealed class TrainableChannel : TrainableMapper
{
    private readonly Parameter _weights;

    public TrainableChannel(int dimension) : base("channel")
    {
        _weights = new Parameter(ones(1, dimension));
        register_parameter("weights", _weights);
    }

    public override Tensor forward(Tensor features) => features * _weights;

    public override Mapper ToMapper() => new ChannelMapper(TensorValues.Of(_weights));
}

/// <summary>
/// Linear, batch normalisation, ReLU, linear, batch normalisation without scale and shift; in training the statistics are the batch's. The
/// places in the names are those of a Sequential that has a dropout at place 3, which is never used.
/// </summary>
internal sealed class TrainableMlp : TrainableMapper
{
    private readonly RowLinear _first, _second;
    private readonly BatchNorm1d _firstNorm, _secondNorm;

    public TrainableMlp(int dimension, int hidden, int output, ref SplitMix64 random) : base("mlp")
    {
        (_first, _second) = (new RowLinear(dimension, hidden, ref random), new RowLinear(hidden, output, ref random));
        (_firstNorm, _secondNorm) = (nn.BatchNorm1d(hidden), nn.BatchNorm1d(output, affine: false));
        register_module("0", _first);
        register_module("1", _firstNorm);
        register_module("4", _second);
        register_module("5", _secondNorm);
    }

    public override Tensor forward(Tensor features) =>
        _secondNorm.forward(_second.forward(nn.functional.relu(_firstNorm.forward(_first.forward(features)))));

    public override Mapper ToMapper() => new MlpMapper([Layer(0, _first, _firstNorm), Layer(4, _second, _secondNorm)]);

    private static MlpLayer Layer(int index, RowLinear linear, BatchNorm1d norm) => new()
    {
        Index = index,
        InputDimension = (int)linear.Weight.shape[1],
        OutputDimension = (int)linear.Weight.shape[0],
        Weight = TensorValues.Of(linear.Weight).ToArray(),
        RunningMean = TensorValues.Of(norm.running_mean!).ToArray(),
        RunningVariance = TensorValues.Of(norm.running_var!).ToArray(),
        Scale = norm.weight is { } scale ? TensorValues.Of(scale).ToArray() : default,
        Shift = norm.bias is { } shift ? TensorValues.Of(shift).ToArray() : default,
        BatchesTracked = norm.num_batches_tracked!.item<long>(),
    };

    /// <summary>W x, from PyTorch's own distribution: uniform up to 1 / sqrt(inputs).</summary>
    private sealed class RowLinear : nn.Module<Tensor, Tensor>
    {
        public RowLinear(int inputs, int outputs, ref SplitMix64 random) : base("linear")
        {
            Weight = new Parameter(empty(outputs, inputs));
            var bound = 1 / Math.Sqrt(inputs);
            foreach (ref var weight in TensorValues.Of(Weight))
            {
                weight = (float)(((2 * random.NextDouble()) - 1) * bound);
            }

            register_parameter("weight", Weight);
        }

        public Parameter Weight { get; }

        public override Tensor forward(Tensor features) => RowProducts.WithRows(features, Weight);
    }
}
