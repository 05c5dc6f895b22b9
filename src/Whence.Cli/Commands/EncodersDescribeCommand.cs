using System.CommandLine;
using Whence.Cli.Output;
using Whence.Torch.Diffusion;

namespace Whence.Cli.Commands;

/// <summary><c>whence encoders describe</c>: the spec of a diffusion model's features.</summary>
internal static class EncodersDescribeCommand
{
    public static Command Create(Streams streams)
    {
        var model = new Option<string>("--model") { Description = "The diffusion model: a folder in diffusers' layout, or a single file of Stable Diffusion 1.x", HelpName = "DIR|FILE", Required = true };
        var timestep = new Option<int>("--timestep") { Description = "Step of the noise that the image gets", HelpName = "N", DefaultValueFactory = _ => 100 }.AtLeast(0);
        var output = new Option<string>("--out") { Description = "The spec file (.json); its name is the encoder's", HelpName = "FILE", Required = true };
        var command = new Command("describe", "Make a diffusion model an encoder (appendix B.5): write the spec of its mid block's features") { model, timestep, output };
        command.SetAction((parsed, _) => Task.Run(
            () =>
            {
                streams.Output.WriteLine(Run(parsed.GetRequiredValue(model), parsed.GetValue(timestep), parsed.GetRequiredValue(output)));
                return 0;
            },
            CancellationToken.None));
        return command;
    }

    private static string Run(string path, int timestep, string file)
    {
        if (!file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || File.Exists(file))
        {
            throw new WhenceException($"--out {file}: {(File.Exists(file) ? "is there already; delete it first" : "the file's name must end in .json")}.");
        }

        var spec = DiffusionFeatures.Describe(path, file, timestep);
        return $"{file}: encoder '{spec.Name}', {spec.Dimension} values; give the file as --encoder.";
    }
}
