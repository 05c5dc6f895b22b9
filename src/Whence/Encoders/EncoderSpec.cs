using System.Text.Json;
using System.Text.Json.Serialization;
using Whence.Files;
using Whence.Images;

namespace Whence.Encoders;

/// <summary>
/// Describes an encoder: a JSON file beside the weights (<c>docs/formats.md</c>). An index keeps a copy, so that features of
/// different encoders are never compared.
/// </summary>
public sealed record EncoderSpec
{
    /// <summary>Short name, for example <c>resnet18</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Number of values in a feature, at least 1.</summary>
    public required int Dimension { get; init; }

    /// <summary>How an image becomes the model's input.</summary>
    public required PreprocessingSpec Preprocessing { get; init; }

    /// <summary>The file of the network: an ONNX model, or with <see cref="Network"/> a checkpoint of its weights. Null only for <see cref="PixelsSpec"/> and <see cref="DiffusionSpec"/>, which names its own.</summary>
    public ModelFile? Model { get; init; }

    /// <summary>The network whose weights the model file holds; null where the file is an ONNX model, which brings its own.</summary>
    public NetworkSpec? Network { get; init; }

    /// <summary>What <see cref="Network"/> computes with; null is float32. Features of either precision may be compared.</summary>
    public EncoderPrecision? Precision { get; init; }

    /// <summary>What becomes of tokens where an ONNX or TorchScript model gives [n, tokens, dimension]; null where it gives one feature an image.</summary>
    public TokenPool? Pool { get; init; }

    /// <summary>Describes style by layers of an ONNX model or a <see cref="ResNetSpec"/>, instead of taking the network's output; null: the output.</summary>
    public StyleSpec? Style { get; init; }

    /// <summary>A first model that finishes the preprocessing (subtracting a mean image, say); null where there is none.</summary>
    public ModelFile? PreprocessModel { get; init; }

    /// <summary>SPDX identifier or name of the weights' licence.</summary>
    public string? Licence { get; init; }

    /// <summary>Where the weights come from, in words.</summary>
    public string? Origin { get; init; }

    /// <summary>Folder that <see cref="ModelFile.File"/> is relative to; not part of the JSON.</summary>
    [JsonIgnore]
    public string Folder { get; init; } = "";

