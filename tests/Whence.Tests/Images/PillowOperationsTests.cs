using System.Security.Cryptography;
using Whence.Images;

namespace Whence.Tests.Images;

/// <summary>Augmentations against the SHA-256 of what Pillow 9.4 and torchvision 0.14 make of the same picture, which is a formula.</summary>
public class PillowOperationsTests
{
    [Theory]
    [InlineData("brightness", 0, "53755bcd87fd6b66456ec383370bd4c86f73ee50b7f6ccc37176c55ca44cd24e")]
    [InlineData("brightness", 0.6, "1fef386c4d6c468de72785a80f7562abaae176c2045b35eae937986e34f9e984")]
    [InlineData("brightness", 0.7371, "1d21b91b1ae3cb24bf8284690d8350901b92b2a91aefdd28dc690656b1a15604")]
    [InlineData("brightness", 1, "1b8a830777409537ca8445f41e1685092f8da5aa9166a33a955dc961cf7240f2")]
    [InlineData("brightness", 1.25, "a61406ebb8042f46db7b79fe692b6d0e8f59b36665b2cfecfdb460c282b5ea82")]
    [InlineData("brightness", 1.4, "a1e0695121d88ef107c6255989589e28e930e18e612ec2ff340943d5a15674d4")]
    [InlineData("contrast", 0, "0289e328eb63c1f60c2b37f1b01898dfa2204194600e07b9fbad18df16cce97c")]
    [InlineData("contrast", 0.6, "d2d2abd47e25c5741d70759667efa2e74a6149cc78404041a26432d536ab68c8")]
    [InlineData("contrast", 0.7371, "499e1705792c029b0e996b96e04c9aa115c712ad900937701b7831644f7f41f0")]
    [InlineData("contrast", 1, "1b8a830777409537ca8445f41e1685092f8da5aa9166a33a955dc961cf7240f2")]
    [InlineData("contrast", 1.25, "c9d6348f35e765db2268c5b35ee3af43c4d12bcf8922ecae005d69169dbd02ef")]
    [InlineData("contrast", 1.4, "8644ef299d75866a4f202b88898bd4051fa4a827f20b892a643130d5197847ed")]
    [InlineData("saturation", 0, "df5daf20b962c6e7d9b3f8a1c4839b4eea492d926e750aff89f878b8bdcfca6f")]
    [InlineData("saturation", 0.6, "94cfdbc7cb308e412b3eee99259c693869ebe5e44da627eaad5171d3417183dd")]
    [InlineData("saturation", 0.7371, "a1dfa9500e7b2cbde06c540d2eb6557328f725c1c3dee9fbf442e30c95cf1268")]
    [InlineData("saturation", 1, "1b8a830777409537ca8445f41e1685092f8da5aa9166a33a955dc961cf7240f2")]
    [InlineData("saturation", 1.25, "5211ae4e4b1aabb09acd3e6188f9f841309826e6555f41a441e5f60b4d6d8a93")]
    [InlineData("saturation", 1.4, "a2aab4c0e801ceadbeb4c3b2444593fa3684dad9698a0a414af087379d610adb")]
    [InlineData("hue", -0.1, "071464dd1dadd079a1576fe4c5b1cd41d1f772c40ff4c5dbb1782486f80f5e59")]
    [InlineData("hue", -0.0371, "bca671db8f492b39cc7ddeff31cca1494b008f8aeb7cd567cbc44d930667b1b2")]
    [InlineData("hue", 0, "7845d238569e5a1b0deae36d5aab0912564c780203f8bcdd51fbe25212bc4059")]
    [InlineData("hue", 0.05, "e51df58e9a6aa3e7c22e06dc2ba4f6220527cd3bd3137907f353b5a4eed6486d")]
    [InlineData("hue", 0.1, "e8ab44c58973eeb36f525670075b8f5b9eec85ea7fba7062c305e99c8b4f1f75")]
    [InlineData("hue", 0.5, "611fcd4c180116e6f8ec369eaec8230c90579711b98e9549669805d20875741f")]
    [InlineData("blur", 0.1, "2e308cf261460ebf76410383ef31041c2dab700f213067806ad0cc0868c4a238")]
    [InlineData("blur", 0.3, "9b71f39c90fcd0cd0d8b529df31f04e0f2e4376ba0038227ad0de6bcfbd8171f")]
    [InlineData("blur", 0.7, "9b5b4850d769ef9a524687042966d20f36d70eefaa539fedf59d362bb973afd7")]
    [InlineData("blur", 1.0, "aa4ecae6578e9a10204f4f54e2564a24551d5f72f8dbcef313e01809c3c41ef6")]
    [InlineData("blur", 1.3333, "6c1be9e4d709054c0f3b1c9e3fffbf98bcb486619f9213a331263c00d2db0949")]
    [InlineData("blur", 2.0, "6c189263ee1fd28fc5bf9033b03ba6aa0029c032d908d594b1300d3c5bb654dd")]
    [InlineData("picture", 0, "1b8a830777409537ca8445f41e1685092f8da5aa9166a33a955dc961cf7240f2")]
    [InlineData("gray", 0, "df5daf20b962c6e7d9b3f8a1c4839b4eea492d926e750aff89f878b8bdcfca6f")]
    [InlineData("solarize", 0, "e043a8f17baf3dfdf74ecc58fbd51a5a6012402eced960fcc9f388489488e836")]
    public void An_operation_gives_pillows_pixels(string operation, double amount, string sha256)
    {
        var image = Formula();
        switch (operation)
        {
            case "brightness": ColorOperations.Brightness(image, amount); break;
            case "contrast": ColorOperations.Contrast(image, amount); break;
            case "saturation": ColorOperations.Saturation(image, amount); break;
            case "hue": ColorOperations.Hue(image, amount); break;
            case "blur": GaussianBlur.Apply(image, amount); break;
            case "gray": ColorOperations.Grayscale(image); break;
            case "solarize": ColorOperations.Solarize(image); break;
            default: Assert.Equal("picture", operation); break;
        }

        Assert.Equal(sha256, Sha256(image));
    }

