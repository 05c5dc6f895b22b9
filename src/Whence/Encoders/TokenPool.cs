using System.Text.Json.Serialization;

namespace Whence.Encoders;

/// <summary>What becomes of a transformer's tokens where a model gives them all: n x tokens x d.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TokenPool>))]
public enum TokenPool
{
    /// <summary>The first, the class token.</summary>
    [JsonStringEnumMemberName("class")]
    Class,

    /// <summary>The mean of all.</summary>
    [JsonStringEnumMemberName("mean")]
    Mean,

    /// <summary>The mean of all but the first.</summary>
    [JsonStringEnumMemberName("patches")]
    Patches,
}

/// <summary>Takes features out of what a model gives.</summary>
internal static class ModelOutput
{
    /// <summary>Copies or pools n features.</summary>
    /// <param name="values">All values of the output.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="n">Number of images.</param>
    /// <param name="pool">Null: each image has one feature, whatever the shape.</param>
    /// <param name="features">Receives n x d values.</param>
    /// <returns>Why there are no such features, for after the name of the output; null where all is well.</returns>
    public static string? Take(ReadOnlySpan<float> values, ReadOnlySpan<long> shape, int n, TokenPool? pool, Span<float> features)
    {
        var d = features.Length / n;
        if (pool is not { } kind)
        {
            if (values.Length == features.Length)
            {
                values.CopyTo(features);
                return null;
            }

            return shape.Length == 3 && shape[0] == n && shape[2] == d
                ? $"holds {shape[1]} tokens of {d} values; say in the spec what becomes of them: 'pool' class, mean or patches"
                : $"holds {values.Length} values for {n} images, but the spec says {d} each; correct 'dimension' or 'output' in the spec";
        }

        var skipped = kind == TokenPool.Patches ? 1 : 0;
        if (shape.Length != 3 || shape[0] != n || shape[2] != d || shape[1] <= skipped)
        {
            return $"has shape [{string.Join(", ", shape.ToArray())}] for {n} images, but 'pool' in the spec needs [n, tokens, {d}]; correct 'pool', 'dimension' or 'output' in the spec";
        }

        var tokens = (int)shape[1];
        for (var image = 0; image < n; image++)
        {
            var own = values.Slice(image * tokens * d, tokens * d);
            var feature = features.Slice(image * d, d);
            own.Slice(skipped * d, d).CopyTo(feature);
            if (kind == TokenPool.Class)
            {
                continue;
            }

            for (var token = skipped + 1; token < tokens; token++)
            {
                System.Numerics.Tensors.TensorPrimitives.Add(feature, own.Slice(token * d, d), feature);
            }

            System.Numerics.Tensors.TensorPrimitives.Divide(feature, tokens - skipped, feature);
        }

        return null;
    }
}
