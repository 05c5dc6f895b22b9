using System.Text.Json.Serialization;

namespace Whence.Encoders;

/// <summary>Whose vision transformer it is: what differs between them beside their sizes.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<VisionTransformerFamily>))]
public enum VisionTransformerFamily
{
    /// <summary>timm: learned positions for one size of image.</summary>
    [JsonStringEnumMemberName("timm")]
    Timm,

    /// <summary>DINO: timm's, with positions interpolated for other sizes.</summary>
    [JsonStringEnumMemberName("dino")]
    Dino,

    /// <summary>MoCo v3: timm's, with fixed sine and cosine positions.</summary>
    [JsonStringEnumMemberName("moco")]
    Moco,

    /// <summary>CLIP's visual tower: a norm before the blocks, quick GELU, a projection of <see cref="EncoderSpec.Dimension"/> values.</summary>
    [JsonStringEnumMemberName("clip")]
    Clip,
}

/// <summary>A vision transformer; the feature is the class token after the last norm (CLIP: projected), not normalised.</summary>
public sealed record VisionTransformerSpec : NetworkSpec
{
    /// <summary>Whose it is.</summary>
    public required VisionTransformerFamily Family { get; init; }

    /// <summary>Side of the images that positions are stored for, in pixels, a multiple of <see cref="PatchSize"/>.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Side of a patch in pixels.</summary>
    public required int PatchSize { get; init; }

    /// <summary>Values of a token, a multiple of <see cref="Heads"/>.</summary>
    public required int Width { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int Depth { get; init; }

    /// <summary>Heads of each attention.</summary>
    public required int Heads { get; init; }

    internal override void Validate(int dimension)
    {
        Check(Enum.IsDefined(Family), "family", Family, "give timm, dino, moco or clip");
        Check(PatchSize is >= 1 and <= 1024, "patchSize", PatchSize, "give 1 to 1024 pixels");
        Check(ImageSize is >= 1 and <= 16_384 && ImageSize % PatchSize == 0, "imageSize", ImageSize, "give a multiple of patchSize up to 16384 pixels");
        Check(Heads is >= 1 and <= 1024, "heads", Heads, "give 1 to 1024");
        Check(Width is >= 1 and <= 65_536 && Width % Heads == 0, "width", Width, "give a multiple of heads up to 65536");
        Check(Depth is >= 1 and <= 1024, "depth", Depth, "give 1 to 1024");
        Check(Family == VisionTransformerFamily.Clip || dimension == Width, "width", Width, $"it must be the spec's dimension {dimension}");
    }
}
