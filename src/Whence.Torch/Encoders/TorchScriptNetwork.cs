using System.Runtime.InteropServices;
using TorchSharp.Utils;
using Whence.Encoders;
using Whence.Torch.Mapping;
using static TorchSharp.torch;

namespace Whence.Torch.Encoders;

/// <summary>A network that a TorchScript archive brings. Loading it already runs what the archive says: never without its user's leave.</summary>
internal sealed class TorchScriptNetwork : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "module")]
    private readonly jit.ScriptModule<Tensor, Tensor> _module;

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
            _module = jit.load<Tensor, Tensor>(path, device.type, device.index);
        }
        catch (ExternalException e)
        {
            throw new WhenceException($"{path}: not a TorchScript archive that libtorch can load ({FirstLine(e)}); in Python: torch.jit.trace(model, example).save(path).", e);
        }

        RegisterComponents();
        eval();
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
            _module.Dispose();
        }

        base.Dispose(disposing);
    }

    private Tensor Call(Tensor input)
    {
        try
        {
            return _module.call(input);
        }
        catch (Exception e) when (e is ExternalException or InvalidCastException or InvalidOperationException)
        {
            throw new WhenceException($"{_path}: the model failed, or gives something else than one tensor ({FirstLine(e)}).", e);
        }
    }

    // libtorch puts a stack after what happened.
    private static string FirstLine(Exception e) =>
        e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? e.GetType().Name;
}
