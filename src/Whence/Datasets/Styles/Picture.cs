using System.Numerics;
using Whence.Images;

namespace Whence.Datasets.Styles;

/// <summary>A picture as treatments compute on it: red, green and blue in [0, 1]; lengths in units of a 64th of its width, so that a treatment looks the same at any size.</summary>
internal sealed class Picture
{
    private const float ByteRange = 255;

    public Picture(int width, int height, Vector3[] pixels) => (Width, Height, Pixels) = (width, height, pixels);

    public int Width { get; }

    public int Height { get; }

    /// <summary>Rows from top to bottom.</summary>
    public Vector3[] Pixels { get; }

    /// <summary>Pixels a unit of length.</summary>
    public float Unit => Width / 64f;

    /// <summary>The colour at a place; beyond the edge that of the edge.</summary>
    public Vector3 this[int x, int y] => Pixels[(Math.Clamp(y, 0, Height - 1) * Width) + Math.Clamp(x, 0, Width - 1)];

    public static Picture Of(RgbImage image)
    {
        var pixels = new Vector3[image.Width * image.Height];
        for (var i = 0; i < pixels.Length; i++)
        {
            var from = i * RgbImage.BytesPerPixel;
            pixels[i] = new Vector3(image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2]) / ByteRange;
        }

        return new Picture(image.Width, image.Height, pixels);
    }

    public RgbImage ToImage()
    {
        var image = new RgbImage(Width, Height);
        for (var i = 0; i < Pixels.Length; i++)
        {
            var value = (Vector3.Clamp(Pixels[i], Vector3.Zero, Vector3.One) * ByteRange) + new Vector3(0.5f);
            var to = i * RgbImage.BytesPerPixel;
            (image.Pixels[to], image.Pixels[to + 1], image.Pixels[to + 2]) = ((byte)value.X, (byte)value.Y, (byte)value.Z);
        }

        return image;
    }

    /// <summary>A picture of the same size from its places.</summary>
    public Picture Map(Func<int, int, Vector3> color)
    {
        var pixels = new Vector3[Pixels.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = color(i % Width, i / Width);
        }

        return new Picture(Width, Height, pixels);
    }

    /// <summary>A picture from the colours one by one.</summary>
    public Picture Map(Func<Vector3, Vector3> color) => new(Width, Height, Array.ConvertAll(Pixels, p => color(p)));

    /// <summary>Values of the places, for what is no colour.</summary>
    public Plane Plane(Func<int, int, float> value)
    {
        var values = new float[Pixels.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = value(i % Width, i / Width);
        }

        return new Plane(Width, Height, values);
    }

    /// <summary>Brightness of each place, in [0, 1].</summary>
    public Plane Luminance() => new(Width, Height, Array.ConvertAll(Pixels, Tone.Luminance));

    /// <summary>The mean colour of a disc around a place, in pixels.</summary>
    public Vector3 Mean(float x, float y, float radius)
    {
        var (sum, count) = (Vector3.Zero, 0);
        for (var row = (int)MathF.Ceiling(y - radius); row <= y + radius; row++)
        {
            for (var column = (int)MathF.Ceiling(x - radius); column <= x + radius; column++)
            {
                sum += this[column, row];
                count++;
            }
        }

        return count == 0 ? this[(int)x, (int)y] : sum / count;
    }

    /// <summary>A copy under a Gaussian blur.</summary>
    /// <param name="units">Standard deviation.</param>
    public Picture Blurred(float units)
    {
        var weights = Kernel.Gaussian(units * Unit);
        var radius = weights.Length / 2;
        var rows = Map((x, y) =>
        {
            var sum = Vector3.Zero;
            for (var k = -radius; k <= radius; k++)
            {
                sum += this[x + k, y] * weights[k + radius];
            }

            return sum;
        });
        return Map((x, y) =>
        {
            var sum = Vector3.Zero;
            for (var k = -radius; k <= radius; k++)
            {
                sum += rows[x, y + k] * weights[k + radius];
            }

            return sum;
        });
    }

    /// <summary>
    /// Where the drawing is: 1 there, 0 on the white ground that reaches in from the edge of the picture; white within outlines is drawing.
    /// </summary>
    public Plane Subject()
    {
        const float white = 0.965f;
        var ground = new bool[Pixels.Length];
        var open = new Stack<int>();
        for (var i = 0; i < Pixels.Length; i++)
        {
            var (x, y) = (i % Width, i / Width);
            if (x == 0 || y == 0 || x == Width - 1 || y == Height - 1)
            {
                Visit(x, y);
            }
        }

        while (open.TryPop(out var place))
        {
            var (x, y) = (place % Width, place / Width);
            Visit(x - 1, y);
            Visit(x + 1, y);
            Visit(x, y - 1);
            Visit(x, y + 1);
        }

        return new Plane(Width, Height, Array.ConvertAll(ground, g => g ? 0f : 1f));

        void Visit(int x, int y)
        {
            if ((uint)x < (uint)Width && (uint)y < (uint)Height && !ground[(y * Width) + x] && Tone.Darkest(this[x, y]) >= white)
            {
                ground[(y * Width) + x] = true;
                open.Push((y * Width) + x);
            }
        }
    }

    /// <summary>How much the colour changes at each place, about 0 to 1: Sobel's operator on the channel that changes most.</summary>
    public Plane Edges() => Plane((x, y) =>
    {
        var across = this[x + 1, y - 1] + (2 * this[x + 1, y]) + this[x + 1, y + 1] - this[x - 1, y - 1] - (2 * this[x - 1, y]) - this[x - 1, y + 1];
        var down = this[x - 1, y + 1] + (2 * this[x, y + 1]) + this[x + 1, y + 1] - this[x - 1, y - 1] - (2 * this[x, y - 1]) - this[x + 1, y - 1];
        return MathF.Sqrt(Tone.Brightest((across * across) + (down * down))) / 4;
    });
}
