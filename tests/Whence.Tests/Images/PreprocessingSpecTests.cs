using System.Text.Json;
using Whence.Images;

namespace Whence.Tests.Images;

public class PreprocessingSpecTests
{
    private static readonly PreprocessingSpec Resnet18 = new()
    {
        Resize = 256,
        Crop = 224,
        ChannelOrder = ChannelOrder.Bgr,
        Range = 255,
    };

    [Fact]
    public void Is_written_as_json_that_a_person_can_read() => Assert.Equal(
        """{"resize":256,"crop":224,"interpolation":"bilinear","channelOrder":"bgr","range":255,"mean":[0,0,0],"std":[1,1,1]}""",
        JsonSerializer.Serialize(Resnet18));

    [Fact]
    public void Comes_back_equal_from_json()
    {
        var spec = Resnet18 with { Mean = [0.48145466f, 0.4578275f, 0.40821073f], Interpolation = Interpolation.Bicubic };
        var back = JsonSerializer.Deserialize<PreprocessingSpec>(JsonSerializer.Serialize(spec))!;
        Assert.Equal(spec, back);
        Assert.Equal(spec.GetHashCode(), back.GetHashCode());
        Assert.NotEqual(spec, back with { Std = [1, 1, 2] });
        Assert.NotEqual(spec, back with { Crop = 223 });
    }

    [Fact]
    public void Defaults_are_left_out_freely()
    {
        var spec = JsonSerializer.Deserialize<PreprocessingSpec>("""{"resize":256,"crop":224,"channelOrder":"bgr","range":255}""");
        Assert.Equal(Resnet18, spec);
    }

    public static TheoryData<PreprocessingSpec, string> Invalid => new()
    {
        { Resnet18 with { Resize = -1 }, "resize is -1" },
        { Resnet18 with { Crop = 0 }, "crop is 0" },
        { Resnet18 with { Crop = 20_000 }, "crop is 20000" },
        { Resnet18 with { Interpolation = (Interpolation)9 }, "interpolation is 9" },
        { Resnet18 with { ChannelOrder = (ChannelOrder)2 }, "channelOrder is 2" },
        { Resnet18 with { Range = 0 }, "range is 0" },
        { Resnet18 with { Range = float.NaN }, "range is NaN" },
        { Resnet18 with { Mean = [1, 2] }, "mean is [1, 2]" },
        { Resnet18 with { Mean = null! }, "mean is null" },
        { Resnet18 with { Std = [1, 0, 1] }, "std is [1, 0, 1]" },
    };

    [Theory]
    [MemberData(nameof(Invalid), DisableDiscoveryEnumeration = true)]
    public void Invalid_values_are_refused_by_name(PreprocessingSpec spec, string problem)
    {
        Assert.Contains(problem, Assert.Throws<WhenceException>(spec.Validate).Message, StringComparison.Ordinal);
        Assert.Throws<WhenceException>(() => new Preprocessor(spec));
    }
}
