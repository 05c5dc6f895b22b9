using System.CommandLine;
using Whence.Cli.Output;

namespace Whence.Cli.Commands;

/// <summary><c>whence encoders register</c>: what was tuned for an encoder.</summary>
internal static class EncodersRegisterCommand
{
    public static Command Create(Streams streams)
    {
        var name = new Argument<string>("encoder") { Description = "Name of the encoder" };
        var mapper = new Option<string?>("--mapper") { Description = "Mappers trained for it (.safetensors or the authors' .pth)", HelpName = "FILE" };
        var calibration = new Option<string?>("--calibration") { Description = "Calibration fitted for it and for these mappers (.json)", HelpName = "FILE" };
        var remove = new Option<bool>("--remove") { Description = "Take out what is registered" };
        var command = new Command("register", "Keep mappers and a calibration for an encoder: 'attribute' then takes them by itself") { name, mapper, calibration, remove };
        command.SetAction(parsed =>
        {
            foreach (var line in Registration.Run(parsed.GetRequiredValue(name), parsed.GetValue(mapper), parsed.GetValue(calibration), parsed.GetValue(remove)))
            {
                streams.Output.WriteLine(line);
            }

            return 0;
        });
        return command;
    }
}
