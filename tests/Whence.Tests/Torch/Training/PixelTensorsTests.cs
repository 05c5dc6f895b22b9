using Whence.Datasets;
using Whence.Torch.Training;

namespace Whence.Tests.Torch.Training;

public sealed class PixelTensorsTests
{
    // 3 x 3 pixels, whose red counts from 0 to 8.
    private static readonly CaptionedImages Images = CaptionedImages.Of(3, [([.. Enumerable.Range(0, 27).Select(i => (byte)(i % 3 == 0 ? i / 3 : 255))], "nine")]);

    [Theory]
    [InlineData(false, 0, 0, new[] { 0, 1, 2, 3, 4, 5, 6, 7, 8 })]
    [InlineData(true, 0, 0, new[] { 2, 1, 0, 5, 4, 3, 8, 7, 6 })]
    [InlineData(false, 1, 0, new[] { 0, 0, 1, 3, 3, 4, 6, 6, 7 })]
    [InlineData(false, 0, -1, new[] { 3, 4, 5, 6, 7, 8, 6, 7, 8 })]
    [InlineData(true, -1, 1, new[] { 1, 0, 0, 1, 0, 0, 4, 3, 3 })]
    [InlineData(false, 9, 9, new[] { 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    public void An_image_is_flipped_then_moved_and_what_comes_in_repeats_the_edge(bool flipped, int right, int down, int[] expected)
    {
        using var x = PixelTensors.Of(Images, [0], () => new Placement(flipped, right, down));
        Assert.Equal([1, 3, 3, 3], x.shape);
        var values = x.data<float>().ToArray();
        Assert.Equal(expected, values[..9].Select(value => (int)MathF.Round((value + 1) * 127.5f)));
        Assert.All(values[9..], value => Assert.Equal(1, value));
    }
}
