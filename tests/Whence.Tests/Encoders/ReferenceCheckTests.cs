using System.Text.Json;
using Whence.Encoders;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Tests.Encoders;

/// <summary>References built of what Pillow and torchvision made, each with one thing wrong.</summary>
public sealed class ReferenceCheckTests : IDisposable
{
    private static readonly string[] Encoders = ["dino", "clip", "vit", "sscd", "moco"];
    private readonly TempFolder _temp = new();
    private readonly Dictionary<string, string> _metadata = new() { ["format"] = "whence-encoder-reference", ["version"] = "1" };

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void What_Pillow_and_torchvision_make_is_within_the_tolerance_step_by_step()
    {
        foreach (var name in Encoders)
        {
            var spec = Golden(name);
            var check = Run(spec, [.. Directory.GetFiles(SharedData.Get("reference", "preprocess", "images")).SelectMany(file => Tensors(name, spec, file))]);
            Assert.Null(check.FirstDifference);
            Assert.Equal(10 * 3, check.Comparisons.Count);
            Assert.All(check.Comparisons.Where(c => c.Last == EncodingStep.Crop), c => Assert.Equal((EncodingStep.Resize, 0.0), (c.First, c.Largest)));
        }
    }

    [Fact]
    public void The_numbers_of_a_reference_are_those_of_torchvision()
    {
        using var corners = SafetensorsFile.Open(SharedData.Get("reference", "preprocess", "normalized_corner.safetensors"));
        var spec = Golden("clip");
        var numbers = Normalized(spec, Picture("crops", "gray.clip"));
        var corner = corners.ReadSingle(corners.Tensors.Keys.Single(key => key.Contains("gray", StringComparison.Ordinal) && key.EndsWith("clip", StringComparison.Ordinal)));
        for (var i = 0; i < corner.Length; i++)
        {
            var (channel, y, x) = (i / 60, i / 10 % 6, i % 10);
            Assert.Equal(corner[i], numbers[(((channel * 224) + y) * 224) + x], 1e-6f);
        }
    }

    [Theory]
    [InlineData("another filter", EncodingStep.Resize, EncodingStep.Crop)]
    [InlineData("another size", EncodingStep.Resize, EncodingStep.Crop)]
    [InlineData("another mean", EncodingStep.Normalize, EncodingStep.Normalize)]
    [InlineData("another order of channels", EncodingStep.Normalize, EncodingStep.Normalize)]
    [InlineData("another range", EncodingStep.Normalize, EncodingStep.Normalize)]
    public void A_wrong_spec_is_told_by_its_first_step(string mistake, EncodingStep first, EncodingStep last)
    {
        var spec = Golden("dino");
        var tensors = Tensors("dino", spec, SharedData.Get("reference", "preprocess", "images", "jpeg444.jpg"));
        var difference = Run(mistake switch
        {
            "another filter" => spec with { Interpolation = Interpolation.Bilinear },
            "another size" => spec with { Resize = 224 },
            "another mean" => spec with { Mean = [0.5f, 0.5f, 0.5f] },
            "another order of channels" => spec with { ChannelOrder = ChannelOrder.Bgr },
            _ => spec with { Range = 255 },
        }, tensors).FirstDifference!;
        Assert.Equal((first, last), (difference.First, difference.Last));
        Assert.True(difference.Largest > 0 && difference.Mean > 0 && difference.Mean <= difference.Largest);
        Assert.Equal("jpeg444", difference.Image);
    }

