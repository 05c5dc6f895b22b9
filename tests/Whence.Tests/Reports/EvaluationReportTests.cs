using System.Text;
using Whence.Evaluation;
using Whence.Reports;

namespace Whence.Tests.Reports;

public class EvaluationReportTests
{
    private static readonly IReadOnlyDictionary<string, MetricResult> Metrics = new Dictionary<string, MetricResult>
    {
        ["map"] = new(0.1 + 0.2, 0.25, 0.35, 1, 0.0000123),
        ["recall@5"] = new(0.5, 0.4, 0.6, 0.75, 0.001),
        ["normalizedRecall@5"] = new(2 / 3.0, null, null, 1, 0.002),
        ["medianRank"] = new(1234.5, 1, 20, 1, 50_000),
    };

    private static readonly EvaluationResults Sample = new()
    {
        Distractors = new("laion|1.pth", 1_000_000),
        Mapper = new("m_1.pth", "ab"),
        RecallAt = [5],
        Bootstrap = new(0.95, 2000, 3),
        Results = [new("case_1", "gpt", 1, Metrics, []), new("=case", "object", 10_200, Metrics, [])],
        Averages = [new(null, 2, Metrics.Where(m => m.Key != "medianRank").ToDictionary())],
    };

    [Fact]
    public void Csv_has_a_row_a_metric_at_full_precision()
    {
        var compared = Sample with
        {
            Comparison = new("earlier.json", null, [new("case_1", "gpt", new Dictionary<string, DifferenceResult> { ["map"] = new(-0.1, -0.2, 0.05) })], []),
        };
        var lines = Text(stream => EvaluationCsv.Write(stream, compared)).Split("\r\n");
        Assert.Equal("test_case,prompts,count,metric,value,low,high,ceiling,chance,difference,difference_low,difference_high", lines[0]);
        Assert.Equal("case_1,gpt,1,map,0.30000000000000004,0.25,0.35,1,1.23E-05,-0.1,-0.2,0.05", lines[1]);
        Assert.Equal("case_1,gpt,1,normalizedRecall@5,0.6666666666666666,,,1,0.002,,,", lines[3]);
        Assert.StartsWith("'=case,object,10200,map,", lines[5], StringComparison.Ordinal);
        Assert.StartsWith(",,2,map,", lines[9], StringComparison.Ordinal);
        Assert.Equal(1 + 4 + 4 + 3 + 1, lines.Length);
        Assert.Equal("", lines[^1]);
    }

    [Fact]
    public void Markdown_shows_names_as_text_and_numbers_for_people()
    {
        var page = Text(stream => EvaluationMarkdown.Write(stream, Sample));
        Assert.Contains("- distractors: 1,000,000, laion\\|1.pth\n", page, StringComparison.Ordinal);
        Assert.Contains("- mapper: m\\_1.pth (SHA-256 ab)\n", page, StringComparison.Ordinal);
        Assert.Contains("| case\\_1, gpt: 1 query | 0.300 | 0.500 | 1,234.5 |\n", page, StringComparison.Ordinal);
        Assert.Contains("| mean of 2, all prompts | 0.300 | 0.500 |  |\n", page, StringComparison.Ordinal);
        Assert.Contains("## =case, object: 10,200 queries\n", page, StringComparison.Ordinal);
        Assert.Contains("| mAP | 0.300 | 0.250 to 0.350 | 1.000 | 0.000012 |\n", page, StringComparison.Ordinal);
        Assert.Contains("| R@5 of min(5, n) | 0.667 | – | 1.000 | 0.002 |\n", page, StringComparison.Ordinal);
        Assert.Contains("| median rank | 1,234.5 | 1 to 20 | 1 | 50,000 |\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', page);
        Assert.DoesNotContain("difference", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Differences_are_shown_where_there_are_any()
    {
        var compared = Sample with
        {
            Comparison = new(
                "earlier.json", new("old.pth", "cd"),
                [new("case_1", "gpt", new Dictionary<string, DifferenceResult> { ["map"] = new(-0.1, -0.2, 0.05), ["recall@5"] = new(0, null, null) })],
                [new(null, new Dictionary<string, DifferenceResult> { ["map"] = new(0.25, 0.125, 0.5) })]),
        };
        var page = Text(stream => EvaluationMarkdown.Write(stream, compared));
        Assert.Contains("differences: this run minus earlier.json (mapper: old.pth), paired by model", page, StringComparison.Ordinal);
        Assert.Contains("| 0.000012 | -0.100 | -0.200 to +0.050 |\n", page, StringComparison.Ordinal);
        Assert.Contains("| 0.001 | 0.000 | – |\n", page, StringComparison.Ordinal);
        Assert.Contains("| 50,000 | – | – |\n", page, StringComparison.Ordinal);
        Assert.Contains("| +0.250 | +0.125 to +0.500 |\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_results_replaces_its_files_and_leaves_others()
    {
        using var temp = new TempFolder();
        EvaluationFolder.Create(temp["out"]);
        EvaluationFolder.Create(temp["out"]);
        File.WriteAllText(temp["out", "mine.txt"], "");
        var results = Evaluation.Samples.Results();
        for (var time = 0; time < 2; time++)
        {
            EvaluationFolder.Write(temp["out"], results, [Evaluation.Samples.Ranks(new Random(1), "a")]);
        }

        Assert.Equal(
            ["mine.txt", "queries.parquet", "results.csv", "results.json", "results.md"],
            Directory.GetFiles(temp["out"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal(Evaluation.Samples.Json(results), File.ReadAllText(temp["out", "results.json"]));
        Assert.Throws<WhenceException>(() => EvaluationFolder.Create(temp["out", "mine.txt"]));
        Assert.Throws<WhenceException>(() => EvaluationFolder.Create(temp["out", "mine.txt", "below"]));
    }

    private static string Text(Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
