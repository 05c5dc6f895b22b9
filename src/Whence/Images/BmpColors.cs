using System.Buffers.Binary;

namespace Whence.Images;

/// <summary>
/// BMP with 16 bits a pixel, whose 5 and 6 bits Pillow stretches to 8 by truncating v * 255 / 31, where the codec rounds.
/// </summary>
internal sealed class BmpColors : PillowDifference
{
    private const int HeaderSize = 14, Bits = 28, Compression = 30, GreenMask = 58, Fields = 62;
    private const int BitFields = 3, SixBitGreen = 0x7E0;

    private readonly int _greenBits;

    private BmpColors(int greenBits) => _greenBits = greenBits;

    public static BmpColors? Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < Fields || Int32(file, HeaderSize) < 40 || file[Bits] != 16)
        {
            return null;
        }

        var sixBits = Int32(file, Compression) == BitFields && Int32(file, GreenMask) == SixBitGreen;
        return new BmpColors(sixBits ? 6 : 5);
    }

    public override void Correct(RgbImage image)
    {
        for (var i = 0; i < image.Height * image.Stride; i += RgbImage.BytesPerPixel)
        {
            var pixel = image.Pixels.AsSpan(i, 3);
            pixel[0] = Stretch(pixel[0], 5);
            pixel[1] = Stretch(pixel[1], _greenBits);
            pixel[2] = Stretch(pixel[2], 5);
        }
    }

    /// <summary>The rounded 8-bit value's leading bits are the file's value.</summary>
    private static byte Stretch(byte value, int bits) => (byte)((value >> (8 - bits)) * 255 / ((1 << bits) - 1));

    private static int Int32(ReadOnlySpan<byte> file, int position) => BinaryPrimitives.ReadInt32LittleEndian(file[position..]);
}
