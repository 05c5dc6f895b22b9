using System.Text;
using Whence.Evaluation;
using Whence.Reports;

namespace Whence.Tests.Reports.Study;

public class StudyMarkdownTests
{
    [Theory]
    [InlineData(1, "a gain of +0.500, without an interval, since a test case has fewer than two models")]
    [InlineData(9, "a gain of +0.500 \\[+0.500 to +0.500\\], more than the choice of models explains")]
    public void A_gain_is_called_clear_where_an_interval_says_so(int models, string expected)
    {
        var pretrained = Results(models, rank: 2);
        StudyOutcome[] outcomes =
        [
            new() { Space = "A", Variant = "pretrained", Results = pretrained },
            new() { Space = "A", Variant = "object", Results = Results(models, rank: 1, (pretrained, "pretrained")) },
        ];
        using var page = new MemoryStream();
        StudyMarkdown.Write(page, outcomes, [], []);
        Assert.Contains(expected, Encoding.UTF8.GetString(page.ToArray()), StringComparison.Ordinal);
    }

    // Each model has one query and two exemplars, of which one stands first or second, the other far behind.
    private static EvaluationResults Results(int models, long rank, (EvaluationResults, string)? compareWith = null) => Summary.Of(
        [new TestCaseRanks("t", [.. Enumerable.Repeat(2, models)], [new PromptRanks("gpt", [.. Enumerable.Range(0, models).Select(m => new QueryRanks(m, [rank, 50], [rank, 50]))], null)])],
        new DistractorInfo("d", 100),
        new EvaluationOptions { RecallAt = [1] },
        compareWith);
}
