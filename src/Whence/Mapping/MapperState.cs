using System.Globalization;
using Whence.Vectors;

namespace Whence.Mapping;

/// <summary>
/// One mapper's tensors as they were in a file, turned into a mapper; everything that does not fit is collected, so that one
/// error lists all of it.
/// </summary>
internal sealed class MapperState
{
    private readonly Dictionary<string, TensorView> _tensors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];

    public void Add(string name, TensorView tensor) => _tensors.Add(name, tensor);

    /// <summary>Builds the mapper that the keys tell of.</summary>
    /// <param name="prefix">Named before each key in the problems, for example <c>real_mapper.</c>.</param>
    /// <param name="problems">Receives what is missing, superfluous, of another shape, or not finite.</param>
    /// <returns>The mapper, or null where there are problems.</returns>
    public Mapper? Build(string prefix, List<string> problems)
    {
        Mapper? mapper = _tensors.ContainsKey("weights") ? BuildChannel()
            : _tensors.ContainsKey("weight") ? BuildLinear()
            : BuildMlp();
        _problems.AddRange(_tensors.Where(tensor => !_used.Contains(tensor.Key)).Select(tensor => $"{tensor.Key} {tensor.Value.Info} is not expected"));
        problems.AddRange(_problems.Select(problem => prefix + problem));
        return _problems.Count == 0 ? mapper : null;
    }

    private ChannelMapper? BuildChannel()
    {
        var d = Dimension("weights", 1);
        return Take("weights", 1, d) is { } weights ? new ChannelMapper(weights) : null;
    }

    private LinearMapper? BuildLinear()
    {
        var (m, d) = (Dimension("weight", 0), Dimension("weight", 1));
        return (Take("weight", m, d), Take("bias", m)) is ({ } weight, { } bias) ? new LinearMapper((int)d, (int)m, weight, bias) : null;
    }

    /// <summary>
    /// The places of the linear layers are those of the two-dimensional weights; between them lie normalisation, ReLU and
    /// perhaps dropout, of which only the first has tensors.
    /// </summary>
    private MlpMapper? BuildMlp()
    {
        int[] places =
        [
            .. _tensors.Where(tensor => tensor.Value.Info.Shape.Count == 2).Select(tensor => Place(tensor.Key)).OfType<int>().Order(),
        ];
        if (places.Length == 0)
        {
            _problems.Add("weight, weights or 0.weight is missing: neither a linear, a channel nor an MLP mapper");
            return null;
        }

        var layers = new List<MlpLayer>();
        long? previous = null;
        foreach (var place in places)
        {
            var layer = TakeLayer(place, previous, last: place == places[^1]);
            previous = Dimension($"{place}.weight", 0);
            if (layer is not null)
            {
                layers.Add(layer);
            }
        }

        return layers.Count == places.Length ? new MlpMapper(layers) : null;
    }

    private MlpLayer? TakeLayer(int place, long? inputs, bool last)
    {
        var (linear, normalization) = (FormattableString.Invariant($"{place}.weight"), FormattableString.Invariant($"{place + 1}."));
        var m = Dimension(linear, 0);
        var d = inputs ?? Dimension(linear, 1);
        var weight = Take(linear, m, d);
        var scale = last ? null : Take(normalization + "weight", m);
        var shift = last ? null : Take(normalization + "bias", m);
        var mean = Take(normalization + "running_mean", m);
        var variance = Take(normalization + "running_var", m);
        if (variance is not null && variance.AsSpan().ContainsAnyInRange(float.NegativeInfinity, -float.Epsilon))
        {
            _problems.Add($"{normalization}running_var has a negative variance");
            variance = null;
        }

        var tracked = TakeCount(normalization + "num_batches_tracked");
        if (weight is null || mean is null || variance is null || (!last && (scale is null || shift is null)))
        {
            return null;
        }

        return new MlpLayer
        {
            Index = place,
            InputDimension = (int)d,
            OutputDimension = (int)m,
            Weight = weight,
            RunningMean = mean,
            RunningVariance = variance,
            Scale = scale,
            Shift = shift,
            BatchesTracked = tracked,
        };
    }

    private static int? Place(string key) =>
        key.EndsWith(".weight", StringComparison.Ordinal)
        && int.TryParse(key.AsSpan(0, key.Length - ".weight".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var place)
            ? place
            : null;

    private long Dimension(string name, int axis) =>
        _tensors.TryGetValue(name, out var tensor) && axis < tensor.Info.Shape.Count ? tensor.Info.Shape[axis] : 0;

    private float[]? Take(string name, params long[] shape)
    {
        _used.Add(name);
        if (!_tensors.TryGetValue(name, out var tensor))
        {
            _problems.Add($"{name} is missing");
            return null;
        }

        if (!tensor.Info.Shape.SequenceEqual(shape) || shape.Any(dimension => dimension is < 1 or > int.MaxValue))
        {
            var expected = string.Join(", ", shape.Select(dimension => dimension == 0 ? "?" : $"{dimension}"));
            _problems.Add($"{name} is {tensor.Info} where [{expected}] is expected");
            return null;
        }

        var values = tensor.ReadSingle();
        if (values.AsSpan().ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
        {
            _problems.Add($"{name} has values that are not finite");
            return null;
        }

        return values;
    }

    /// <summary>A count that torch keeps and the mapping does not need: 0 where there is none.</summary>
    private long TakeCount(string name)
    {
        _used.Add(name);
        if (!_tensors.TryGetValue(name, out var tensor))
        {
            return 0;
        }

        if (tensor.Count == 1 && tensor.Info.Type.IsInteger())
        {
            return tensor.ReadInt64()[0];
        }

        _problems.Add($"{name} is {tensor.Info} where one integer is expected");
        return 0;
    }
}
