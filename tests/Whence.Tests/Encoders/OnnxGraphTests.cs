using FsCheck.Xunit;
using Whence.Encoders;

namespace Whence.Tests.Encoders;

public class OnnxGraphTests
{
    [Fact]
    public void No_byte_of_the_model_changes()
    {
        var model = TinyOnnx.TwoSteps();
        var more = OnnxGraph.WithOutputs(model, ["middle"]);
        Assert.Equal(model, more[..model.Length]);
        Assert.InRange(more.Length, model.Length + 1, model.Length + 32);
    }

    [Fact]
    public void What_is_an_output_already_is_not_made_one_again()
    {
        var model = TinyOnnx.TwoSteps();
        Assert.Equal(OnnxGraph.WithOutputs(model, ["middle"]), OnnxGraph.WithOutputs(model, ["middle", "out"]));
        var more = OnnxGraph.WithOutputs(model, ["middle"]);
        Assert.Equal(more.Length + 2, OnnxGraph.WithOutputs(more, ["middle"]).Length); // an empty graph is appended
    }

    [Theory]
    [InlineData("in")] // a pure input would make ONNX Runtime's optimiser stumble, and nobody's style is an image
    [InlineData("missing")]
    public void A_tensor_that_no_node_makes_is_refused_with_those_that_are_made(string layer)
    {
        var error = Assert.Throws<WhenceException>(() => OnnxGraph.WithOutputs(TinyOnnx.TwoSteps(), ["middle", layer]));
        Assert.Contains($"'{layer}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("middle, out", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_cut_off_anywhere_is_refused()
    {
        // Its last field, the version of the operations, is not needed for the graph: only a cut right before it goes unnoticed here.
        var model = TinyOnnx.TwoSteps();
        var passed = Enumerable.Range(0, model.Length).Where(length => !Refused(model.AsSpan(0, length))).ToArray();
        Assert.Equal([model.Length - 6], passed);
    }

    [Fact]
    public void A_field_that_claims_more_than_there_is_is_refused()
    {
        Assert.True(Refused([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])); // graph of 2^64 - 1 bytes
        Assert.True(Refused([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07])); // of 2^31 - 1
        Assert.True(Refused([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])); // a number without an end
        Assert.True(Refused([0x3B])); // a group
        Assert.True(Refused([0x02, 0x00])); // field 0
    }

    [Property]
    public bool Any_bytes_are_refused_or_kept(byte[] bytes) => Refused(bytes) || OnnxGraph.WithOutputs(bytes, ["middle"]).AsSpan().StartsWith(bytes);

    [Property(MaxTest = 2000)]
    public bool A_model_with_changed_bytes_is_refused_or_kept((ushort Place, byte Value)[] changes)
    {
        var model = TinyOnnx.TwoSteps();
        foreach (var (place, value) in changes)
        {
            model[place % model.Length] = value;
        }

        return Refused(model) || OnnxGraph.WithOutputs(model, ["middle"]).AsSpan().StartsWith(model);
    }

    private static bool Refused(ReadOnlySpan<byte> model)
    {
        try
        {
            OnnxGraph.WithOutputs(model, ["middle"]);
            return false;
        }
        catch (WhenceException)
        {
            return true;
        }
    }
}
