using System.Text.Json;
using Whence.Encoders;
using Whence.Files;
using Whence.Vectors;

namespace Whence.Calibration;

/// <summary>The files that hold a <see cref="Calibrator"/> (<c>docs/formats.md</c>): JSON, and the authors' checkpoint.</summary>
internal static class CalibrationFile
{
    private const string InverseTau = "inv_tau";
    private const string Bias = "bias";

    // A newer build may have added fields; what there is none of is left out.
    private static readonly JsonSerializerOptions Options = new(SpecJson.Options)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Skip,
        RespectRequiredConstructorParameters = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Calibrator Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            var calibrator = path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? LoadJson(path) : LoadCheckpoint(path);
            calibrator.Validate();
            return calibrator;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new WhenceException($"{path}: not a usable calibration ({e.Message.ReplaceLineEndings(" ")}); docs/formats.md shows the format.", e);
        }
    }

    public static void Save(string path, Calibrator calibrator)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (IsCheckpoint(path))
        {
            TorchFileWriter.Write(path,
            [
                TensorData.FromSingle(InverseTau, [(float)(1 / calibrator.Tau)]),
                TensorData.FromSingle(Bias, [(float)(-calibrator.Lambda / Calibrator.BiasGain)]),
            ]);
            return;
        }

        AtomicFile.Write(path, stream =>
        {
            JsonSerializer.Serialize(stream, Content.Of(calibrator), Options);
            stream.WriteByte((byte)'\n');
        });
    }

    /// <summary>Whether a name is one of a checkpoint, which holds tau and lambda only.</summary>
    public static bool IsCheckpoint(string path) => Path.GetExtension(path).ToLowerInvariant() is ".pth" or ".pt";

    private static Calibrator LoadJson(string path)
    {
        using var stream = File.OpenRead(path);
        var file = JsonSerializer.Deserialize<Content>(stream, Options) ?? throw new JsonException("the file holds null");
        if (file.Format != Content.FormatName || file.Version != 1)
        {
            throw new JsonException($"format '{file.Format}' version {file.Version}, expected '{Content.FormatName}' version 1");
        }

        if (file.Mapper is { Length: > 0 } mapper && (mapper.Length != 64 || !mapper.All(char.IsAsciiHexDigitLower)))
        {
            throw new JsonException($"'mapper' is '{mapper}', expected a SHA-256 in lower-case hexadecimal, or nothing for none");
        }

        return new()
        {
            Tau = file.Tau,
            Lambda = file.Lambda,
            None = file.None,
            Encoder = file.Encoder,
            Mapper = file.Mapper,
            Domain = file.Domain,
            Fit = file.Fit,
            Origin = $"read from {Path.GetFileName(path)}",
        };
    }

    private static Calibrator LoadCheckpoint(string path)
    {
        using var file = TorchFile.Open(path);
        var state = file.Root.AsDictionary();
        return new()
        {
            Tau = 1 / Scalar(InverseTau),
            Lambda = -Calibrator.BiasGain * Scalar(Bias),
            Origin = $"read from {Path.GetFileName(path)}",
        };

        double Scalar(string key) =>
            state.TryGetValue(key, out var value) && value.AsTensor().ReadSingle() is [var scalar]
                ? scalar
                : throw new WhenceException($"{path}: no scalar '{key}'; a calibration checkpoint holds '{InverseTau}' and '{Bias}'.");
    }

    private sealed record Content
    {
        public const string FormatName = "whence-calibration";

        public required string Format { get; init; }

        public required int Version { get; init; }

        public required double Tau { get; init; }

        public required double Lambda { get; init; }

        public NoneOfThese? None { get; init; }

        public string? Encoder { get; init; }

        public string? Mapper { get; init; }

        public string? Domain { get; init; }

        public CalibrationProvenance? Fit { get; init; }

        public static Content Of(Calibrator calibrator) => new()
        {
            Format = FormatName,
            Version = 1,
            Tau = calibrator.Tau,
            Lambda = calibrator.Lambda,
            None = calibrator.None,
            Encoder = calibrator.Encoder,
            Mapper = calibrator.Mapper,
            Domain = calibrator.Domain,
            Fit = calibrator.Fit,
        };
    }
}
