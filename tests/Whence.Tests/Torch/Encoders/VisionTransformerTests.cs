using Whence.Encoders;
using Whence.Torch.Encoders;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Tests.Torch.Encoders;

public class VisionTransformerTests
{
    [Theory]
    [InlineData("timm_vit", "weights.safetensors")]
    [InlineData("dino", "weights.safetensors")]
    [InlineData("dino", "weights.pth")]
    [InlineData("moco", "weights.safetensors")]
    [InlineData("moco", "checkpoint.pth.tar")]
    public void Tokens_blocks_and_features_are_the_references(string folder, string file)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenEncoders(folder);
        using var network = GoldenEncoders.Load(SpecOf(folder), GoldenEncoders.File(folder, file));
        golden.AssertClose("debug.tokens_in", network.Tokens(golden.Input()));
        foreach (var (i, block) in network.Blocks(golden.Input()).Index())
        {
            golden.AssertClose($"debug.block{i}", block);
        }

        golden.AssertClose("feature", network.forward(golden.Input()));
    }

    [Theory]
    [InlineData("48x48", 48, 48)]
    [InlineData("48x32", 48, 32)]
    [InlineData("24x40", 24, 40)]
    [InlineData("35x50", 35, 50)]
    public void Dino_takes_images_of_other_sizes(string size, int height, int width)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenEncoders("dino");
        using var network = GoldenEncoders.Load(GoldenEncoders.Dino, GoldenEncoders.File("dino", "weights.safetensors"));
        golden.AssertClose("pos_embed." + size, network.Positions(height, width));
        golden.AssertClose("feature." + size, network.forward(golden.Input("input." + size)));
    }

    [Theory]
    [InlineData("clip", "weights.safetensors")]
    [InlineData("clip_hf", "weights.safetensors")]
    public void Clips_visual_tower_is_the_references(string folder, string file)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenEncoders("clip");
        using var network = GoldenEncoders.Load(GoldenEncoders.Clip, GoldenEncoders.File(folder, file));
        golden.AssertClose("image_features", network.forward(golden.Input("image")));
    }

    [Fact]
    public void Mocos_positions_are_sines_and_cosines()
    {
        using var weights = SafetensorsFile.Open(GoldenEncoders.File("moco", "weights.safetensors"));
        GoldenEncoders.AssertClose(weights.ReadSingle("pos_embed"), VisionTransformer.SineCosinePositions(4, 48));
    }

    [Fact]
    public void Other_networks_take_images_of_one_size()
    {
        using var scope = NewDisposeScope();
        using var network = GoldenEncoders.Load(GoldenEncoders.Timm, GoldenEncoders.File("timm_vit", "weights.safetensors"));
        Assert.Throws<ArgumentException>(() => network.forward(zeros(1, 3, 48, 48)));
    }

    [Fact]
    public void Loading_and_running_leave_no_tensor_behind()
    {
        var path = GoldenEncoders.File("clip", "weights.safetensors");
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (var network = GoldenEncoders.Load(GoldenEncoders.Clip, path))
        {
            var loaded = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            using (var images = zeros(2, 3, 32, 32))
            {
                network.forward(images).Dispose();
            }

            Assert.Equal(loaded, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }

        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static VisionTransformerSpec SpecOf(string folder) => folder switch
    {
        "timm_vit" => GoldenEncoders.Timm,
        "dino" => GoldenEncoders.Dino,
        _ => GoldenEncoders.Moco,
    };
}
