using System.Buffers.Binary;

namespace Whence.Images;

/// <summary>
/// What the JPEG decoder does not object to: a progressive file that is cut off (it shows the scans that are there; Pillow
/// refuses), and one with so many scans over a large picture that decoding takes forever.
/// </summary>
internal static class JpegMarkers
{
    /// <summary>The usual progressive file has about 10.</summary>
    private const int MostScans = 500;

    private const byte Temporary = 0x01, FirstRestart = 0xD0, StartOfImage = 0xD8, EndOfImage = 0xD9, StartOfScan = 0xDA;

    /// <exception cref="WhenceException">The file ends before its end marker, or has too many scans.</exception>
    public static void Check(ReadOnlySpan<byte> file)
    {
        var scans = 0;
        while (true)
        {
            // In compressed data 0xFF is followed by 0 or a restart marker, so that the next real marker ends it.
            var next = file.IndexOf((byte)0xFF);
            if (next < 0 || next + 1 >= file.Length)
            {
                throw new WhenceException("the JPEG image is cut off; replace or remove it");
            }

            var marker = file[next + 1];
            file = file[(next + (marker == 0xFF ? 1 : 2))..];
            if (marker is 0 or Temporary or 0xFF or (>= FirstRestart and <= StartOfImage))
            {
                continue;
            }

            if (marker == EndOfImage)
            {
                return;
            }

            if (marker == StartOfScan && ++scans > MostScans)
            {
                throw new WhenceException($"the JPEG image has more than {MostScans} scans; save it anew or remove it");
            }

            file = file[Math.Min(file.Length, file.Length < 2 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(file))..];
        }
    }
}