    /// <summary>Reads and checks a spec file.</summary>
    /// <param name="path">The JSON file; the models it names lie beside it.</param>
    /// <exception cref="WhenceException">The file is missing, is no spec, or holds impossible values.</exception>
    public static EncoderSpec Load(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var spec = JsonSerializer.Deserialize<EncoderSpec>(stream, SpecJson.Options)
                ?? throw new JsonException("the file holds null");
            spec.Validate();
            return spec with { Folder = Path.GetDirectoryName(Path.GetFullPath(path))! };
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or WhenceException)
        {
            throw new WhenceException(
                $"{path}: not a usable encoder spec ({e.Message.ReplaceLineEndings(" ")}); docs/formats.md shows the format.", e);
        }
    }

    /// <summary>Writes the spec file beside its place and renames it; the models it names must lie beside it.</summary>
    internal void Save(string path) => AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, SpecJson.Options));

    /// <summary>True when features of the two encoders may be compared: same weights, same preprocessing.</summary>
    public bool IsSameEncoder(EncoderSpec other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Name == other.Name
            && Dimension == other.Dimension
            && Model?.Sha256 == other.Model?.Sha256
            && Model?.Output == other.Model?.Output
            && PreprocessModel?.Sha256 == other.PreprocessModel?.Sha256
            && Network == other.Network
            && Pool == other.Pool
            && Style == other.Style
            && Preprocessing == other.Preprocessing;
    }

    internal void Validate()
    {
        if (string.IsNullOrWhiteSpace(Name) || Name.AsSpan().ContainsAny(Path.GetInvalidFileNameChars()))
        {
            throw new WhenceException($"name is '{Name}', but must be a plain word");
        }

        if (Dimension is < 1 or > 65_536)
        {
            throw new WhenceException($"dimension is {Dimension}, but must be from 1 to 65536");
        }

        Preprocessing.Validate();
        Model?.Validate("model");
        PreprocessModel?.Validate("preprocessModel");
        Style?.Validate();
        ValidateKind();
    }

    private void ValidateKind()
    {
        Check(
            (Model is null) == (Network is PixelsSpec or DiffusionSpec),
            Model is null ? "model is missing; name the file of the network" : "model: pixels have none, and diffusion names it in network; leave it out");
        Check(Precision is null || Network is VisionTransformerSpec or ResNetSpec or DiffusionSpec, "precision: only Whence's own networks, vit, resnet and diffusion, have a choice; leave it out");
        Check(Precision is null || Enum.IsDefined(Precision.Value), $"precision is {Precision}, but must be float32 or bfloat16");
        Check(PreprocessModel is null || Network is null, "preprocessModel: only an ONNX model has one; leave it out");
        Check(Network is null || Model is null or { Input: null, Output: null }, "model: only an ONNX model has an 'input' and an 'output' to name; leave them out");
        Check(Pool is null || Enum.IsDefined(Pool.Value), $"pool is {Pool}; give class, mean or patches");
        Check(Pool is null || ((Network is null or TorchScriptSpec) && Style is null), "pool: only the output of an ONNX or TorchScript model can be tokens; leave it out");
        Check(Style is null || Network is null or ResNetSpec { Head: ResNetHead.Average }, "style: only layers of an ONNX model or a plain resnet can be described");
        Check(Style is null || Model?.Output is null, "model.output: with style it is not used; leave it out");
        if (Network is PixelsSpec)
        {
            var values = 3L * Preprocessing.Crop * Preprocessing.Crop;
            Check(Dimension == values, $"dimension is {Dimension}, but pixels of crop {Preprocessing.Crop} are {values} values");
        }
        else if (Network is ResNetSpec resnet && Style is not null)
        {
            resnet.ValidateSize();
        }
        else
        {
            Network?.Validate(Dimension);
        }
    }

    private static void Check(bool holds, string problem)
    {
        if (!holds)
        {
            throw new WhenceException(problem);
        }
    }
}

/// <summary>A file of weights; of an ONNX model also the names of its ends.</summary>
public sealed record ModelFile
{
    /// <summary>File name, relative to the spec's folder.</summary>
    public required string File { get; init; }

    /// <summary>SHA-256 of the file, lower-case hexadecimal; checked whenever the model is loaded.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Name of the input; null where the model has only one.</summary>
    public string? Input { get; init; }

    /// <summary>Name of the output that is used; null where the model has only one.</summary>
    public string? Output { get; init; }

    /// <summary>Path of the file, whose checksum is as it should be.</summary>
    /// <param name="folder">The spec's.</param>
    /// <exception cref="WhenceException">It cannot be read, or is another file.</exception>
    internal string CheckedPath(string folder)
    {
        var path = Path.GetFullPath(Path.Combine(folder, File));
        string actual;
        try
        {
            actual = Checksum.Of(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"{path}: cannot read the model ({e.Message}); put the file there or correct 'file' in the spec.", e);
        }

        return actual == Sha256 ? path : throw new WhenceException(
            $"{path}: SHA-256 is {actual}, but the spec says {Sha256}; the weights are damaged or others: fetch them again, or correct the spec.");
    }

    internal void Validate(string what)
    {
        if (string.IsNullOrWhiteSpace(File))
        {
            throw new WhenceException($"{what}.file is empty");
        }

        if (Sha256 is not { Length: 64 } || !Sha256.All(char.IsAsciiHexDigitLower))
        {
            throw new WhenceException($"{what}.sha256 is '{Sha256}', but must be 64 lower-case hexadecimal digits");
        }
    }
}

internal static class SpecJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        RespectNullableAnnotations = true,
        AllowOutOfOrderMetadataProperties = true, // 'kind' need not come first: who sorts the keys of a file does not change it
        WriteIndented = true,
        NewLine = "\n",
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };
}
