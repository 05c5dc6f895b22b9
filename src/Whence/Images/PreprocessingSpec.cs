using System.Text.Json.Serialization;

namespace Whence.Images;

/// <summary>Order of the channels in an encoder's input.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ChannelOrder>))]
public enum ChannelOrder
{
    /// <summary>Red, green, blue.</summary>
    [JsonStringEnumMemberName("rgb")]
    Rgb,

    /// <summary>Blue, green, red.</summary>
    [JsonStringEnumMemberName("bgr")]
    Bgr,
}

/// <summary>
/// How an encoder was shown its images in training: resize, centre crop, then <c>(x * Range / 255 - mean) / std</c> a channel,
/// x in 0..255. Two specs with the same values are equal.
/// </summary>
public sealed record PreprocessingSpec
{
    private const int MostPixels = 16_384;

    /// <summary>Short side after resizing in pixels, 1 to 16,384; the long side keeps the proportion, rounded down. 0: no resize.</summary>
    [JsonPropertyName("resize")]
    public required int Resize { get; init; }

    /// <summary>Whether both sides become <see cref="Resize"/>, so that the picture is distorted (SigLIP). Default no.</summary>
    [JsonPropertyName("stretch")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Stretch { get; init; }

    /// <summary>Side of the square cut from the centre in pixels, 1 to 16,384. A smaller image is padded with black.</summary>
    [JsonPropertyName("crop")]
    public required int Crop { get; init; }

    /// <summary>The filter of the resize. Default bilinear.</summary>
    [JsonPropertyName("interpolation")]
    public Interpolation Interpolation { get; init; } = Interpolation.Bilinear;

    /// <summary>Order of the channels, also of <see cref="Mean"/> and <see cref="Std"/>. Default RGB.</summary>
    [JsonPropertyName("channelOrder")]
    public ChannelOrder ChannelOrder { get; init; } = ChannelOrder.Rgb;

    /// <summary>White before mean and deviation are applied, above 0: 1 (default) or 255 as a rule.</summary>
    [JsonPropertyName("range")]
    public float Range { get; init; } = 1;

    /// <summary>Three numbers subtracted, on the scale of <see cref="Range"/>. Default 0.</summary>
    [JsonPropertyName("mean")]
    public IReadOnlyList<float> Mean { get; init; } = [0, 0, 0];

    /// <summary>Three numbers divided by, above 0. Default 1.</summary>
    [JsonPropertyName("std")]
    public IReadOnlyList<float> Std { get; init; } = [1, 1, 1];

    /// <summary>Checks every value.</summary>
    /// <exception cref="WhenceException">A value is out of its range.</exception>
    public void Validate()
    {
        Check(Resize is >= 0 and <= MostPixels, "resize", Resize, $"give 0 (none) to {MostPixels}");
        Check(!Stretch || Resize > 0, "stretch", Stretch, "it needs a resize above 0");
        Check(Crop is >= 1 and <= MostPixels, "crop", Crop, $"give 1 to {MostPixels}");
        Check(Enum.IsDefined(Interpolation), "interpolation", Interpolation, "give nearest, box, bilinear, bicubic or lanczos");
        Check(Enum.IsDefined(ChannelOrder), "channelOrder", ChannelOrder, "give rgb or bgr");
        Check(float.IsFinite(Range) && Range > 0, "range", Range, "give a number above 0, as a rule 1 or 255");
        Check(Mean is { Count: 3 } && Mean.All(float.IsFinite), "mean", Text(Mean), "give three numbers");
        Check(Std is { Count: 3 } && Std.All(x => float.IsFinite(x) && x > 0), "std", Text(Std), "give three numbers above 0");
    }

    /// <inheritdoc/>
    public bool Equals(PreprocessingSpec? other) =>
        other is not null
        && (Resize, Stretch, Crop, Interpolation, ChannelOrder, Range)
            == (other.Resize, other.Stretch, other.Crop, other.Interpolation, other.ChannelOrder, other.Range)
        && Mean.SequenceEqual(other.Mean)
        && Std.SequenceEqual(other.Std);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Resize, Crop, Interpolation, ChannelOrder, Range, Mean.Count, Std.Count);

    private static void Check(bool holds, string name, object value, string advice)
    {
        if (!holds)
        {
            throw new WhenceException(FormattableString.Invariant($"preprocessing: {name} is {value}; {advice}"));
        }
    }

    private static string Text(IReadOnlyList<float>? values) =>
        values is null ? "null" : $"[{string.Join(", ", values.Select(x => x.ToString(System.Globalization.CultureInfo.InvariantCulture)))}]";
}
