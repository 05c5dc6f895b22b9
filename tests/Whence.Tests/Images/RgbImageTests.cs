using Whence.Images;

namespace Whence.Tests.Images;

public class RgbImageTests
{
    [Fact]
    public void Packed_bytes_come_back_as_they_went_in()
    {
        byte[] rgb = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        var image = RgbImage.FromRgb(rgb, 2, 2);
        Assert.Equal(rgb, Pictures.Bytes(image));
        Assert.Equal((10, 11, 12), image[1, 1]);
    }

    [Fact]
    public void A_new_picture_is_black() => Assert.All(Pictures.Bytes(new RgbImage(3, 2)), value => Assert.Equal(0, value));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, -1)]
    [InlineData(60_000, 60_000)]
    public void Impossible_sizes_are_refused(int width, int height) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new RgbImage(width, height));

    [Fact]
    public void Wrong_lengths_and_places_are_refused()
    {
        var image = new RgbImage(2, 2);
        Assert.Throws<ArgumentException>(() => RgbImage.FromRgb(new byte[11], 2, 2));
        Assert.Throws<ArgumentException>(() => image.CopyRgbTo(new byte[11]));
        Assert.Throws<ArgumentOutOfRangeException>(() => image[2, 0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => image[0, -1]);
    }
}
