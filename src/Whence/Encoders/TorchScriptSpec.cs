namespace Whence.Encoders;

/// <summary>
/// A TorchScript archive that brings its own network, [n, 3, crop, crop] to [n, dimension] or with <see cref="EncoderSpec.Pool"/> to tokens. It can
/// hold any code, so it runs only where whoever opens it allows it.
/// </summary>
public sealed record TorchScriptSpec : NetworkSpec
{
    internal override void Validate(int dimension)
    {
    }
}
