using System.Text.Json.Serialization;

namespace Whence.Torch.Training;

/// <summary>How weights are moved.</summary>
/// <param name="WeightDecay">AdamW's, of weights of products and convolutions, by either optimizer; biases, norms and embeddings have none.</param>
/// <param name="Clip">Most that the length of the whole gradient may be; a longer one is shortened.</param>
/// <param name="Average">How much of the moving average stays at each step, once there are enough steps to average over.</param>
/// <param name="Optimizer">What moves the weights of products and convolutions; all else is moved by AdamW.</param>
internal readonly record struct OptimizerOptions(double WeightDecay, double Clip, double Average, Optimizer Optimizer = Optimizer.AdamW);

/// <summary>What moves the weights of products and convolutions.</summary>
public enum Optimizer
{
    /// <summary>AdamW (Loshchilov and Hutter 2019).</summary>
    [JsonStringEnumMemberName("adamw")]
    AdamW,

    /// <summary>Muon (Jordan et al. 2024), which moves a matrix in all directions alike.</summary>
    [JsonStringEnumMemberName("muon")]
    Muon,
}
