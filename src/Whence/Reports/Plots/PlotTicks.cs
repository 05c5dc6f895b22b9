using System.Globalization;

namespace Whence.Reports;

/// <summary>The labelled places of an axis and its ends.</summary>
/// <param name="Low">Where the axis begins.</param>
/// <param name="High">Where it ends.</param>
/// <param name="Places">Ascending, within the ends.</param>
/// <param name="Labels">One a place.</param>
internal sealed record PlotTicks(double Low, double High, IReadOnlyList<double> Places, IReadOnlyList<string> Labels)
{
    /// <summary>Round places, of which the first and the last enclose everything shown; 1, 2 or 5 times a power of ten apart.</summary>
    /// <param name="low">The smallest number shown, finite.</param>
    /// <param name="high">The largest, finite; where it is not larger, the axis is one wide.</param>
    /// <param name="most">The most steps, at least 2: zero is always a place.</param>
    /// <param name="signed">Whether numbers above zero carry a plus.</param>
    public static PlotTicks Round(double low, double high, int most = 5, bool signed = false)
    {
        if (!(high - low > 1e-12 * Math.Max(Math.Abs(low), Math.Abs(high))))
        {
            (low, high) = low == 0 ? (0, 1) : (Math.Min(low, 0), Math.Max(low, 0));
        }

        var step = Step((high - low) / most);
        while (Math.Ceiling((high / step) - 1e-9) - Math.Floor((low / step) + 1e-9) > most)
        {
            step = Step(step * 1.01);
        }

        var (first, last) = (Math.Floor((low / step) + 1e-9), Math.Ceiling((high / step) - 1e-9));
        var digits = Math.Max(0, -(int)Math.Floor(Math.Log10(step) + 1e-9));
        double[] places = [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step)];
        return new PlotTicks(places[0], places[^1], places, [.. places.Select(p => Label(p, digits, signed))]);
    }

    /// <summary>Powers of ten, the axis in their exponents: a place x stands for 10^x.</summary>
    /// <param name="low">The smallest exponent shown.</param>
    /// <param name="high">The largest.</param>
    /// <param name="label">What the number is called.</param>
    public static PlotTicks Powers(double low, double high, Func<double, string> label)
    {
        var (first, last) = ((int)Math.Floor(low + 1e-9), (int)Math.Ceiling(high - 1e-9));
        last = Math.Max(last, first + 1);
        var every = ((last - first) / 8) + 1;
        double[] places = [.. Enumerable.Range(first, last - first + 1).Where(p => (last - p) % every == 0).Select(p => (double)p)];
        return new PlotTicks(first, last, places, [.. places.Select(p => label(Math.Pow(10, p)))]);
    }

    /// <summary>The same axis, longer at both ends by a share of its length, so that a point on its end is drawn whole.</summary>
    public PlotTicks Widened(double share) => this with { Low = Low - (share * (High - Low)), High = High + (share * (High - Low)) };

    private static double Step(double atLeast)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(atLeast)));
        return (atLeast / power) switch { <= 1.0000001 => power, <= 2.0000001 => 2 * power, <= 5.0000001 => 5 * power, _ => 10 * power };
    }

    private static string Label(double value, int digits, bool signed)
    {
        var text = Math.Round(value, Math.Min(digits, 15)).ToString(value is > -1e15 and < 1e15 && digits < 7 ? $"F{digits}" : "G3", CultureInfo.InvariantCulture);
        return (signed && value > 0 && text.AsSpan().ContainsAnyInRange('1', '9') ? "+" : "") + (text.StartsWith('-') ? text.AsSpan().ContainsAnyInRange('1', '9') ? $"\u2212{text[1..]}" : text[1..] : text);
    }
}
