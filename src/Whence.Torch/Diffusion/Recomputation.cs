using static TorchSharp.torch;

namespace Whence.Torch.Diffusion;

/// <summary>
/// Gradient checkpointing (Chen et al. 2016): of a layer only what comes in is kept for the backward pass, which computes the layer once more. Memory of one layer instead of all,
/// for one more forward pass: a third more work where all weights learn, half where few do.
/// </summary>
internal static class Recomputation
{
    /// <summary>What a layer gives. Where no gradient is asked for, of inputs or weights, it is only computed.</summary>
    /// <param name="layer">Whose weights <paramref name="compute"/> reads; the backward pass adds to their gradients.</param>
    /// <param name="compute">The layer, of inputs in their order; the same each time it is called, and it changes none of them.</param>
    /// <param name="inputs">Floating-point tensors.</param>
    public static Tensor Of(nn.Module layer, Func<IReadOnlyList<Tensor>, Tensor> compute, params Tensor[] inputs)
    {
        if (!is_grad_enabled() || !(inputs.Any(input => input.requires_grad) || layer.parameters().Any(parameter => parameter.requires_grad)))
        {
            return compute(inputs);
        }

        // libtorch calls the backward pass only where an input asks for a gradient, and weights are none.
        using var scope = NewDisposeScope();
        return Layer.apply([compute, zeros(1, requires_grad: true), .. inputs]).MoveToOuterDisposeScope();
    }

    private sealed class Layer : autograd.SingleTensorFunction<Layer>
    {
        private const string Compute = "compute";
        private const int First = 2; // of the arguments that is an input

        public override string Name => nameof(Recomputation);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            using var scope = NewDisposeScope();
            List<Tensor> inputs = [.. vars.Skip(First).Cast<Tensor>()];
            ctx.save_for_backward(inputs);
            ctx.save_data(Compute, vars[0]);
            return ((Func<IReadOnlyList<Tensor>, Tensor>)vars[0])(inputs).MoveToOuterDisposeScope();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            using var gradient = grad_output;
            using var enabled = enable_grad();
            Tensor[] inputs = [.. ctx.get_saved_variables().Select(saved => saved.detach().requires_grad_(saved.requires_grad))];
            var output = ((Func<IReadOnlyList<Tensor>, Tensor>)ctx.get_data(Compute))(inputs);
            autograd.backward([output], [gradient]);
            return [null!, null!, .. inputs.Select(input => input.requires_grad ? input.grad?.MoveToOuterDisposeScope()! : null!)];
        }
    }
}
