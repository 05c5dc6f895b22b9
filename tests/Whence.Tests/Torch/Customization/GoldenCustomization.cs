using System.Text.Json;
using Whence.Vectors;

namespace Whence.Tests.Torch.Customization;

/// <summary>The reference of Custom Diffusion.</summary>
internal static class GoldenCustomization
{
    public static string File(string name) => SharedData.Get("reference", "custom-diffusion", name);

    /// <summary>diffusers' names of the trained weights, and CompVis's.</summary>
    public static IReadOnlyDictionary<string, string> CompVisNames()
    {
        using var json = JsonDocument.Parse(System.IO.File.ReadAllBytes(File("delta_names.json")));
        return json.RootElement.GetProperty("diffusers_to_compvis").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!);
    }

    public static string[] ProcessorNames()
    {
        using var json = JsonDocument.Parse(System.IO.File.ReadAllBytes(File("delta_names.json")));
        return [.. json.RootElement.GetProperty("processor_names").EnumerateArray().Select(name => name.GetString()!)];
    }

    /// <summary>What the delta files were made from: weights by name, and the new row.</summary>
    public static (Dictionary<string, float[]> Weights, float[] Token) Final()
    {
        using var file = SafetensorsFile.Open(File("recipe_large_lr.safetensors"));
        const string Prefix = "final.unet.";
        var embedding = file.ReadMatrix("final.embedding");
        return (
            file.Tensors.Keys.Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(name => name[Prefix.Length..], file.ReadSingle),
            embedding.Span[^embedding.Columns..].ToArray());
    }
}
