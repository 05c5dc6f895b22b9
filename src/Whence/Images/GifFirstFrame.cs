namespace Whence.Images;

/// <summary>
/// The first frame of a GIF. Pillow takes its transparent pixels for what the palette holds at their index, and fills a canvas
/// larger than the frame with the transparent color, or color 0 where there is none. So transparency is switched off in the
/// file, and what is still transparent after decoding is canvas.
/// </summary>
internal sealed class GifFirstFrame : PillowDifference
{
    private const int ScreenFlags = 10, Blocks = 13;
    private const byte Extension = 0x21, GraphicControl = 0xF9, Frame = 0x2C, End = 0x3B;

    private readonly List<int> _transparencyFlags = [];
    private uint _canvas;

    private GifFirstFrame()
    {
    }

    /// <summary>Walks over the blocks in front of the first frame; null where the file ends before it.</summary>
    /// <exception cref="WhenceException">The frame has no colors: the codec would show black, Pillow gray.</exception>
    public static GifFirstFrame? Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < Blocks)
        {
            return null;
        }

        var first = new GifFirstFrame();
        byte transparent = 0;
        var screenTable = ColorTableLength(file[ScreenFlags]);
        var position = Blocks + screenTable;
        while (position + 10 < file.Length && file[position] != End)
        {
            var block = file[position..];
            if (block[0] == Frame) // left, top, width, height in two bytes each, flags, color table
            {
                var local = ColorTableLength(block[9]);
                if (local + screenTable == 0)
                {
                    throw new WhenceException("the GIF image has no color table; convert it or remove it");
                }

                first._canvas = Color(local > 0 ? block[10..] : file.Slice(Blocks, screenTable), transparent);
                return first;
            }

            if (block[0] == Extension && block[1] == GraphicControl && (block[3] & 1) != 0) // size, flags, delay in two bytes, index
            {
                first._transparencyFlags.Add(position + 3);
                transparent = block[6];
            }

            // Pillow steps over bytes that start no block.
            position = block[0] == Extension ? SkipSubBlocks(file, position + 2) : position + 1;
        }

        return null;
    }

    public override ReadOnlySpan<byte> Rewrite(ReadOnlySpan<byte> file)
    {
        if (_transparencyFlags.Count == 0)
        {
            return file;
        }

        var copy = file.ToArray();
        foreach (var position in _transparencyFlags)
        {
            copy[position] &= 0xFE;
        }

        return copy;
    }

    public override void Correct(RgbImage image)
    {
        foreach (ref var pixel in image.AsWords())
        {
            if (pixel >> 24 == 0)
            {
                pixel = _canvas;
            }
        }
    }

    private static int ColorTableLength(byte flags) => (flags & 0x80) == 0 ? 0 : 6 << (flags & 7);

    /// <summary>A color of the table; behind its end Pillow has gray as bright as the index.</summary>
    private static uint Color(ReadOnlySpan<byte> table, int index) =>
        table.Length >= (index * 3) + 3
            ? table[index * 3] | ((uint)table[(index * 3) + 1] << 8) | ((uint)table[(index * 3) + 2] << 16)
            : (uint)index * 0x010101;

    private static int SkipSubBlocks(ReadOnlySpan<byte> file, int position)
    {
        while (position < file.Length && file[position] != 0)
        {
            position += file[position] + 1;
        }

        return position + 1;
    }
}
