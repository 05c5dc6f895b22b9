using Whence.Encoders;
using Whence.Images;

namespace Whence.Tests.Encoders;

public class OnnxEncoderTests
{
    [Fact]
    public void A_model_with_a_free_batch_encodes_many_images_at_once()
    {
        using var temp = new TempFolder();
        using var encoder = new OnnxEncoder(EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny")));
        var features = new float[6];
        encoder.Encode([.. Constant(1, 2, 3), .. Constant(4, 5, 6)], features);
        Assert.Equal([1, 2, 3, 4, 5, 6], features);
        Assert.Equal(int.MaxValue, encoder.MaxBatch);
    }

    [Fact]
    public void A_model_with_a_fixed_batch_says_so_and_takes_no_more()
    {
        using var temp = new TempFolder();
        using var encoder = new OnnxEncoder(EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny", batch: 1)));
        Assert.Equal(1, encoder.MaxBatch);
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(new float[2 * 192], new float[6]));
    }

    [Fact]
    public void Fewer_images_than_a_fixed_batch_are_filled_up()
    {
        using var temp = new TempFolder();
        using var encoder = new OnnxEncoder(EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny", batch: 4)));
        var features = new float[6];
        encoder.Encode([.. Constant(1, 2, 3), .. Constant(4, 5, 6)], features);
        Assert.Equal([1, 2, 3, 4, 5, 6], features);
    }

    [Fact]
    public async Task Several_threads_may_encode_at_once()
    {
        using var temp = new TempFolder();
        using var encoder = new OnnxEncoder(EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny")));
        await Parallel.ForAsync(0, 200, TestContext.Current.CancellationToken, (i, _) =>
        {
            var feature = new float[3];
            encoder.Encode(Constant(i, i + 1, i + 2), feature);
            Assert.Equal([i, i + 1, i + 2], feature);
            return ValueTask.CompletedTask;
        });
    }

    [Theory]
    [InlineData("\"dimension\":3", "\"dimension\":4", "dimension")] // found out at the first image
    [InlineData("\"crop\":8", "\"crop\":6", "crop")]
    [InlineData("tiny.onnx", "other.onnx", "cannot read")]
    [InlineData("\"sha256\":\"", "\"sha256\":\"0", "64 lower-case")]
    [InlineData("\"model\":{", "\"model\":{\"output\":\"x\",", "'out'")]
    [InlineData("\"name\":\"tiny\"", "\"name\":\"a/b\"", "name")]
    [InlineData("\"dimension\":3", "\"dimension\":0", "dimension")]
    [InlineData("\"resize\":8", "\"resize\":-1", "resize")]
    [InlineData("\"interpolation\":\"bilinear\"", "\"interpolation\":\"magic\"", "interpolation")]
    [InlineData("\"dimension\":3,", "", "dimension")]
    [InlineData("\"dimension\":3", "\"dimensions\":3", "dimension")]
    public void A_spec_that_does_not_fit_is_explained(string from, string to, string expected)
    {
        using var temp = new TempFolder();
        var path = TinyOnnx.Write(temp.Path, "tiny", editSpec: spec => spec.Replace(from, to, StringComparison.Ordinal));
        var error = Assert.Throws<WhenceException>(() =>
        {
            using var encoder = new OnnxEncoder(EncoderSpec.Load(path));
            var side = encoder.Spec.Preprocessing.Crop;
            encoder.Encode(new float[3 * side * side], new float[encoder.Spec.Dimension]);
        });
        Assert.Contains(expected, error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Weights_that_changed_are_refused()
    {
        using var temp = new TempFolder();
        var spec = EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny"));
        File.AppendAllText(temp["tiny.onnx"], " ");
        Assert.Contains("SHA-256", Assert.Throws<WhenceException>(() => new OnnxEncoder(spec)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_cannot_be_loaded_is_refused()
    {
        using var temp = new TempFolder();
        var spec = EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny", operation: "NoSuchOperation"));
        Assert.Contains("ONNX Runtime", Assert.Throws<WhenceException>(() => new OnnxEncoder(spec)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_application_has_the_last_word_on_the_session()
    {
        using var temp = new TempFolder();
        var asked = 0;
        using var encoder = new OnnxEncoder(
            EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny")), new OnnxEncoderOptions { Threads = 2, Configure = _ => asked++ });
        Assert.Equal(1, asked);
    }

    [Fact]
    public void Resnet18_tells_photographs_apart()
    {
        var photos = SharedData.Get("data", "photos", "subjects");
        var subjects = Directory.GetDirectories(photos).Order(StringComparer.Ordinal).Take(2)
            .Select(s => ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(s, "00.jpg")))).ToArray();
        using var encoder = new OnnxEncoder(new EncoderRegistry().Resolve("resnet18"));

        var check = EncoderCheck.Run(encoder, subjects[0], subjects[1]);

        Assert.True(check.Passed, string.Join("; ", check.Problems));
        Assert.InRange(check.SamePicture, 0.85, 1);
        Assert.InRange(check.OtherPicture, 0.1, 0.6);
    }

    [Fact]
    public void A_check_finds_an_encoder_that_looks_at_its_neighbours()
    {
        using var encoder = new Neighbourly();
        var check = EncoderCheck.Run(encoder, ImageDecoder.Decode(TestImages.Png(1)), ImageDecoder.Decode(TestImages.Png(2)));
        Assert.Contains(check.Problems, p => p.Contains("batch", StringComparison.Ordinal));
        Assert.Contains(check.Problems, p => p.Contains("same input", StringComparison.Ordinal));
    }

    private static float[] Constant(float r, float g, float b) =>
        [.. Enumerable.Repeat(r, 64), .. Enumerable.Repeat(g, 64), .. Enumerable.Repeat(b, 64)];

    /// <summary>Adds the number of images, and of calls, to every value.</summary>
    private sealed class Neighbourly : IImageEncoder
    {
        private readonly PatchEncoder _inner = new();
        private int _calls;

        public EncoderSpec Spec => _inner.Spec;

        public int MaxBatch => _inner.MaxBatch;

        public void Encode(ReadOnlySpan<float> images, Span<float> features)
        {
            _inner.Encode(images, features);
            for (var i = 0; i < features.Length; i++)
            {
                features[i] += (features.Length / Spec.Dimension) + (0.01f * _calls);
            }

            _calls++;
        }

        public void Dispose() => _inner.Dispose();
    }
}
