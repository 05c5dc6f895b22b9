using System.Security.Cryptography;
using Whence.Mapping;
using Whence.Vectors;

namespace Whence.Tests.Mapping;

public sealed class MapperPairTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Kinds => ["linear", "channel", "mlp1", "mlp2", "mlp3"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_saved_is_loaded_and_has_the_same_checksum(string kind)
    {
        var pair = new MapperPair(Make(kind), Make(kind), "trained");
        pair.Save(_folder["mapper.safetensors"]);
        var loaded = MapperPair.Load(_folder["mapper.safetensors"]);
        Assert.Equal("mapper.safetensors", loaded.Name);
        Assert.Equal("trained", pair.Name);
        Assert.Equal(pair.Sha256, loaded.Sha256);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_folder["mapper.safetensors"]))), loaded.Sha256);
        var features = new FeatureMatrix(3, 6, MapperTests.Random(18, 7));
        Assert.Equal(pair.Real.Apply(features).Span.ToArray(), loaded.Real.Apply(features).Span.ToArray());
        loaded.Save(_folder["again.safetensors"]);
        Assert.Equal(File.ReadAllBytes(_folder["mapper.safetensors"]), File.ReadAllBytes(_folder["again.safetensors"]));
    }

    [Fact]
    public void A_header_length_that_begins_as_a_pickle_does_is_no_pickle()
    {
        var tensors = new[] { TensorData.FromSingle("real_mapper.weights", [1], 1, 1), TensorData.FromSingle("synth_mapper.weights", [2], 1, 1) };
        var path = _folder["0x80.safetensors"];
        var text = "";
        do
        {
            text += "x";
            SafetensorsFile.Write(path, tensors, new Dictionary<string, string> { ["text"] = text });
        }
        while (File.ReadAllBytes(path)[0] != 0x80);
        Assert.Equal([2], Assert.IsType<ChannelMapper>(MapperPair.Load(path).Synth).Weights.ToArray());
    }

    [Fact]
    public void Every_key_and_shape_that_differs_is_listed_in_one_error()
    {
        var message = Refused(
            TensorData.FromSingle("real_mapper.weight", new float[6], 2, 3),
            TensorData.FromSingle("real_mapper.bias", new float[3], 3),
            TensorData.FromSingle("real_mapper.scale", [1], 1),
            TensorData.FromSingle("synth_mapper.weight", [1], 1),
            TensorData.FromSingle("other", [1], 1));
        Assert.Contains("other F32 [1] is not expected", message, StringComparison.Ordinal);
        Assert.Contains("real_mapper.bias is F32 [3] where [2] is expected", message, StringComparison.Ordinal);
        Assert.Contains("real_mapper.scale F32 [1] is not expected", message, StringComparison.Ordinal);
        Assert.Contains("synth_mapper.weight is F32 [1] where [1, ?] is expected", message, StringComparison.Ordinal);
        Assert.Contains("synth_mapper.bias is missing", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Layers_of_an_MLP_that_do_not_fit_are_listed()
    {
        var message = Refused(
        [
            TensorData.FromSingle("real_mapper.0.weight", new float[6], 2, 3),
            TensorData.FromSingle("real_mapper.1.running_mean", new float[2], 2),
            TensorData.FromSingle("real_mapper.1.running_var", [1, -1], 2),
            TensorData.FromSingle("real_mapper.1.weight", new float[2], 2),
            TensorData.FromSingle("real_mapper.4.weight", new float[6], 2, 3),
            TensorData.FromSingle("real_mapper.5.bias", new float[2], 2),
            .. Named("synth_mapper.", Make("mlp2")),
        ]);
        Assert.Contains("real_mapper.1.bias is missing", message, StringComparison.Ordinal);
        Assert.Contains("real_mapper.1.running_var has a negative variance", message, StringComparison.Ordinal);
        Assert.Contains("real_mapper.4.weight is F32 [2, 3] where [2, 2] is expected", message, StringComparison.Ordinal);
        Assert.Contains("real_mapper.5.running_mean is missing", message, StringComparison.Ordinal);
        Assert.Contains("real_mapper.5.bias F32 [2] is not expected", message, StringComparison.Ordinal);
        Assert.DoesNotContain("synth_mapper", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_unknown_infinite_or_of_two_dimensions_is_a_pair()
    {
        Assert.Contains("real_mapper.weight, weights or 0.weight is missing", Refused(), StringComparison.Ordinal);
        Assert.Contains(
            "real_mapper.weights has values that are not finite",
            Refused(TensorData.FromSingle("real_mapper.weights", [1, float.NaN], 1, 2), TensorData.FromSingle("synth_mapper.weights", [1, 2], 1, 2)),
            StringComparison.Ordinal);
        Assert.Contains(
            "real_mapper maps 2 to 2 dimensions, synth_mapper 1 to 1",
            Refused(TensorData.FromSingle("real_mapper.weights", [1, 2], 1, 2), TensorData.FromSingle("synth_mapper.weights", [1], 1, 1)),
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new MapperPair(new ChannelMapper([1]), new ChannelMapper([1, 2]), "x"));
    }

    [Theory]
    [InlineData("1", "{", "JSON")]
    [InlineData("1", "null", "null where an object")]
    [InlineData("1", "[1]", "JSON")]
    [InlineData("1", """{"features":null,"options":{},"epoch":1}""", "JSON")]
    [InlineData("2", "{}", "update Whence")]
    public void A_provenance_that_is_damaged_or_newer_is_refused_in_one_line(string version, string json, string expected)
    {
        var tensors = new[] { TensorData.FromSingle("real_mapper.weights", [1], 1, 1), TensorData.FromSingle("synth_mapper.weights", [2], 1, 1) };
        SafetensorsFile.Write(_folder["m"], tensors, new Dictionary<string, string> { ["format"] = "whence-mapper", ["version"] = version, ["provenance"] = json });
        var message = Assert.Throws<WhenceException>(() => MapperPair.Load(_folder["m"])).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Another_file_than_that_of_mappers_is_refused()
    {
        File.WriteAllText(_folder["x"], "neither of the two");
        Assert.Throws<WhenceException>(() => MapperPair.Load(_folder["x"]));
        Assert.Throws<WhenceException>(() => MapperPair.Load(_folder["none"]));
        File.WriteAllBytes(_folder["pickle"], [0x80, 2, (byte)'}', (byte)'.']);
        Assert.Contains("plain pickle", Assert.Throws<WhenceException>(() => MapperPair.Load(_folder["pickle"])).Message, StringComparison.Ordinal);
    }

    private static Mapper Make(string kind) => kind switch
    {
        "linear" => new LinearMapper(6, 6, MapperTests.Random(36, 1), MapperTests.Random(6, 2)),
        "channel" => new ChannelMapper(MapperTests.Random(6, 3)),
        _ => new MlpMapper([.. Enumerable.Range(0, kind[^1] - '0').Select(i => MapperTests.Layer(i, 6, 6, last: i == kind[^1] - '1'))]),
    };

    private static IEnumerable<TensorData> Named(string prefix, Mapper mapper) => mapper.State(prefix);

    private string Refused(params TensorData[] tensors)
    {
        SafetensorsFile.Write(_folder["bad.safetensors"], tensors);
        return Assert.Throws<WhenceException>(() => MapperPair.Load(_folder["bad.safetensors"])).Message;
    }
}
