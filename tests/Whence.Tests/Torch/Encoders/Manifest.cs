using System.Text.Json;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

/// <summary>Names and shapes of the published full-size networks.</summary>
internal static class Manifest
{
    /// <summary>A network needs of a checkpoint exactly what the manifest lists, but for what its format knows as extras.</summary>
    public static void AssertHolds(string manifest, nn.Module network, WeightFormat format) =>
        AssertHoldsFile(GoldenEncoders.File("manifests", manifest + ".json"), network, format);

    /// <summary>The same with the manifest's path.</summary>
    public static void AssertHoldsFile(string path, nn.Module network, WeightFormat format)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        var expected = json.RootElement.GetProperty("tensors").EnumerateObject().Where(tensor => !format.IsKnownExtra(tensor.Name))
            .ToDictionary(tensor => tensor.Name, tensor => tensor.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray());
        var needed = WeightLoading.Expected(network, format);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), needed.Keys.Order(StringComparer.Ordinal));
        Assert.All(needed, pair => Assert.Equal(expected[pair.Key], pair.Value));
    }
}
