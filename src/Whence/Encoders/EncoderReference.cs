using Whence.Files;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Encoders;

/// <summary>
/// What another implementation makes of some images, step by step: a <c>.safetensors</c> file (<c>docs/formats.md</c>). Of each image any steps
/// may be missing.
/// </summary>
public sealed class EncoderReference : IDisposable
{
    internal const string Format = "whence-encoder-reference";

    // What a picture may take once it is four bytes a pixel.
    private const long MostPixels = 1 << 28;
    private const string PathSuffix = ".path";
    private static readonly string[] Parts = ["file", "decoded", "resized", "cropped", "normalized", "feature"];

    private readonly string _path;
    private readonly SafetensorsFile _file;

    private EncoderReference(string path, SafetensorsFile file)
    {
        (_path, _file) = (path, file);
        if (file.Metadata.GetValueOrDefault("format") != Format || file.Metadata.GetValueOrDefault("version") != "1")
        {
            throw Bad($"its header does not say format '{Format}', version '1'; docs/encoders.md has the script that makes such files");
        }

        foreach (var name in file.Tensors.Keys)
        {
            if (!Parts.Contains(PartOf(name)))
            {
                throw Bad($"tensor '{name}' is no IMAGE.{string.Join(", IMAGE.", Parts)}");
            }
        }

        Images = [.. file.Tensors.Keys.Select(ImageOf)
            .Concat(file.Metadata.Keys.Where(key => key.EndsWith(PathSuffix, StringComparison.Ordinal)).Select(ImageOf))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (Images.Count == 0)
        {
            throw Bad("holds no image");
        }

        if (Images.Any(image => image.Length == 0 || image.Any(char.IsControl)))
        {
            throw Bad("an image has no name, or one with control characters");
        }
    }

    /// <summary>Name of the encoder that it was made with; null where the file does not say.</summary>
    public string? Encoder => _file.Metadata.GetValueOrDefault("encoder");

    /// <summary>Names of the images, in ordinal order.</summary>
    public IReadOnlyList<string> Images { get; }

    /// <summary>Opens a file and checks its structure.</summary>
    /// <exception cref="WhenceException">Missing, damaged, or no such file.</exception>
    public static EncoderReference Open(string path)
    {
        var file = SafetensorsFile.Open(path);
        try
        {
            return new EncoderReference(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>The image's file: in the reference, or where it says; null where it says nothing.</summary>
    internal byte[]? ReadFile(string image)
    {
        var name = image + ".file";
        if (_file.Tensors.TryGetValue(name, out var info))
        {
            return info is { Type: ElementType.U8, Shape.Count: 1 } ? _file.Bytes(name).ToArray() : throw Bad($"'{name}' is {info}, not bytes");
        }

        if (!_file.Metadata.TryGetValue(image + PathSuffix, out var path))
        {
            return null;
        }

        var full = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_path))!, path);
        return RegularFile.ReadAllAsync(full, DecodeLimits.Default.MaxFileBytes, null, default).AsTask().GetAwaiter().GetResult();
    }

    /// <summary>The picture after a step; null where the file has none.</summary>
    internal RgbImage? ReadPicture(string image, EncodingStep step)
    {
        var name = $"{image}.{Parts[(int)step + 1]}";
        if (!_file.Tensors.TryGetValue(name, out var info))
        {
            return null;
        }

        return info is { Type: ElementType.U8, Shape: [> 0 and <= int.MaxValue, > 0 and <= int.MaxValue, 3] } && info.Shape[0] <= MostPixels / info.Shape[1]
            ? RgbImage.FromRgb(_file.Bytes(name), (int)info.Shape[1], (int)info.Shape[0])
            : throw Bad($"'{name}' is {info}, not bytes of height x width x 3");
    }

    /// <summary>The numbers after a step; null where the file has none.</summary>
    internal float[]? ReadNumbers(string image, EncodingStep step)
    {
        var name = $"{image}.{Parts[(int)step + 1]}";
        if (!_file.Tensors.TryGetValue(name, out var info))
        {
            return null;
        }

        return !info.Type.IsInteger() ? _file.ReadSingle(name) : throw Bad($"'{name}' is {info}, not floating-point numbers");
    }

    private static string PartOf(string name) => name[(name.LastIndexOf('.') + 1)..];

    private static string ImageOf(string name) => name[..Math.Max(0, name.LastIndexOf('.'))];

    private WhenceException Bad(string what) => new($"'{_path}': not a reference of an encoder: {what}.");
}
