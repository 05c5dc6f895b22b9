using System.Text.Json.Serialization;

namespace Whence.Encoders;

/// <summary>What a network from a checkpoint computes with.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EncoderPrecision>))]
public enum EncoderPrecision
{
    /// <summary>Features as the reference's.</summary>
    [JsonStringEnumMemberName("float32")]
    F32,

    /// <summary>Weights and activations of 8 significant bits: faster where the processor has it, features nearly the same.</summary>
    [JsonStringEnumMemberName("bfloat16")]
    BF16,
}
