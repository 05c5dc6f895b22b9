using System.Text.Json.Serialization;

namespace Whence.Encoders;

/// <summary>What becomes of a residual network's last feature map.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ResNetHead>))]
public enum ResNetHead
{
    /// <summary>The mean over positions.</summary>
    [JsonStringEnumMemberName("average")]
    Average,

    /// <summary>SSCD: generalised mean (p = 3) over positions, a projection to <see cref="EncoderSpec.Dimension"/> values, length 1.</summary>
    [JsonStringEnumMemberName("sscd")]
    Sscd,
}

/// <summary>A residual network of torchvision's design.</summary>
public sealed record ResNetSpec : NetworkSpec
{
    /// <summary>Layers: 18, 34 (basic blocks), 50, 101 or 152 (bottlenecks).</summary>
    public required int Depth { get; init; }

    /// <summary>Channels after the stem and in the first stage; each stage doubles them. Default 64.</summary>
    public int Width { get; init; } = 64;

    /// <summary>What becomes of the last feature map. Default its mean.</summary>
    public ResNetHead Head { get; init; } = ResNetHead.Average;

    internal override void Validate(int dimension)
    {
        ValidateSize();
        Check(
            Head != ResNetHead.Average || dimension == Channels,
            "width",
            Width,
            $"the last stage has {Channels} channels, but the spec's dimension is {dimension}");
    }

    /// <summary>Channels of the last stage.</summary>
    internal int Channels => 8 * Width * (Depth < 50 ? 1 : 4);

    /// <summary>Checks what does not depend on the spec's dimension.</summary>
    internal void ValidateSize()
    {
        Check(Depth is 18 or 34 or 50 or 101 or 152, "depth", Depth, "give 18, 34, 50, 101 or 152");
        Check(Width is >= 1 and <= 4096, "width", Width, "give 1 to 4096 channels, as a rule 64");
        Check(Enum.IsDefined(Head), "head", Head, "give average or sscd");
    }
}
