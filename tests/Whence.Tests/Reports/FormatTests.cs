using FsCheck.Xunit;
using Whence.Reports;

namespace Whence.Tests.Reports;

public class FormatTests
{
    [Theory]
    [InlineData(0, "0 %")]
    [InlineData(1e-300, "< 0.01 %")]
    [InlineData(0.0000999, "< 0.01 %")]
    [InlineData(0.0001, "0.01 %")]
    [InlineData(0.0004, "0.04 %")]
    [InlineData(0.00738, "0.74 %")]
    [InlineData(0.00994, "0.99 %")]
    [InlineData(0.00996, "1.0 %")]
    [InlineData(0.0123, "1.2 %")]
    [InlineData(0.123, "12.3 %")]
    [InlineData(0.9994, "99.9 %")]
    [InlineData(0.9996, "> 99.9 %")]
    [InlineData(0.9999999999, "100 %")]
    [InlineData(1, "100 %")]
    [InlineData(1.0000000001, "100 %")]
    public void A_percentage_has_no_false_precision(double share, string expected) =>
        Assert.Equal(expected, Format.Percent(share));

    [Property]
    public bool Only_nothing_reads_as_nothing(double share) =>
        share <= 0 || double.IsNaN(share) || Format.Percent(share) != "0 %";

    [Theory]
    [InlineData(0.8734f, "0.873")]
    [InlineData(1f, "1.000")]
    [InlineData(-0.25f, "-0.250")]
    [InlineData(-0.0001f, "0.000")]
    public void A_similarity_has_three_decimals(float similarity, string expected) =>
        Assert.Equal(expected, Format.Similarity(similarity));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(999, "999")]
    [InlineData(1_234_567, "1\u202F234\u202F567")]
    public void A_count_sets_its_thousands_apart(long count, string expected) =>
        Assert.Equal(expected, Format.Count(count));

    [Fact]
    public void A_parameter_has_four_digits() =>
        Assert.Equal("0.06189", Format.Parameter(1 / 16.1587));
}
