using System.CommandLine;
using Whence.Encoders;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;

namespace Whence.Cli.Commands;

/// <summary>Options of every command that runs a diffusion model.</summary>
internal sealed class ModelOptions
{
    private readonly Option<string> _model = new("--model")
    {
        Description = "The model: a folder in diffusers' layout, or a single file (.safetensors, .ckpt) of Stable Diffusion 1.x",
        HelpName = "DIR|FILE",
        Required = true,
    };

    private readonly Option<string?> _device = new Option<string?>("--device") { Description = "Where it computes [default: cpu]" }.AcceptOnlyFromAmong("cpu", "cuda");
    private readonly Option<string?> _precision = new Option<string?>("--precision")
    {
        Description = "What the U-Net and the text encoder compute with [default: float32]",
    }.AcceptOnlyFromAmong("float32", "bfloat16");

    public void AddTo(Command command)
    {
        command.Add(_model);
        command.Add(_device);
        command.Add(_precision);
    }

    /// <summary>Opens the model; only within an action, since it loads libtorch.</summary>
    public DiffusionModel Open(ParseResult parsed)
    {
        var path = parsed.GetRequiredValue(_model);
        return Path.Exists(path)
            ? DiffusionModel.Open(path, new DiffusionOptions
            {
                Device = parsed.GetValue(_device) == "cuda" ? EncoderDevice.Cuda : EncoderDevice.Cpu,
                Precision = parsed.GetValue(_precision) == "bfloat16" ? EncoderPrecision.BF16 : EncoderPrecision.F32,
            })
            : throw new WhenceException($"--model {path}: no such folder or file.");
    }
}
