using FsCheck;
using FsCheck.Xunit;
using Whence.Images;
using static Whence.Tests.Images.Shards;

namespace Whence.Tests.Images;

public class SidecarTests
{
    [Fact]
    public void Values_become_text_as_they_are_written()
    {
        var content = Sidecar.Join([1], null, Bytes(
            """{"a": "x", "n": 1.50, "e": 1E+400, "t": true, "f": false, "z": null, "o": { "b" : [1, 2] }, "l": [ "p" ], "": "empty"}"""), "j");
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["a"] = "x",
                ["n"] = "1.50",
                ["e"] = "1E+400",
                ["t"] = "true",
                ["f"] = "false",
                ["o"] = """{"b":[1,2]}""",
                ["l"] = """["p"]""",
                [""] = "empty",
            },
            content.Metadata);
    }

    [Fact]
    public void Names_of_the_index_are_dropped_or_renamed()
    {
        var content = Sidecar.Join([1], null, Bytes(
            """{"key": "k", "Width": 3, "height": 4, "caption": "c", "id": 5, "Source": "s", "sha256": "h", "original_width": 6}"""), "j");
        Assert.Equal("c", content.Caption);
        Assert.Equal(
            new Dictionary<string, string> { ["meta_id"] = "5", ["meta_Source"] = "s", ["meta_sha256"] = "h", ["original_width"] = "6" },
            content.Metadata);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[1]")]
    [InlineData("12")]
    [InlineData("""{"a": 1, "a": 2}""")]
    [InlineData("""{"a": 1, "b": "\ud800"}""")]
    [InlineData("""{"\ud800": 1}""")]
    [InlineData("""{"id": 1, "meta_id": 2}""")]
    [InlineData("{\"a\": \"\u0001\"}")]
    public void Broken_json_names_its_file(string json)
    {
        var error = Assert.Throws<WhenceException>(() => Sidecar.Join([1], null, Bytes(json), "/x/a.json"));
        Assert.StartsWith("/x/a.json: ", error.Message);
    }

    [Fact]
    public void Deep_nesting_is_refused()
    {
        static string Nested(int depth) => $$"""{"a": {{new string('[', depth)}}{{new string(']', depth)}}}""";
        Assert.Single(Sidecar.Join([1], null, Bytes(Nested(31)), "j").Metadata);
        Assert.Contains("32 levels", Assert.Throws<WhenceException>(() => Sidecar.Join([1], null, Bytes(Nested(32)), "j")).Message);
        Assert.Throws<WhenceException>(() => Sidecar.Join([1], null, Bytes(Nested(500_000)), "j"));
    }

    [Fact]
    public async Task A_large_sidecar_is_a_failure_of_its_image()
    {
        using var folder = new TempFolder();
        Put(folder, "a.jpg", "x");
        Put(folder, "a.json", $$"""{"a": "{{new string('x', Sidecar.MaxBytes)}}"}""");
        Assert.Contains("a.json: 10485", await ErrorAsync((await ListAsync(folder.Path))[0]));
    }

    [Property(MaxTest = 300)]
    public void Mutated_json_is_read_or_refused(DoNotSize<int> seed)
    {
        var json = Mutate(Bytes("""{"caption": "ä \u00e4", "n": [1, {"b": null}], "key": "k", "t": true, "s": "\ud83d\ude00"}"""), seed);
        try
        {
            Sidecar.Join([1], null, json, "j");
        }
        catch (WhenceException)
        {
        }
    }
}
