using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Whence.Datasets;

namespace Whence.Tests.Datasets;

public class TestCaseTests
{
    [Theory]
    [InlineData("test_artchive", 255, 3081, 10_200, 1, 67)]
    [InlineData("test_bamfg", 250, 1692, 10_000, 4, 12)]
    public void The_authors_lists_have_the_published_counts(string name, int models, int exemplars, int queries, int fewest, int most)
    {
        var testCase = TestCase.Load(SharedData.Get("reference", "testcases", name + ".json.gz"));
        Assert.Equal(name, testCase.Name);
        Assert.Equal(models, testCase.Models.Count);
        Assert.Equal(models, testCase.Models.DistinctBy(m => m.ClassId).Count());
        Assert.All(testCase.Models, m => Assert.Null(m.Category));
        Assert.Equal(["gpt", "object"], testCase.PromptTypes);
        Assert.Equal(exemplars, testCase.Models.SelectMany(m => m.Exemplars).Distinct().Count());
        Assert.Equal((exemplars, fewest, most), (testCase.Models.Sum(m => m.Exemplars.Count), testCase.Models.Min(m => m.Exemplars.Count), testCase.Models.Max(m => m.Exemplars.Count)));
        foreach (var type in testCase.PromptTypes)
        {
            Assert.All(testCase.Models, m => Assert.Equal(40, m.Synthesized[type].Count));
            Assert.Equal(queries, testCase.Models.SelectMany(m => m.Synthesized[type]).Distinct().Count());
        }
    }

    [Fact]
    public void The_golden_test_case_has_the_paths_of_its_features()
    {
        var testCase = TestCase.Load(SharedData.Get("reference", "evaluation", "test_case.json"));
        var features = TestCaseFeatures.Load(SharedData.Get("reference", "evaluation", "test_case.pth"));
        Assert.Equal(testCase.Models.SelectMany(m => m.Exemplars), features.ExemplarPaths);
        foreach (var prompt in features.Prompts)
        {
            Assert.Equal(testCase.Models.SelectMany(m => m.Synthesized[prompt.Type]), prompt.Paths);
            Assert.Equal(testCase.Models.SelectMany((m, i) => Enumerable.Repeat(i, m.Synthesized[prompt.Type].Count)), prompt.Models);
        }
    }

    [Fact]
    public void Models_may_have_different_types_of_prompts_and_unknown_keys()
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["t.json"], """
            [{"exemplar": ["a"], "synth": {"gpt": ["b"]}, "class_id": "0", "category": "dog", "more": [1], "artist": "Ann"},
             {"exemplar": ["c", "d"], "synth": {"object": ["e"], "gpt": ["f"]}, "class_id": "1"}]
            """, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        var testCase = TestCase.Load(temp["t.json"]);
        Assert.Equal(["gpt", "object"], testCase.PromptTypes);
        Assert.Equal(["dog", null], testCase.Models.Select(m => m.Category));
        Assert.Equal([("artist", "Ann")], testCase.Models[0].Further.Select(f => (f.Key, f.Value)));
        Assert.Empty(testCase.Models[1].Further);
    }

    [Theory]
    [InlineData("{}", "no list of models")]
    [InlineData("[]", "no list of models")]
    [InlineData("[1]", "model 0 is a number, expected an object")]
    [InlineData("""[{"synth": {"gpt": ["b"]}, "class_id": "0"}]""", "model 0 has no 'exemplar'")]
    [InlineData("""[{"exemplar": ["a"], "class_id": "0"}]""", "has no 'synth', only 'exemplar', 'class_id'")]
    [InlineData("""[{"exemplar": ["a"], "synth": {}, "class_id": "0"}]""", "no type of prompts")]
    [InlineData("""[{"exemplar": [], "synth": {"gpt": ["b"]}, "class_id": "0"}]""", "'exemplar' of model 0 is no list")]
    [InlineData("""[{"exemplar": ["a"], "synth": {"gpt": []}, "class_id": "0"}]""", "'synth.gpt' of model 0")]
    [InlineData("""[{"exemplar": ["a", null], "synth": {"gpt": ["b"]}, "class_id": "0"}]""", "null where a path")]
    [InlineData("""[{"exemplar": ["a"], "synth": {"gpt": "b"}, "class_id": "0"}]""", "'synth.gpt' of model 0")]
    [InlineData("""[{"exemplar": ["a"], "synth": {"gpt": ["b"]}, "class_id": 0}]""", "'class_id' of model 0 is a number, expected text")]
    [InlineData("""[{"exemplar": ["a"], "synth": {"gpt": ["b"], "gpt": ["c"]}, "class_id": "0"}]""", "not the JSON")]
    [InlineData("[", "not the JSON")]
    [InlineData("[[[[[[[[[[[[]]]]]]]]]]]]", "not the JSON")]
    public void What_is_no_test_case_is_refused_with_the_place(string json, string expected)
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["t.json"], json);
        var message = Assert.Throws<WhenceException>(() => TestCase.Load(temp["t.json"])).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(temp["t.json"], message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compressed_files_are_told_by_their_content_and_bounded()
    {
        using var temp = new TempFolder();
        WriteGzip(temp["good"], JsonSerializer.SerializeToUtf8Bytes(new[] { new { exemplar = new[] { "a" }, synth = new { gpt = new[] { "b" } }, class_id = "0" } }), 1);
        Assert.Single(TestCase.Load(temp["good"]).Models);

        var whole = File.ReadAllBytes(temp["good"]);
        File.WriteAllBytes(temp["cut.json.gz"], [.. whole[..12], .. Enumerable.Repeat((byte)0xff, 20)]);
        Assert.Throws<WhenceException>(() => TestCase.Load(temp["cut.json.gz"]));

        WriteGzip(temp["bomb.json.gz"], new byte[1 << 20], 300);
        Assert.Contains("limit", Assert.Throws<WhenceException>(() => TestCase.Load(temp["bomb.json.gz"])).Message, StringComparison.Ordinal);
        Assert.Throws<WhenceException>(() => TestCase.Load(temp["missing.json"]));
        Assert.Throws<WhenceException>(() => TestCase.Load(temp.Path));
    }

    private static void WriteGzip(string path, byte[] block, int times)
    {
        using var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        for (var i = 0; i < times; i++)
        {
            gzip.Write(block);
        }
    }
}
