using FsCheck.Xunit;
using Whence.Reports;

namespace Whence.Tests.Reports.Plots;

public class PlotTicksTests
{
    [Property]
    public bool Round_places_enclose_what_is_shown(int low, ushort length, byte scale, byte most)
    {
        var unit = Math.Pow(10, (scale % 24) - 12);
        var (from, to, steps) = (low * unit, (low + (double)length) * unit, 2 + (most % 11));
        var ticks = PlotTicks.Round(from, to, steps);
        var slack = 1e-6 * Math.Max(ticks.High - ticks.Low, Math.Abs(from));
        return ticks.Low <= from + slack && ticks.High >= to - slack
            && ticks.Places.Count == ticks.Labels.Count && ticks.Places.Count >= 2 && ticks.Places.Count <= steps + 1
            && ticks.Places.Zip(ticks.Places.Skip(1)).All(p => p.First < p.Second)
            && ticks.Places[0] == ticks.Low && ticks.Places[^1] == ticks.High;
    }

    [Theory]
    [InlineData(0, 1, false, "0.0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(0, 0.9, false, "0.0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(-0.1, 0.11, true, "−0.10 −0.05 0.00 +0.05 +0.10 +0.15")]
    [InlineData(0, 0, false, "0.0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(0, 100, false, "0 20 40 60 80 100")]
    public void Places_are_round_numbers(double low, double high, bool plus, string expected) =>
        Assert.Equal(expected, string.Join(' ', PlotTicks.Round(low, high, 5, plus).Labels));

    [Fact]
    public void Powers_are_never_too_many()
    {
        var ticks = PlotTicks.Powers(-300, 0, p => $"{p}");
        Assert.InRange(ticks.Places.Count, 2, 10);
        Assert.Equal(0, ticks.Places[^1]);
        Assert.Equal([-1.0, 0], PlotTicks.Powers(-1, -1, p => $"{p}").Places);
    }
}
