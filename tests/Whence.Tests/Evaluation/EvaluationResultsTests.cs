using System.Text.Json.Nodes;
using Whence.Evaluation;

namespace Whence.Tests.Evaluation;

public class EvaluationResultsTests
{
    [Fact]
    public void What_is_saved_is_loaded_again_to_the_last_digit()
    {
        using var temp = new TempFolder();
        var results = Samples.Results(compareWith: Samples.Results());
        results.Save(temp["r.json"]);
        var loaded = EvaluationResults.Load(temp["r.json"]);
        Assert.Equal(Samples.Json(results), Samples.Json(loaded));
        Assert.Equal(results.Results[0].Metrics["map"], loaded.Results[0].Metrics["map"]);
        Assert.EndsWith("}\n", File.ReadAllText(temp["r.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_are_stable_and_always_there()
    {
        var json = JsonNode.Parse(Samples.Json(Samples.Results()))!;
        Assert.Equal(
            ["format", "schema", "distractors", "mapper", "recallAt", "bootstrap", "results", "averages", "comparison"],
            json.AsObject().Select(p => p.Key));
        Assert.Equal(["testCase", "prompts", "queries", "metrics", "models"], json["results"]![0]!.AsObject().Select(p => p.Key));
        Assert.Equal(
            ["map", "recall@1", "recall@10", "normalizedRecall@1", "normalizedRecall@10", "medianRank"],
            json["results"]![0]!["metrics"]!.AsObject().Select(p => p.Key));
        Assert.Equal(["value", "low", "high", "ceiling", "chance"], json["results"]![0]!["metrics"]!["map"]!.AsObject().Select(p => p.Key));
        Assert.Equal(["model", "exemplars", "queries", "means"], json["results"]![0]!["models"]![0]!.AsObject().Select(p => p.Key));
        Assert.Null(json["mapper"]);
        Assert.Null(json["averages"]![0]!["prompts"]);
        Assert.Equal(
            ["with", "mapper", "results", "averages"],
            JsonNode.Parse(Samples.Json(Samples.Results(compareWith: Samples.Results())))!["comparison"]!.AsObject().Select(p => p.Key));
    }

    [Fact]
    public void Fields_of_a_newer_build_are_passed_over_and_its_schema_is_refused()
    {
        using var temp = new TempFolder();
        Load(temp, json => json["more"] = 1);
        Refused(temp, "update Whence", json => json["schema"] = 2);
    }

    public static TheoryData<string, Action<JsonNode>> Damages => new()
    {
        { "whence-evaluation", json => json["format"] = "else" },
        { "whence-evaluation", json => json.AsObject().Remove("schema") },
        { "not the results", json => json["schema"] = "1" },
        { "schema 0", json => json["schema"] = 0 },
        { "distractors", json => json.AsObject().Remove("distractors") },
        { "below 1", json => json["recallAt"]![0] = 0 },
        { "not the results", json => json["results"] = null },
        { "null has no", json => json["results"]![0] = null },
        { "not the results", json => json["results"]![0]!["metrics"] = null },
        { "'a', 'gpt' has no finite map", json => json["results"]![0]!["metrics"]!.AsObject().Remove("map") },
        { "'a', 'gpt' has no finite map", json => json["results"]![0]!["metrics"]!["map"] = null },
        { "'a', 'gpt' has no finite medianRank", json => json["results"]![0]!["metrics"]!["medianRank"]!["value"] = JsonNode.Parse("1e999") },
        { "'a', 'gpt' has no finite map", json => json["results"]![0]!["metrics"]!["map"]!["low"] = JsonNode.Parse("-1e999") },
        { "not the results", json => json["results"]![0]!["metrics"]!["map"]!["value"] = "NaN" },
        { "'a', 'gpt' has no finite recall@7", json => json["recallAt"]![0] = 7 },
        { "has a model of", json => json["results"]![0]!["models"]![0] = null },
        { "has a model of 0 queries", json => json["results"]![0]!["models"]![0]!["queries"] = 0 },
        { "has no finite map", json => json["results"]![0]!["models"]![0]!["means"]!.AsObject().Remove("map") },
        { "do not add up", json => json["results"]![0]!["models"]![1]!["model"] = 0 },
        { "do not add up", json => json["results"]![0]!["queries"] = 1 },
        { "occurs twice", json => json["results"]!.AsArray().Add(json["results"]![0]!.DeepClone()) },
        { "an average has no", json => json["averages"]![0] = null },
        { "an average has no", json => json["averages"]![0]!["metrics"]!.AsObject().Remove("recall@10") },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void Damaged_results_are_refused_in_one_line(string expected, Action<JsonNode> damage)
    {
        using var temp = new TempFolder();
        Refused(temp, expected, damage);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{\"format\": \"whence-evaluation\", \"schema\": 1}")]
    public void Other_files_are_refused(string text)
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["r.json"], text);
        Assert.Contains(temp["r.json"], Assert.Throws<WhenceException>(() => EvaluationResults.Load(temp["r.json"])).Message, StringComparison.Ordinal);
        Assert.Throws<WhenceException>(() => EvaluationResults.Load(temp["missing.json"]));
        Assert.Throws<WhenceException>(() => EvaluationResults.Load(temp.Path));
    }

    private static void Refused(TempFolder temp, string expected, Action<JsonNode> damage)
    {
        var message = Assert.Throws<WhenceException>(() => Load(temp, damage)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private static EvaluationResults Load(TempFolder temp, Action<JsonNode> change)
    {
        var json = JsonNode.Parse(Samples.Json(Samples.Results()))!;
        change(json);
        File.WriteAllText(temp["r.json"], json.ToJsonString());
        return EvaluationResults.Load(temp["r.json"]);
    }
}