    [Theory]
    [InlineData(0, 0, 61, 47, Interpolation.Bilinear, "446099eb6fd5c05ad631240831d4dec6aa09ad84cb8ad81815c93d272169646f")]
    [InlineData(0, 0, 61, 47, Interpolation.Bicubic, "18999cc65be3f35773c61acf5ba06c6932e7131283a6690312885ad462cc850a")]
    [InlineData(5, 7, 40, 33, Interpolation.Bilinear, "97e47b2ba4c7db681d685f37f83db68bc08a9ff35c1a284167ba1c01eff5f5b7")]
    [InlineData(5, 7, 40, 33, Interpolation.Bicubic, "cce61dbd27d312fd3c34180ec7b824721a51f735559ed3b77b35ec496e704d3a")]
    [InlineData(60, 46, 1, 1, Interpolation.Bilinear, "de79431fe89a19d037854400c58086bfcefd467d87db740c238c305c468b6db3")]
    [InlineData(60, 46, 1, 1, Interpolation.Bicubic, "de79431fe89a19d037854400c58086bfcefd467d87db740c238c305c468b6db3")]
    public void A_window_is_cut_out_before_it_is_resized(int left, int top, int width, int height, Interpolation interpolation, string sha256)
    {
        var result = new RgbImage(32, 32);
        Augmenter.ResizeWindow(Formula(), new PixelWindow(left, top, width, height), interpolation, result);
        Assert.Equal(sha256, Sha256(result));
    }

    /// <summary>Every colour there is.</summary>
    [Fact]
    public void All_colours_are_turned_mixed_and_converted_as_pillow_does()
    {
        Assert.Equal("875e571b418c7815e2aab3c8818c1d88d0d00268b7fcb0651e5128088432763f", Of((rgb, to) => (to[0], to[1], to[2]) = ColorOperations.ToHsv(rgb[0], rgb[1], rgb[2])));
        Assert.Equal("7fc0ce92d08212b6e2b2e219d1715363f9280d7e0850b8b6e095f4fe8bb1a211", Changed(image => ColorOperations.Hue(image, 0.0731)));
        Assert.Equal("dccc1266fc598e5104716760685edb2772b95225a2f96cbe0760d5b1cc94214e", Changed(image => ColorOperations.Saturation(image, 1.1371)));

        static string Of(Converter convert)
        {
            var (rgb, result) = (AllColours(), new byte[3 << 24]);
            for (var i = 0; i < rgb.Length; i += 3)
            {
                convert(rgb.AsSpan(i, 3), result.AsSpan(i, 3));
            }

            return Convert.ToHexStringLower(SHA256.HashData(result));
        }

        static string Changed(Action<RgbImage> change)
        {
            var image = RgbImage.FromRgb(AllColours(), 4096, 4096);
            change(image);
            return Sha256(image);
        }
    }

    private delegate void Converter(ReadOnlySpan<byte> rgb, Span<byte> to);

    private static byte[] AllColours()
    {
        var rgb = new byte[3 << 24];
        for (var i = 0; i < 1 << 24; i++)
        {
            (rgb[3 * i], rgb[(3 * i) + 1], rgb[(3 * i) + 2]) = ((byte)i, (byte)(i >> 8), (byte)(i >> 16));
        }

        return rgb;
    }

    private static RgbImage Formula()
    {
        var rgb = new List<byte>();
        for (var y = 0; y < 47; y++)
        {
            for (var x = 0; x < 61; x++)
            {
                rgb.AddRange((byte)((x * x * 7) + (y * 13) + (x * y)), (byte)((x * 5) + (y * y * 3) + (x * y % 97)), (byte)((x * 11) + (y * 29) + ((x ^ y) * 17)));
            }
        }

        return RgbImage.FromRgb([.. rgb], 61, 47);
    }

    private static string Sha256(RgbImage image) => Convert.ToHexStringLower(SHA256.HashData(Pictures.Bytes(image)));
}
