using System.Globalization;
using System.Text;
using CsvHelper;
using Whence.Reports;

namespace Whence.Tests.Reports;

public class CsvReportTests
{
    [Fact]
    public void A_row_a_result_with_the_metadata_columns_in_ordinal_order()
    {
        var first = Samples.Attribution() with { Results = [Samples.Image(1, 0.5, ("licence", "CC0"), ("caption", "one, \"two\""))] };
        var second = Samples.Attribution() with
        {
            Query = new QueryImage("other.png", "0"),
            Results = [Samples.Image(2, 0.25, ("Creator", "Ada"), ("caption", "line\r\nbreak")) with { Similarity = -0.5f }],
            Approximate = new Candidates(1000, Truncated: false),
            None = 0.125,
        };

        Assert.Equal(
            "query,rank,id,source,similarity,influence,calibrated,approximate,none,Creator,caption,licence\r\n" +
            "out/query.png,1,101,train/001.jpg,0.999,0.5,no,no,,,\"one, \"\"two\"\"\",CC0\r\n" +
            "other.png,2,102,train/002.jpg,-0.5,0.25,no,yes,0.125,Ada,\"line\r\nbreak\",\r\n",
            Csv(first, second));
    }

    [Fact]
    public void No_results_make_a_header_alone_and_no_byte_order_mark() =>
        Assert.Equal("query,rank,id,source,similarity,influence,calibrated,approximate,none\r\n", Csv());

    [Theory]
    [InlineData("=HYPERLINK(\"http://example.org\")", "'=HYPERLINK(\"http://example.org\")")]
    [InlineData("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0")]
    [InlineData("-2+3", "'-2+3")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\t=1", "'\t=1")]
    [InlineData("\r=1", "'\r=1")]
    [InlineData("\n=1", "'\n=1")]
    [InlineData("\uFF1D1", "'\uFF1D1")]
    [InlineData("-\u221E", "'-\u221E")]
    [InlineData("-", "'-")]
    [InlineData("-0.5", "-0.5")]
    [InlineData("+1.5e-3", "+1.5e-3")]
    [InlineData("a=b", "a=b")]
    [InlineData("", "")]
    public void Text_that_a_spreadsheet_would_run_is_escaped_and_numbers_are_not(string value, string expected)
    {
        var attribution = Samples.Attribution() with { Results = [Samples.Image(1, 1, ("caption", value))] };

        Assert.Equal(expected, Rows(attribution)[1][^1]);
    }

    [Fact]
    public void Names_paths_and_headers_are_guarded_too()
    {
        var attribution = Samples.Attribution() with
        {
            Query = new QueryImage("=q.png", "0"),
            Results = [Samples.Image(1, 1, ("@column", "value")) with { Source = "-s.png" }],
        };

        var rows = Rows(attribution);

        Assert.Equal("'@column", rows[0][^1]);
        Assert.Equal("'=q.png", rows[1][0]);
        Assert.Equal("'-s.png", rows[1][3]);
    }

    [Fact]
    public void Metadata_columns_never_take_the_name_of_another_column()
    {
        var attribution = Samples.Attribution() with { Results = [Samples.Image(1, 1, ("id", "a"), ("metadata.id", "b"))] };

        var rows = Rows(attribution);

        Assert.Equal(["metadata.id", "metadata.metadata.id"], rows[0][9..]);
        Assert.Equal(["a", "b"], rows[1][9..]);
    }

    [Theory]
    [InlineData(1f / 3, 1.0 / 3)]
    [InlineData(-0.1f, 4.9406564584124654E-324)]
    public void Numbers_come_back_with_the_same_bits(float similarity, double influence)
    {
        var row = Rows(Samples.Attribution() with { Results = [Samples.Image(1, influence) with { Similarity = similarity }] })[1];

        Assert.Equal(similarity, float.Parse(row[4], CultureInfo.InvariantCulture));
        Assert.Equal(influence, double.Parse(row[5], CultureInfo.InvariantCulture));
    }

    private static string Csv(params Attribution[] attributions) => Samples.Utf8(stream => CsvReport.Write(stream, attributions));

    private static List<string[]> Rows(params Attribution[] attributions)
    {
        using var reader = new StreamReader(new MemoryStream(Encoding.UTF8.GetBytes(Csv(attributions))));
        using var parser = new CsvParser(reader, CultureInfo.InvariantCulture);
        var rows = new List<string[]>();
        while (parser.Read())
        {
            rows.Add(parser.Record!);
        }

        return rows;
    }
}
