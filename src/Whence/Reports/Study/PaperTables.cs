using System.Globalization;
using CsvHelper;

namespace Whence.Reports;

/// <summary>
/// The numbers of Tables 3 and 4 of the paper, to stand beside one's own. They are of a random million of LAION-400M as distractors and test cases that the
/// authors made; test cases are called as their files are.
/// </summary>
public static class PaperTables
{
    /// <summary>Its test cases as their files are called, with their names in the tables, in the tables' order.</summary>
    public static IReadOnlyDictionary<string, string> TestCases { get; } = new Dictionary<string, string>
    {
        ["test_observed_imagenet"] = "ImageNet-Seen",
        ["test_bamfg"] = "BAM-FG",
        ["test_unobserved_imagenet"] = "ImageNet-Unseen",
        ["test_artchive"] = "Artchive",
    };

    private static readonly Lazy<Dictionary<(string Encoder, string Method, string TestCase, string Prompts, string Metric), (double Value, int Table)>> Numbers = new(Read);

    /// <summary>Finds a number.</summary>
    /// <param name="encoder"><c>clip</c>, <c>dino</c>, <c>moco</c>, <c>vit</c>, <c>aladin</c> or <c>sscd</c>, in any case; null for nobody.</param>
    /// <param name="method"><c>pretrained</c>, <c>object</c>, <c>style</c>, <c>object+style</c>, or of the latter with <c>, no regularizer</c>, <c>, channel</c>, <c>, mlp</c>, <c>, strong</c>; null for none.</param>
    /// <param name="testCase">One of <see cref="TestCases"/>.</param>
    /// <param name="prompts"><c>gpt</c>; <c>media</c> of objects, <c>object</c> of styles.</param>
    /// <param name="metric"><c>recall@5</c>, <c>recall@10</c>, <c>recall@100</c> or <c>map</c>.</param>
    /// <returns>The number and its table, 3 or 4; null where the paper has none.</returns>
    public static (double Value, int Table)? Find(string? encoder, string? method, string? testCase, string? prompts, string metric) =>
        encoder is not null && method is not null && testCase is not null && prompts is not null
            && Numbers.Value.TryGetValue((encoder.ToLowerInvariant(), method, testCase, prompts, metric), out var found) ? found : null;

    private static Dictionary<(string, string, string, string, string), (double, int)> Read()
    {
        using var stream = typeof(PaperTables).Assembly.GetManifestResourceStream("paper-tables.csv")!;
        using var text = new StreamReader(stream);
        using var csv = new CsvReader(text, CultureInfo.InvariantCulture);
        var numbers = new Dictionary<(string, string, string, string, string), (double, int)>();
        csv.Read();
        csv.ReadHeader();
        while (csv.Read())
        {
            foreach (var metric in (string[])["recall@5", "recall@10", "recall@100", "map"])
            {
                numbers.Add(
                    (csv.GetField("encoder")!, csv.GetField("method")!, csv.GetField("test_case")!, csv.GetField("prompts")!, metric),
                    (csv.GetField<double>(metric), csv.GetField<int>("table")));
            }
        }

        return numbers;
    }
}