    [Fact]
    public void Resize_and_crop_are_told_apart_where_the_reference_has_both()
    {
        // Pillow's own resize of 97 x 61 to 98 x 62 pixels: a short side of 62.
        using var golden = SafetensorsFile.Open(SharedData.Get("reference", "preprocess", "resize.safetensors"));
        var source = Named("a.decoded", golden, "source");
        var resized = Named("a.resized", golden, "bicubic.98x62");
        var spec = new PreprocessingSpec { Resize = 62, Crop = 62, Interpolation = Interpolation.Bicubic };
        var pixels = RgbImage.FromRgb(golden.Bytes("bicubic.98x62"), 98, 62);
        var crop = Pixels("a.cropped", new Preprocessor(spec).CropResized(pixels));
        Assert.Null(Run(spec, [source, resized, crop]).FirstDifference);

        Assert.Equal(EncodingStep.Resize, Run(spec with { Interpolation = Interpolation.Lanczos }, [source, resized, crop]).FirstDifference!.Last);
        Assert.Equal(EncodingStep.Resize, Run(spec with { Stretch = true }, [source, resized, crop]).FirstDifference!.Last);
        var shifted = Resampler.Resize(pixels, 98, 62, Interpolation.Bicubic, new PixelWindow(0, 0, 62, 62));
        var difference = Run(spec, [source, resized, Pixels("a.cropped", shifted)]).FirstDifference!;
        Assert.Equal((EncodingStep.Crop, EncodingStep.Crop), (difference.First, difference.Last));

        // A crop of another size: the step is told, and both sizes.
        difference = Run(spec with { Crop = 60 }, [source, resized, crop]).FirstDifference!;
        Assert.Equal(EncodingStep.Crop, difference.Last);
        Assert.Contains("60 x 60 pixels, the reference has 62 x 62", difference.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrongly_decoded_picture_is_told_before_all_that_follows()
    {
        var spec = Golden("clip");
        var file = SharedData.Get("reference", "preprocess", "images", "palette.png");
        var tensors = Tensors("clip", spec, file);
        var decoded = ImageDecoder.Decode(File.ReadAllBytes(file));
        decoded.Pixels[0]++;
        var difference = Run(spec, [.. tensors.Where(t => t.Name != "palette.decoded"), Pixels("palette.decoded", decoded)]).FirstDifference!;
        Assert.Equal((EncodingStep.Decode, EncodingStep.Decode, 1.0), (difference.First, difference.Last, difference.Largest));

        // As little in a JPEG is what decoders differ by, a turned picture is not.
        var jpeg = SharedData.Get("reference", "preprocess", "images", "exif6.jpg");
        tensors = Tensors("clip", spec, jpeg);
        var picture = Picture("decoded", "exif6");
        picture.Pixels[0] ^= 1;
        Assert.DoesNotContain(
            Run(spec, [.. tensors.Where(t => t.Name != "exif6.decoded"), Pixels("exif6.decoded", picture)]).Comparisons,
            c => c.Last == EncodingStep.Decode && c.Problem is not null);
        var turned = Pixels("exif6.decoded", ImageDecoder.Decode(File.ReadAllBytes(jpeg), autoOrient: true));
        Assert.Equal(EncodingStep.Decode, Run(spec, [.. tensors.Where(t => t.Name != "exif6.decoded"), turned]).FirstDifference!.Last);
    }

    [Fact]
    public void A_network_is_compared_on_the_reference_s_own_input()
    {
        using var encoder = new PatchEncoder();
        var input = Numbers(3 * 16 * 16, 1);
        var feature = new float[encoder.Spec.Dimension];
        encoder.Encode(input, feature);
        TensorData[] tensors = [TensorData.FromSingle("a.normalized", input, 3, 16, 16), TensorData.FromSingle("a.feature", feature, feature.Length)];
        var same = Assert.Single(Run(encoder, tensors).Comparisons);
        Assert.Equal((EncodingStep.Network, EncodingStep.Network, 0.0, null), (same.First, same.Last, same.Largest, same.Problem));
        Assert.Equal(1, same.Cosine!.Value, 6);

        using var other = new PatchEncoder { AfterEncode = features => features[0] += 0.01f };
        var difference = Run(other, tensors).FirstDifference!;
        Assert.Equal(EncodingStep.Network, difference.Last);
        Assert.Equal(0.01, difference.Largest, 4);
        using var broken = new PatchEncoder { AfterEncode = features => features[0] = float.NaN };
        Assert.NotNull(Run(broken, tensors).FirstDifference);

        // What a network of 8 significant bits may differ by is more.
        using var rough = new PatchEncoder { AfterEncode = features => features[0] += 0.001f };
        Assert.NotNull(Run(rough, tensors).FirstDifference);
        Assert.Null(Run(rough, tensors, ReferenceTolerance.For(EncoderPrecision.BF16)).FirstDifference);
    }

    [Fact]
    public void Steps_that_the_reference_leaves_out_are_taken_together()
    {
        using var encoder = new PatchEncoder();
        var file = TestImages.Png(3);
        var numbers = new float[3 * 16 * 16];
        new Preprocessor(encoder.Spec.Preprocessing).Preprocess(file, numbers);
        var feature = new float[encoder.Spec.Dimension];
        encoder.Encode(numbers, feature);
        var check = Run(encoder, [TensorData.FromBytes("a.file", ElementType.U8, file, file.Length), TensorData.FromSingle("a.feature", feature, feature.Length)]);
        var comparison = Assert.Single(check.Comparisons);
        Assert.Equal((EncodingStep.Decode, EncodingStep.Network, null), (comparison.First, comparison.Last, comparison.Problem));
        Assert.Equal(comparison, Assert.Single(check.Whole));
    }

    [Fact]
    public void The_file_may_lie_beside_the_reference()
    {
        File.WriteAllBytes(_temp["a.png"], TestImages.Png(3));
        _metadata["a.path"] = "a.png";
        using var encoder = new PatchEncoder();
        Assert.Null(Run(encoder, [Pixels("a.decoded", ImageDecoder.Decode(TestImages.Png(3)))]).FirstDifference);
        File.Delete(_temp["a.png"]);
        Assert.Throws<WhenceException>(() => Run(encoder, [Pixels("a.decoded", ImageDecoder.Decode(TestImages.Png(3)))]));
    }

    [Fact]
    public void What_is_no_reference_is_refused_in_one_line()
    {
        using var encoder = new PatchEncoder();
        var bytes = TensorData.FromBytes("a.file", ElementType.U8, TestImages.Png(1), TestImages.Png(1).Length);
        Refused("only one thing", bytes);
        Refused("is no IMAGE.file", bytes, TensorData.FromSingle("a.something", [1], 1));
        Refused("not bytes of height x width x 3", bytes, TensorData.FromSingle("a.decoded", [1, 2, 3], 1, 1, 3));
        Refused("not bytes of height x width x 3", bytes, TensorData.FromBytes("a.decoded", ElementType.U8, [1, 2], 1, 1, 2));
        Refused("not floating-point", bytes, TensorData.FromInt64("a.feature", [1], 1));
        Refused("3 values, the encoder's spec says 48", bytes, TensorData.FromSingle("a.feature", [1, 2, 3], 3));
        Refused("control characters", TensorData.FromSingle("\u001b[31m.feature", new float[48], 48));
        Refused("no name", TensorData.FromSingle(".feature", new float[48], 48));
        Refused("is no IMAGE.file", TensorData.FromSingle("plain", [1], 1));
        Refused("not bytes", TensorData.FromSingle("a.file", [1], 1), TensorData.FromSingle("a.feature", new float[48], 48));
        _metadata["version"] = "2";
        Refused("version '1'", bytes);

        void Refused(string expected, params TensorData[] tensors)
        {
            var error = Assert.Throws<WhenceException>(() => Run(encoder, tensors));
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    private ReferenceCheck Run(PreprocessingSpec spec, TensorData[] tensors)
    {
        using var encoder = new Unused(spec);
        return Run(encoder, tensors);
    }

    private ReferenceCheck Run(IImageEncoder encoder, TensorData[] tensors, ReferenceTolerance? tolerance = null)
    {
        SafetensorsFile.Write(_temp["r.safetensors"], tensors, _metadata);
        using var reference = EncoderReference.Open(_temp["r.safetensors"]);
        return ReferenceCheck.Run(encoder, reference, tolerance, TestContext.Current.CancellationToken);
    }

    /// <summary>The golden images: file, decoded by Pillow, cropped by torchvision, and the numbers that follow by its formula.</summary>
    private static TensorData[] Tensors(string encoder, PreprocessingSpec spec, string file)
    {
        var (image, bytes) = (Path.GetFileNameWithoutExtension(file), File.ReadAllBytes(file));
        var crop = Picture("crops", $"{image}.{encoder}");
        return
        [
            TensorData.FromBytes($"{image}.file", ElementType.U8, bytes, bytes.Length),
            Pixels($"{image}.decoded", Picture("decoded", image)),
            Pixels($"{image}.cropped", crop),
            TensorData.FromSingle($"{image}.normalized", Normalized(spec, crop), 3, spec.Crop, spec.Crop),
        ];
    }

    private static float[] Normalized(PreprocessingSpec spec, RgbImage crop)
    {
        var numbers = new float[3 * spec.Crop * spec.Crop];
        for (var i = 0; i < spec.Crop * spec.Crop; i++)
        {
            var (r, g, b) = crop[i % spec.Crop, i / spec.Crop];
            foreach (var (channel, value) in new[] { r, g, b }.Index())
            {
                numbers[(channel * spec.Crop * spec.Crop) + i] = ((value / 255f) - spec.Mean[channel]) / spec.Std[channel];
            }
        }

        return numbers;
    }

    private static PreprocessingSpec Golden(string encoder)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(SharedData.Get("reference", "preprocess", "config.json")));
        var spec = config.RootElement.GetProperty("encoders").GetProperty(encoder);
        return new()
        {
            Resize = spec.GetProperty("resize_short_side").GetInt32(),
            Crop = spec.GetProperty("center_crop").GetInt32(),
            Interpolation = Enum.Parse<Interpolation>(spec.GetProperty("interpolation").GetString()!, ignoreCase: true),
            Mean = [.. spec.GetProperty("mean").EnumerateArray().Select(x => x.GetSingle())],
            Std = [.. spec.GetProperty("std").EnumerateArray().Select(x => x.GetSingle())],
        };
    }

    private static RgbImage Picture(string folder, string name) =>
        ImageDecoder.Decode(File.ReadAllBytes(SharedData.Get("reference", "preprocess", folder, name + ".png")));

    private static TensorData Pixels(string name, RgbImage image)
    {
        var bytes = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(bytes);
        return TensorData.FromBytes(name, ElementType.U8, bytes, image.Height, image.Width, 3);
    }

    private static TensorData Named(string name, SafetensorsFile file, string tensor) =>
        TensorData.FromBytes(name, ElementType.U8, file.Bytes(tensor), [.. file.Tensors[tensor].Shape]);

    private static float[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];
    }

    /// <summary>An encoder of which only the preprocessing is looked at.</summary>
    private sealed class Unused(PreprocessingSpec preprocessing) : IImageEncoder
    {
        public EncoderSpec Spec { get; } = new() { Name = "unused", Dimension = 1, Preprocessing = preprocessing, Model = new ModelFile { File = "none", Sha256 = "" } };

        public int MaxBatch => 1;

        public void Encode(ReadOnlySpan<float> images, Span<float> features) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
