using System.Globalization;

namespace Whence.Reports;

/// <summary>How numbers are shown to a person, on a terminal and on a page alike: invariant culture, no false precision.</summary>
public static class Format
{
    /// <summary>A sum of a million influences is off by about this much; nearer to 1 than this is 1.</summary>
    private const double Rounding = 1e-9;

    /// <summary>
    /// A share as a percentage: one decimal from 1 % up, two below. What is not nothing never reads as 0 %, and what is not
    /// everything never reads as 100 %.
    /// </summary>
    /// <param name="share">A share in [0, 1].</param>
    /// <returns>For example <c>12.3 %</c>, <c>0.04 %</c>, <c>&lt; 0.01 %</c>, <c>0 %</c>, <c>&gt; 99.9 %</c> or <c>100 %</c>.</returns>
    public static string Percent(double share) => share switch
    {
        <= 0 => "0 %",
        >= 1 - Rounding => "100 %",
        >= 0.9995 => "> 99.9 %",
        >= 0.00995 => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.0} %"),
        >= 0.0001 => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.00} %"),
        _ => "< 0.01 %",
    };

    /// <summary>A cosine similarity with three decimals, for example <c>0.873</c>.</summary>
    /// <param name="similarity">A similarity in [-1, 1].</param>
    public static string Similarity(float similarity)
    {
        var text = similarity.ToString("0.000", CultureInfo.InvariantCulture);
        return text == "-0.000" ? "0.000" : text;
    }

    /// <summary>A number of images, its thousands set apart by a narrow no-break space (U+202F).</summary>
    /// <param name="count">A count, 0 or more.</param>
    public static string Count(long count) =>
        count.ToString("#,0", CultureInfo.InvariantCulture).Replace(',', '\u202F');

    /// <summary>A fitted parameter with up to four significant digits, for example <c>0.0619</c>.</summary>
    /// <param name="value">The parameter.</param>
    public static string Parameter(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}
