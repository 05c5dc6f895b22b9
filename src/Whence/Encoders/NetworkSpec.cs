using System.Text.Json.Serialization;

namespace Whence.Encoders;

/// <summary>
/// What computes features where no ONNX model does: as a rule a network that Whence builds itself and whose weights it reads from a checkpoint
/// (<see cref="Vectors.Checkpoint"/>). The kinds are a closed set; two specs of the same values are equal.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(VisionTransformerSpec), "vit")]
[JsonDerivedType(typeof(ResNetSpec), "resnet")]
[JsonDerivedType(typeof(TorchScriptSpec), "torchscript")]
[JsonDerivedType(typeof(PixelsSpec), "pixels")]
[JsonDerivedType(typeof(DiffusionSpec), "diffusion")]
public abstract record NetworkSpec
{
    /// <summary>Checks every value.</summary>
    /// <param name="dimension">Values of a feature, as the spec says.</param>
    /// <exception cref="WhenceException">A value is out of its range or does not fit the others.</exception>
    internal abstract void Validate(int dimension);

    private protected static void Check(bool holds, string name, object value, string advice)
    {
        if (!holds)
        {
            throw new WhenceException(FormattableString.Invariant($"network: {name} is {value}; {advice}"));
        }
    }
}
