using System.Runtime.InteropServices;
using Whence.Encoders;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>A network that a TorchScript archive brings. Loading it already runs what the archive says: never without its user's leave.</summary>
internal sealed class TorchScriptNetwork : nn.Module<Tensor, Tensor>
{
    // Not a field of the module's own type, which would make it a part of this one: TorchSharp fails to dispose of a script module within another.
    private readonly Func<Tensor, Tensor> _call;
    private readonly IDisposable _archive;
    private readonly string _path;
    private readonly int _dimension;
    private readonly TokenPool? _pool;

    /// <summary>Loads an archive, which may run any code.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="spec">The encoder that it belongs to.</param>
    /// <param name="device">Where to compute.</param>
    /// <exception cref="WhenceException">No such archive, or its code fails.</exception>
    public TorchScriptNetwork(string path, EncoderSpec spec, Device device)
        : base("torchscript")
    {
        (_path, _dimension, _pool) = (path, spec.Dimension, spec.Pool);
        try
        {
            var module = jit.load<Tensor, Tensor>(path, device.type, device.index);
            module.eval();
            (_call, _archive) = (module.call, module);
        }
        catch (ExternalException e)
        {
            throw new WhenceException($"{path}: not a TorchScript archive that libtorch can load ({Cause(e)}); in Python: torch.jit.trace(model, example).save(path).", e);
        }
    }

    /// <summary>Features.</summary>
    /// <param name="input">[n, 3, crop, crop].</param>
    /// <returns>[n, dimension], float32, on the processor.</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var n = (int)input.shape[0];
        var output = Call(input).cpu().to_type(ScalarType.Float32).contiguous();
        var features = empty([n, _dimension], dtype: ScalarType.Float32);
        return ModelOutput.Take(TensorValues.Of(output), output.shape, n, _pool, TensorValues.Of(features)) is { } problem
            ? throw new WhenceException($"{_path}: the output {problem}.")
            : features.MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _archive.Dispose();
        }

        base.Dispose(disposing);
    }

    private Tensor Call(Tensor input)
    {
        try
        {
            return _call(input);
        }
        catch (Exception e) when (e is ExternalException or InvalidCastException or InvalidOperationException)
        {
            throw new WhenceException($"{_path}: the model failed, or gives something else than one tensor ({Cause(e)}).", e);
        }
    }

    // Around what happened libtorch writes where.
    private static string Cause(Exception e)
    {
        var lines = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.LastOrDefault(line => line.Contains("Error: ", StringComparison.Ordinal)) ?? lines.FirstOrDefault() ?? e.GetType().Name;
    }
}
