using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Torch.Diffusion;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Bench.BaseModel;

/// <summary>How large a model is, and what a call of its networks takes.</summary>
internal static class ModelSize
{
    private const double MostGflop = 0.25, MostMegabytes = 25;

    /// <summary>Prints a table.</summary>
    public static JsonObject Measure(DiffusionModel model)
    {
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            model.Save(temporary, ElementType.F16);
            var (encode, decode) = MultiplyAdds.Of(model.Autoencoder.Spec);
            (string Name, string Folder, nn.Module Network, long MultiplyAdds)[] parts =
            [
                ("autoencoder, there and back", "vae", model.Autoencoder, encode + decode),
                ("text encoder", "text_encoder", model.TextEncoder, MultiplyAdds.Of(model.TextEncoder.Spec)),
                ("U-Net", "unet", model.UNet, MultiplyAdds.Of(model.UNet.Spec, model.Tokenizer.ContextLength)),
            ];
            Console.WriteLine($"\n{"",-30}{"parameters",12}{"MB in float16",15}{"GMAC a call",13}{"GFLOP a call",14}");
            var (figures, megabytes) = (new JsonObject(), 0.0);
            foreach (var (name, folder, network, multiplyAdds) in parts)
            {
                var parameters = network.parameters().Sum(p => p.numel());
                var own = Directory.EnumerateFiles(Path.Combine(temporary, folder), "*.safetensors").Sum(file => new FileInfo(file).Length) / 1e6;
                megabytes += own;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-30}{parameters,12:N0}{own,15:F2}{multiplyAdds / 1e9,13:F4}{2 * multiplyAdds / 1e9,14:F4}"));
                figures[folder] = new JsonObject { ["parameters"] = parameters, ["megabytes"] = own, ["gmac"] = multiplyAdds / 1e9, ["gflop"] = 2 * multiplyAdds / 1e9 };
            }

            var gflop = (double)figures["unet"]!["gflop"]!;
            Console.WriteLine("A call is of one image or text; a multiply-add is two floating point operations.");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"a call of the U-Net {gflop:F3} GFLOP, bar {MostGflop}: {Met(gflop <= MostGflop)}; all parts {megabytes:F2} MB in float16, bar {MostMegabytes}: {Met(megabytes <= MostMegabytes)}"));
            figures["megabytes"] = megabytes;
            return figures;
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static string Met(bool met) => met ? "met" : "NOT MET";
}
