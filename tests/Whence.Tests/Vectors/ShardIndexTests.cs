using Whence.Vectors;

namespace Whence.Tests.Vectors;

public sealed class ShardIndexTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_checkpoint_in_parts_reads_as_one()
    {
        SafetensorsFile.Write(_temp["a.safetensors"], [TensorData.FromSingle("x", [1, 2], 2), TensorData.FromSingle("unlisted", [9], 1)]);
        TorchFileWriter.Write(_temp["b.bin"], [TensorData.FromSingle("y", [3], 1)]);
        using var checkpoint = Open("""{"metadata":{"total_size":12},"weight_map":{"x":"a.safetensors","y":"b.bin"}}""");
        Assert.Equal(["x", "y"], checkpoint.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([1f, 2], checkpoint.ReadSingle("x"));
        Assert.Equal([3f], checkpoint.ReadSingle("y"));
    }

    [Theory]
    [InlineData("""{"weight_map":{"x":"../a.safetensors"}}""", "'../a.safetensors' is no name of a file beside it")]
    [InlineData("""{"weight_map":{"x":"..\\a.safetensors"}}""", "is no name of a file beside it")]
    [InlineData("""{"weight_map":{"x":"/etc/passwd"}}""", "is no name of a file beside it")]
    [InlineData("""{"weight_map":{"x":"model.safetensors.index.json"}}""", "is no name of a file beside it")]
    [InlineData("""{"weight_map":{"x":""}}""", "is no name of a file beside it")]
    [InlineData("""{"weight_map":{"x":3}}""", "is no index of a checkpoint in several files")]
    [InlineData("""{"weight_map":[]}""", "is no index of a checkpoint in several files")]
    [InlineData("""{"x":"a.safetensors"}""", "there is no 'weight_map'")]
    [InlineData("[]", "is no index")]
    [InlineData("{", "is no index")]
    [InlineData("""{"weight_map":{"z":"a.safetensors"}}""", "says that 'z' lies in")]
    [InlineData("""{"weight_map":{"x":"gone.safetensors"}}""", "gone.safetensors")]
    public void An_index_that_leads_nowhere_or_elsewhere_is_refused(string json, string message)
    {
        SafetensorsFile.Write(_temp["a.safetensors"], [TensorData.FromSingle("x", [1, 2], 2)]);
        Assert.Contains(message, Assert.Throws<WhenceException>(() => Open(json)).Message, StringComparison.Ordinal);
    }

    private Checkpoint Open(string json)
    {
        File.WriteAllText(_temp["model.safetensors.index.json"], json);
        return Checkpoint.Open(_temp["model.safetensors.index.json"]);
    }
}
