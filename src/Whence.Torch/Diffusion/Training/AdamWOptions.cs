namespace Whence.Torch.Diffusion.Training;

/// <summary>How weights are moved.</summary>
/// <param name="WeightDecay">AdamW's, of weights of products and convolutions; biases, norms and embeddings have none.</param>
/// <param name="Clip">Most that the length of the whole gradient may be; a longer one is shortened.</param>
/// <param name="Average">How much of the moving average stays at each step, once there are enough steps to average over.</param>
internal readonly record struct AdamWOptions(double WeightDecay, double Clip, double Average);
