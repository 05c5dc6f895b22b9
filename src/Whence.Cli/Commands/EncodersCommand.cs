using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Images;

namespace Whence.Cli.Commands;

/// <summary><c>whence encoders</c>: which encoders there are, and whether one works as it should.</summary>
internal static class EncodersCommand
{
    public static Command Create(Streams streams) => new("encoders", "List encoders, or check one")
    {
        CreateList(streams),
        CreateVerify(streams),
        CreateRegister(streams),
    };

    private static Command CreateList(Streams streams)
    {
        var command = new Command("list", "List the encoders that are found by name");
        command.SetAction(_ =>
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns("name", "dimension", "input", "licence", "spec", "registered");
            var registry = new EncoderRegistry();
            foreach (var (name, path) in registry.Find())
            {
                var registered = new[] { registry.FindMapper(name), registry.FindCalibration(name) }.OfType<string>();
                table.AddRow(Describe(name, path).Append(string.Join(", ", registered)).Select(cell => new Text(cell)));
            }

            streams.OutputConsole.Write(table);
            return 0;
        });
        return command;
    }

    private static Command CreateRegister(Streams streams)
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

    // One bad file must not hide the others.
    private static string[] Describe(string name, string path)
    {
        try
        {
            var spec = EncoderSpec.Load(path);
            var input = $"short side {spec.Preprocessing.Resize} {spec.Preprocessing.Interpolation}, crop {spec.Preprocessing.Crop}".ToLowerInvariant();
            return [name, spec.Dimension.ToString(CultureInfo.InvariantCulture), input, spec.Licence ?? "", path];
        }
        catch (WhenceException e)
        {
            return [name, "", "", "", $"unusable: {e.Message}"];
        }
    }

    private static Command CreateVerify(Streams streams)
    {
        var name = new Argument<string>("encoder") { Description = "Name or spec file" };
        var images = new Option<string[]>("--image")
        {
            Description = "Two photographs of different things [default: two drawings of the demo]",
            HelpName = "FILE",
            AllowMultipleArgumentsPerToken = true,
        };
        var command = new Command("verify", "Encode two crops of one picture and two pictures; check dimension, determinism, batches") { name, images };
        command.SetAction(parsed =>
        {
            var files = parsed.GetValue(images) is { Length: > 0 } given ? given : null;
            if (files is not null and not { Length: 2 })
            {
                throw new WhenceException($"--image takes two files, got {files.Length}.");
            }

            var bytes = files?.Select(File.ReadAllBytes).ToArray() ?? DemoCommand.TwoPictures();
            using var encoder = new OnnxEncoder(new EncoderRegistry().Resolve(parsed.GetRequiredValue(name)));
            var check = EncoderCheck.Run(encoder, ImageDecoder.Decode(bytes[0]), ImageDecoder.Decode(bytes[1]));
            Write(streams.OutputConsole, encoder.Spec, check);
            return check.Passed ? 0 : throw new WhenceException($"Encoder '{encoder.Spec.Name}' failed: {string.Join("; ", check.Problems)}.");
        });
        return command;
    }

    private static void Write(IAnsiConsole console, EncoderSpec spec, EncoderCheck check)
    {
        var grid = new Grid().AddColumn().AddColumn();
        Add("encoder", $"{spec.Name}, {spec.Dimension} values");
        Add("two crops of one picture", Number($"cosine {check.SamePicture:F4}"));
        Add("two pictures", Number($"cosine {check.OtherPicture:F4}"));
        Add("same input twice", check.Deterministic ? "equal to the last bit" : "differs");
        Add("alone and in a batch", check.BatchDifference is { } difference ? Number($"largest difference {difference:G3} of the feature's length") : "batch fixed at 1");
        console.Write(grid);

        void Add(string name, string value) => grid.AddRow(new Text(name), new Text(value));
        static string Number(FormattableString text) => FormattableString.Invariant(text);
    }
}
