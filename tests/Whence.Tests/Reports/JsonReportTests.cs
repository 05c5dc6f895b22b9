using System.Text.Json;
using Whence.Calibration;
using Whence.Reports;

namespace Whence.Tests.Reports;

public class JsonReportTests
{
    [Fact]
    public void A_line_has_exactly_the_documented_members_in_order()
    {
        var attribution = Samples.Attribution() with
        {
            Searched = 4,
            Nonzero = 3,
            Remaining = 0.125,
            Results = [Samples.Image(1, 0.5, ("caption", "A \"bird\" <é>"), ("licence", "CC0")) with { Similarity = 0.875f }],
        };

        Assert.Equal(OneLine("""
            {"schema":1,"query":{"source":"out/query.png","sha256":"SHA"},"index":"laion-index","encoder":"clip",
            "mapper":"object+style.pth","calibration":{"tau":0.0619,"lambda":0.0385,"fitted":false},
            "searched":4,"nonzero":3,"remaining":0.125,"results":[{"rank":1,"id":101,"source":"train/001.jpg",
            "similarity":0.875,"influence":0.5,"metadata":{"caption":"A \"bird\" <é>","licence":"CC0"}}]}
            """).Replace("SHA", attribution.Query.Sha256, StringComparison.Ordinal), Lines(attribution));
    }

    [Fact]
    public void Duplicates_and_groups_appear_where_there_are_any_and_a_missing_mapper_is_null()
    {
        var attribution = Samples.Attribution() with
        {
            Query = new QueryImage("q", "0"),
            Mapper = null,
            Calibration = new Calibrator { Tau = 0.5, Lambda = 0.25, Encoder = "resnet18" },
            Searched = 2,
            Nonzero = 2,
            Remaining = 0,
            Results = [Samples.Image(1, 1) with { Similarity = 1, Duplicates = [Samples.Image(2, 0.25) with { Similarity = 0.5f }] }],
            Groups = new InfluenceGroups("creator", [new("Ada", 0.75, 1), new(null, 0.25, 1)]),
        };

        Assert.Equal(OneLine("""
            {"schema":1,"query":{"source":"q","sha256":"0"},"index":"laion-index","encoder":"clip","mapper":null,
            "calibration":{"tau":0.5,"lambda":0.25,"fitted":true},"searched":2,"nonzero":2,"remaining":0,"results":[
            {"rank":1,"id":101,"source":"train/001.jpg","similarity":1,"influence":1,"metadata":{},"duplicates":[
            {"rank":2,"id":102,"source":"train/002.jpg","similarity":0.5,"influence":0.25,"metadata":{}}]}],
            "groups":{"column":"creator","shares":[{"value":"Ada","influence":0.75,"images":1},
            {"value":null,"influence":0.25,"images":1}]}}
            """), Lines(attribution));
    }

    [Fact]
    public void None_stands_with_the_function_that_it_comes_from()
    {
        var line = Lines(Samples.Attribution() with { None = 0.125, Calibration = new Calibrator { Tau = 0.5, Lambda = 0.25, None = new NoneOfThese(4, -8) } });
        Assert.Contains("\"fitted\":false,\"none\":{\"intercept\":4,\"slope\":-8}}", line, StringComparison.Ordinal);
        Assert.Contains("\"none\":0.125,\"results\"", line, StringComparison.Ordinal);
    }

    [Fact]
    public void A_filter_stands_before_the_number_of_images_it_left()
    {
        var line = Lines(Samples.Attribution() with { Where = "year >= 1990 and creator = 'Zoë'" });
        Assert.Contains("},\"where\":\"year >= 1990 and creator = 'Zoë'\",\"searched\":", line, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_holds_what_the_lines_hold()
    {
        Attribution[] attributions = [Samples.Attribution(0.5, 0.25), Samples.Attribution(0.125)];

        using var array = JsonDocument.Parse(Samples.Utf8(stream => JsonReport.Write(stream, attributions, lines: false)));
        var lines = Lines(attributions).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(2, array.RootElement.GetArrayLength());
        Assert.Equal(2, lines.Length);
        foreach (var (element, line) in array.RootElement.EnumerateArray().Zip(lines))
        {
            Assert.True(JsonElement.DeepEquals(element, JsonElement.Parse(line)));
        }
    }

    [Fact]
    public void No_queries_make_an_empty_array_and_no_lines()
    {
        Assert.Equal("[]\n", Samples.Utf8(stream => JsonReport.Write(stream, [], lines: false)));
        Assert.Equal("", Lines());
    }

    [Theory]
    [InlineData(1f / 3, 1.0 / 3)]
    [InlineData(-0.1f, 4.9406564584124654E-324)]
    [InlineData(0.99999994f, 0.1 + 0.2)]
    public void Numbers_come_back_with_the_same_bits(float similarity, double influence)
    {
        var attribution = Samples.Attribution() with { Results = [Samples.Image(1, influence) with { Similarity = similarity }] };

        var result = JsonElement.Parse(Lines(attribution)).GetProperty("results")[0];

        Assert.Equal(BitConverter.SingleToInt32Bits(similarity), BitConverter.SingleToInt32Bits(result.GetProperty("similarity").GetSingle()));
        Assert.Equal(BitConverter.DoubleToInt64Bits(influence), BitConverter.DoubleToInt64Bits(result.GetProperty("influence").GetDouble()));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void What_is_not_a_number_is_refused(double influence) =>
        Assert.Throws<ArgumentException>(() => Lines(Samples.Attribution() with { Results = [Samples.Image(1, influence)] }));

    [Fact]
    public void A_finished_query_is_out_before_the_next_is_asked_for()
    {
        using var stream = new MemoryStream();
        JsonReport.Write(stream, Queries(), lines: true);

        IEnumerable<Attribution> Queries()
        {
            yield return Samples.Attribution(0.5);
            Assert.Equal((byte)'\n', stream.ToArray()[^1]);
            yield return Samples.Attribution(0.5);
        }
    }

    [Fact]
    public void Hostile_text_stays_inside_its_string()
    {
        const string Hostile = "\"},{\u0000\u001B[31m\u2028\u202E\uD800 </script>";
        var attribution = Samples.Attribution() with { Results = [Samples.Image(1, 1, ("caption", Hostile))] };

        var text = Lines(attribution);

        Assert.Equal(1, text.Count(c => c == '\n'));
        Assert.Equal(
            Hostile.Replace('\uD800', '\uFFFD'),
            JsonElement.Parse(text).GetProperty("results")[0].GetProperty("metadata").GetProperty("caption").GetString());
    }

    private static string Lines(params Attribution[] attributions) =>
        Samples.Utf8(stream => JsonReport.Write(stream, attributions, lines: true));

    private static string OneLine(string json) => json.ReplaceLineEndings("") + "\n";
}
