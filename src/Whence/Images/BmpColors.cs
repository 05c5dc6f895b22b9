using System.Buffers.Binary;
using System.Numerics;

namespace Whence.Images;

/// <summary>
/// BMP with 16 bits a pixel, whose 5 and 6 bits Pillow stretches to 8 by truncating v * 255 / 31, where the codec rounds.
/// </summary>
internal sealed class BmpColors : PillowDifference
{
    private const int HeaderSize = 14, Bits = 28, Compression = 30, RedMask = 54, GreenMask = 58, Fields = 62;
    private const int BitFields = 3, SixBitGreen = 0x7E0;

    private readonly int _greenBits;

    private BmpColors(int greenBits) => _greenBits = greenBits;

    /// <exception cref="WhenceException">A color's bits do not lie side by side: the codec would guess, and say so on the console.</exception>
    public static BmpColors? Read(ReadOnlySpan<byte> file)
    {
        if (file.Length >= Fields && Int32(file, HeaderSize) >= 40 && Int32(file, Compression) == BitFields)
        {
            // Red, green, blue, and alpha where the header is long enough to have it.
            var masks = Int32(file, HeaderSize) >= 56 ? 4 : 3;
            for (var i = 0; i < masks && RedMask + (4 * i) + 4 <= file.Length; i++)
            {
                var mask = (uint)Int32(file, RedMask + (4 * i));
                var ones = mask >> BitOperations.TrailingZeroCount(mask);
                if ((ones & (ones + 1)) != 0)
                {
                    throw new WhenceException($"the BMP image has the color mask 0x{mask:X8}, whose bits do not lie side by side; convert or remove it");
                }
            }
        }

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
