using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;
using static TorchSharp.torch;

namespace Whence.Torch.Training;

/// <summary>First weights of a network that is trained from nothing.</summary>
internal static class FirstWeights
{
    /// <summary>
    /// Fills every tensor of a network as PyTorch does: norms with 1 and 0, weights and biases of products and convolutions uniformly within
    /// 1 / sqrt(inputs), embeddings, those of patches too, normally with a deviation of 0.02 (as CLIP's).
    /// </summary>
    /// <param name="network">On the processor.</param>
    /// <param name="seed">The same seed gives the same weights.</param>
    public static void Fill(nn.Module network, long seed)
    {
        using var none = no_grad();
        using var generator = new Generator((ulong)seed, CPU);
        foreach (var (_, module) in network.named_modules().Prepend(("", network)))
        {
            foreach (var (name, parameter) in module.named_parameters(recurse: false))
            {
                var isBias = name == "bias";
                _ = module switch
                {
                    NormLayer or GroupNormLayer => parameter.fill_(isBias ? 0 : 1),
                    LinearLayer or ConvolutionLayer => Uniform(parameter, 1 / Math.Sqrt(Inputs(module)), generator),
                    _ => parameter.normal_(0, 0.02, generator),
                };
            }
        }
    }

    private static Tensor Uniform(Tensor tensor, double bound, Generator generator) => tensor.uniform_(-bound, bound, generator);

    private static double Inputs(nn.Module module)
    {
        var shape = module.get_parameter("weight")!.shape;
        return shape.Skip(1).Aggregate(1L, (product, side) => product * side);
    }
}
