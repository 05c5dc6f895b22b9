using Whence.Bench.BaseModel;
using Whence.Torch.Diffusion;
using Whence.Torch.Encoders;

namespace Whence.Tests.Bench;

public class MultiplyAddsTests
{
    [Fact]
    public void Of_a_small_unet_are_those_of_its_layers_by_hand()
    {
        const int Side = 4, Tokens = 3, Text = 6, A = 8, B = 16, In = 2;
        var spec = new UNetSpec
        {
            SampleSize = Side,
            InChannels = In,
            OutChannels = In,
            BlockChannels = [A, B],
            DownAttention = [false, true],
            UpAttention = [true, false],
            LayersPerBlock = 1,
            CrossAttentionWidth = Text,
            Heads = [2, 2],
            NormGroups = 4,
        };
        const int Large = Side * Side, Small = Large / 4, Time = 4 * A;
        var down = Residual(A, A, Large) + Conv(A, A, Small) + Residual(A, B, Small) + Transformer(B, Small);
        var middle = Residual(B, B, Small) + Transformer(B, Small) + Residual(B, B, Small);
        var up = Residual(B + B, B, Small) + Transformer(B, Small) + Residual(B + A, B, Small) + Transformer(B, Small) + Conv(B, B, Large)
            + Residual(B + A, A, Large) + Residual(A + A, A, Large);
        var outside = Conv(In, A, Large) + (A * Time) + (Time * Time) + Conv(A, In, Large);
        Assert.Equal(outside + down + middle + up, MultiplyAdds.Of(spec, Tokens));

        static long Conv(long input, long output, long cells) => 9 * input * output * cells;

        static long Residual(long input, long output, long cells) =>
            Conv(input, output, cells) + Conv(output, output, cells) + (Time * output) + (input == output ? 0 : input * output * cells);

        // Projections in and out, self-attention, attention to the text, gated perceptron.
        static long Transformer(long width, long cells) => (2 * width * width * cells)
            + (4 * width * width * cells) + (2 * cells * cells * width)
            + (2 * width * width * cells) + (2 * Text * width * Tokens) + (2 * cells * Tokens * width)
            + (8 * width * width * cells) + (4 * width * width * cells);
    }

    [Fact]
    public void Of_a_small_autoencoder_are_those_of_its_layers_by_hand()
    {
        const int A = 8, B = 16, Latent = 4, Large = 16, Small = 4; // 8 pixels a side in patches of 2
        var spec = new AutoencoderSpec { SampleSize = 8, LatentChannels = Latent, BlockChannels = [A, B], LayersPerBlock = 1, NormGroups = 4, PatchSize = 2 };
        var middle = Residual(B, B, Small) + (4 * B * B * Small) + (2 * Small * Small * B) + Residual(B, B, Small);
        var encode = Conv(12, A, Large) + Residual(A, A, Large) + Conv(A, A, Small) + Residual(A, B, Small) + middle + Conv(B, 2 * Latent, Small) + (4 * Latent * Latent * Small);
        var decode = (Latent * Latent * Small) + Conv(Latent, B, Small) + middle + Residual(B, B, Small) + Residual(B, B, Small) + Conv(B, B, Large)
            + Residual(B, A, Large) + Residual(A, A, Large) + Conv(A, 12, Large);
        Assert.Equal((encode, decode), MultiplyAdds.Of(spec));

        static long Conv(long input, long output, long cells) => 9 * input * output * cells;

        static long Residual(long input, long output, long cells) => Conv(input, output, cells) + Conv(output, output, cells) + (input == output ? 0 : input * output * cells);
    }

    [Fact]
    public void Of_a_text_encoder_are_those_of_its_blocks_by_hand() =>
        Assert.Equal(
            2 * ((12L * 32 * 32 * 10) + (2 * 10 * 10 * 32)),
            MultiplyAdds.Of(new ClipTextSpec { Width = 32, Depth = 2, Heads = 4, ContextLength = 10, VocabularySize = 600, Dimension = null }));
}
