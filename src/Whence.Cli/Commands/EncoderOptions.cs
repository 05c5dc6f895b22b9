using System.CommandLine;
using Whence.Encoders;
using Whence.Torch.Encoders;

namespace Whence.Cli.Commands;

/// <summary>Options of every command that runs an encoder.</summary>
internal sealed class EncoderOptions
{
    private readonly Option<string?> _device = new Option<string?>("--device")
    {
        Description = "Where networks from checkpoints run [default: cpu]",
    }.AcceptOnlyFromAmong("cpu", "cuda");

    private readonly Option<string?> _precision = new Option<string?>("--precision")
    {
        Description = "What networks from checkpoints compute with [default: as the spec says, or float32]",
    }.AcceptOnlyFromAmong("float32", "bfloat16");

    private readonly Option<bool> _allowTorchScript = new("--allow-torchscript")
    {
        Description = "Run a TorchScript model, which can hold any code: only where its maker is trusted",
    };

    public void AddTo(Command command)
    {
        command.Add(_device);
        command.Add(_precision);
        command.Add(_allowTorchScript);
    }

    /// <summary>Opens the encoder of a name or spec file; null is the default encoder.</summary>
    public IImageEncoder Open(ParseResult parsed, string? nameOrSpec) =>
        Open(parsed, new EncoderRegistry().Resolve(nameOrSpec ?? EncoderRegistry.DefaultName));

    /// <summary>Opens the encoder of a spec.</summary>
    public IImageEncoder Open(ParseResult parsed, EncoderSpec spec) => ImageEncoders.Open(spec, Read(parsed));

    /// <summary>What was given.</summary>
    public ImageEncoderOptions Read(ParseResult parsed) => new()
    {
        Device = parsed.GetValue(_device) == "cuda" ? EncoderDevice.Cuda : EncoderDevice.Cpu,
        Precision = parsed.GetValue(_precision) switch
        {
            "bfloat16" => EncoderPrecision.BF16,
            "float32" => EncoderPrecision.F32,
            _ => null,
        },
        AllowTorchScript = parsed.GetValue(_allowTorchScript),
    };
}
