using System.Text;
using System.Text.Json;
using Whence.Calibration;
using Whence.Encoders;

namespace Whence.Bench.Fuzz;

/// <summary>Encoder specs and calibrations.</summary>
internal static class SettingsFormats
{
    public static IEnumerable<FuzzFormat> All()
    {
        var models = Path.Combine(Repository.Root, "src", "Whence", "Encoders", "models");
        FuzzSeed[] specs =
        [
            new FuzzSeed("encoder.json", JsonSerializer.SerializeToUtf8Bytes(IndexFormats.Spec, SpecJson.Options)),
            .. Directory.GetFiles(models, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => new FuzzSeed("encoder.json", File.ReadAllBytes(f))),
        ];
        yield return new FuzzFormat("encoder spec", 2, specs, attempt => attempt.Try(() => EncoderSpec.Load(attempt.File))) { IsText = true };
        var checkpoint = Path.Combine(Repository.Root, "..", "shared", "reference", "calibration", "calibrator.pth");
        FuzzSeed[] calibrations =
        [
            new FuzzSeed("c.json", Encoding.UTF8.GetBytes("""{"format":"whence-calibration","version":1,"tau":0.1,"lambda":0.02,"none":{"intercept":4,"slope":-8},"encoder":"resnet18","mapper":""}""")),
            .. File.Exists(checkpoint) ? [new FuzzSeed("c.pth", File.ReadAllBytes(checkpoint))] : Array.Empty<FuzzSeed>(),
        ];
        yield return new FuzzFormat("calibration", 2, calibrations, attempt => attempt.Try(() => Calibrator.Load(attempt.File).Normalize([0.5f, 0.25f, float.NaN]))) { IsText = true };
    }
}
