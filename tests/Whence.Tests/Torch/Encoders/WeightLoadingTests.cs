using Whence.Torch.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

public sealed class WeightLoadingTests : IDisposable
{
    private static readonly WeightFormat Plain = new() { Name = "test names" };
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Weights_come_joined_reordered_and_reshaped_from_under_a_prefix()
    {
        var format = new WeightFormat
        {
            Name = "test names",
            Prefix = "model.",
            Source = name => name == "weight"
                ? new WeightSource("q", "k") { Shape = [3, 1, 2], Order = [1, 2, 0] } // 3 inputs, 1 head of 2 values
                : new WeightSource("q_bias", "k_bias"),
            Extras = ["head.*", "*.step"],
        };
        var path = Save(
            TensorData.FromSingle("model.q", [0, 3, 1, 4, 2, 5], 3, 1, 2),
            TensorData.FromSingle("model.k", [6, 9, 7, 10, 8, 11], 3, 1, 2),
            TensorData.FromHalf("model.q_bias", [(Half)1, (Half)2], 2),
            TensorData.FromSingle("model.k_bias", [3, 4], 2),
            TensorData.FromSingle("head.weight", [float.NaN], 1),
            TensorData.FromInt64("optimizer.step", [1]));
        using var checkpoint = Checkpoint.Open(path);
        using var linear = WeightLoading.Load(device => nn.Linear(3, 4, device: device), checkpoint, format);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], linear.weight.data<float>().ToArray());
        Assert.Equal([1, 2, 3, 4], linear.bias!.data<float>().ToArray());
    }

    [Fact]
    public void All_that_differs_is_named_in_one_error()
    {
        var path = Save(
            TensorData.FromSingle("0.weight", new float[6], 3, 2),
            TensorData.FromSingle("0.bias", [1, float.NaN, 3], 3),
            TensorData.FromInt64("1.weight", [1, 2, 3], 3),
            TensorData.FromSingle("1.surprise", [1], 1));
        using var checkpoint = Checkpoint.Open(path);
        var error = Assert.Throws<WhenceException>(() => WeightLoading.Load(Network, checkpoint, Plain));
        Assert.Contains("1 missing: 1.bias;", error.Message, StringComparison.Ordinal);
        Assert.Contains(
            "2 of another shape or type: 0.weight is F32 [3, 2] instead of [3, 4], 1.weight is I64 [3] instead of [3];", error.Message, StringComparison.Ordinal);
        Assert.Contains("1 unknown: 1.surprise;", error.Message, StringComparison.Ordinal);
        Assert.Contains("1 with values that are not finite: 0.bias;", error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_thousand_differences_stay_one_readable_line()
    {
        var path = Save([.. Enumerable.Range(0, 1000).Select(i => TensorData.FromSingle($"x{i:000}", [1], 1))]);
        using var checkpoint = Checkpoint.Open(path);
        var error = Assert.Throws<WhenceException>(() => WeightLoading.Load(Network, checkpoint, Plain));
        Assert.Contains("1000 unknown: x000, x001,", error.Message, StringComparison.Ordinal);
        Assert.Contains("and 988 more", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Message.Length, 100, 1000);
    }

    [Fact]
    public void Values_that_are_not_finite_are_found_where_all_else_fits_and_no_tensor_stays_alive()
    {
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var path = Save(
            TensorData.FromSingle("0.weight", [.. Enumerable.Repeat(1f, 11), float.PositiveInfinity], 3, 4),
            TensorData.FromSingle("0.bias", [1, 2, 3], 3),
            TensorData.FromSingle("1.weight", [1, 2, 3], 3),
            TensorData.FromSingle("1.bias", [1, 2, 3], 3));
        using var checkpoint = Checkpoint.Open(path);
        Assert.Contains("1 with values that are not finite: 0.weight;", Assert.Throws<WhenceException>(() => WeightLoading.Load(Network, checkpoint, Plain)).Message, StringComparison.Ordinal);
        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void A_network_of_terabytes_is_compared_with_its_file_before_it_is_made()
    {
        using var checkpoint = Checkpoint.Open(Save(TensorData.FromSingle("weight", [1], 1)));
        Assert.Throws<WhenceException>(() => WeightLoading.Load(device => nn.Linear(1 << 20, 1 << 20, device: device), checkpoint, Plain));
    }

    private static TorchSharp.Modules.Sequential Network(Device device) =>
        nn.Sequential(("0", nn.Linear(4, 3, device: device)), ("1", nn.LayerNorm(3, device: device)));

    private string Save(params TensorData[] tensors)
    {
        SafetensorsFile.Write(_temp["weights.safetensors"], tensors);
        return _temp["weights.safetensors"];
    }
}
