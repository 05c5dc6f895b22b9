using System.Text.Json;
using Whence.Images;

namespace Whence.Tests.Images;

/// <summary>Against what Pillow and torchvision made of the same files for the paper's encoders.</summary>
public class GoldenPreprocessingTests
{
    private const float Atol = 1e-6f;

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var file in new[] { "jpeg420.jpg", "jpeg444.jpg", "gray.jpg", "rgba.png", "palette.png", "wide.jpg", "tiny.png", "lossy.webp", "exif6.jpg", "rgb16.png" })
            {
                foreach (var encoder in new[] { "dino", "clip", "vit", "sscd", "moco" })
                {
                    cases.Add(file, encoder);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Crops_equal_Pillow_in_every_pixel_from_decoded_pixels_and_from_the_file(string file, string encoder)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        var expected = Pictures.Decode(Golden("crops", $"{name}.{encoder}.png"));
        var preprocessor = new Preprocessor(Spec(encoder));
        Assert.Equal((0, 0), Pictures.Difference(expected, preprocessor.Crop(Pictures.Decode(Golden("decoded", $"{name}.png")))));
        Assert.Equal((0, 0), Pictures.Difference(expected, preprocessor.Crop(File.ReadAllBytes(Golden("images", file)))));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Normalized_corners_equal_torchvision(string file, string encoder)
    {
        var golden = new GoldenTensors(Golden("normalized_corner.safetensors"));
        var (data, shape) = golden.Get($"{Path.GetFileNameWithoutExtension(file)}.{encoder}");
        Assert.Equal([3, 6, 10], shape);
        var preprocessor = new Preprocessor(Spec(encoder));
        var chw = new float[preprocessor.Length];
        preprocessor.Preprocess(File.ReadAllBytes(Golden("images", file)), chw);
        var crop = preprocessor.Spec.Crop;
        for (var i = 0; i < 180; i++)
        {
            var (channel, y, x) = (i / 60, i / 10 % 6, i % 10);
            Assert.Equal(BitConverter.ToSingle(data, i * 4), chw[(((channel * crop) + y) * crop) + x], Atol);
        }
    }

    private static string Golden(params string[] parts) => SharedData.Get(["reference", "preprocess", .. parts]);

    private static PreprocessingSpec Spec(string encoder)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(Golden("config.json")));
        var entry = config.RootElement.GetProperty("encoders").GetProperty(encoder);
        return new PreprocessingSpec
        {
            Resize = entry.GetProperty("resize_short_side").GetInt32(),
            Crop = entry.GetProperty("center_crop").GetInt32(),
            Interpolation = Enum.Parse<Interpolation>(entry.GetProperty("interpolation").GetString()!, ignoreCase: true),
            Mean = entry.GetProperty("mean").Deserialize<float[]>()!,
            Std = entry.GetProperty("std").Deserialize<float[]>()!,
        };
    }
}
