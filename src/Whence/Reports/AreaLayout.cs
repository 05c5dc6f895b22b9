namespace Whence.Reports;

/// <summary>
/// How large each training image of a query is drawn: areas are to each other as influences are. Lengths are told as multiples of
/// one unit, the side of a square with the area of the largest influence, so that a style sheet can shrink all of them together.
/// </summary>
internal sealed class AreaLayout
{
    /// <summary>An image whose side would be below this part of the largest one's is too small to see and goes to the strip.</summary>
    public const double SmallestSide = 0.25;

    /// <summary>The same for the side on a wide screen, in CSS pixels.</summary>
    public const double SmallestPixels = 44;

    private const double RowWidth = 860;
    private const double Gap = 24;
    private const double LargestUnit = 280;
    private const double SmallestUnit = 112;
    private const double GoodUnit = 125;
    private const double WidestFrame = 2;

    private readonly double _largest;

    public AreaLayout(IReadOnlyList<AttributedImage> results)
    {
        _largest = results.Select(result => result.Influence).DefaultIfEmpty(0).Max();
        var sides = results.Select(Side).Where(side => side >= SmallestSide).ToList();
        Unit = ChooseUnit(sides.Sum(), sides.Count);
        var smallest = Math.Max(SmallestSide, SmallestPixels / Unit);
        Large = [.. results.Where(result => Side(result) >= smallest)];
        Small = [.. results.Where(result => Side(result) < smallest)];
    }

    /// <summary>Images drawn with an area proportional to their influence.</summary>
    public IReadOnlyList<AttributedImage> Large { get; }

    /// <summary>Images too small for that.</summary>
    public IReadOnlyList<AttributedImage> Small { get; }

    /// <summary>The unit on a wide screen, in CSS pixels.</summary>
    public double Unit { get; }

    /// <summary>Width and height in units for an image of this influence and shape.</summary>
    /// <param name="image">One of <see cref="Large"/>.</param>
    /// <param name="aspect">Width over height of the picture. Panoramas are cropped to 2:1, or 1:2, at the same area.</param>
    public (double Width, double Height) Frame(AttributedImage image, double aspect)
    {
        var shape = Math.Sqrt(Math.Clamp(aspect, 1 / WidestFrame, WidestFrame));
        return (Side(image) * shape, Side(image) / shape);
    }

    /// <summary>Side of the square with the image's area, in units.</summary>
    private double Side(AttributedImage image) => _largest > 0 ? Math.Sqrt(Math.Max(0, image.Influence) / _largest) : 0;

    // As few rows as give every picture room; the tenth more is for pictures wider than high.
    private static double ChooseUnit(double sides, int count)
    {
        var unit = 0.0;
        for (var rows = 1; rows <= 4 && unit < GoodUnit; rows++)
        {
            unit = ((rows * RowWidth) - (Math.Max(0, count - rows) * Gap)) / Math.Max(1e-9, sides * 1.1);
        }

        return Math.Round(Math.Clamp(unit, SmallestUnit, LargestUnit));
    }
}
