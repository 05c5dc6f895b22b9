using System.Text;
using Whence.Files;

namespace Whence.Tests.Files;

public sealed class RecipeJsonTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_recipe_is_read_and_checked()
    {
        var cake = Load("""{"format": "cake", "version": 3, "eggs": 2, /* whole */ "layers": [{"name": "cream"}],}""");
        Assert.Equal((2, "cream"), (cake.Eggs, cake.Layers[0].Name));
    }

    [Theory]
    [InlineData("it is \"pie\" version 3, this build reads 'cake' version 3; docs/formats.md", """{"format": "pie", "version": 3}""")]
    [InlineData("it is \"cake\" version 4, this build reads 'cake' version 3", """{"version": 4, "format": "cake", "layered": true}""")]
    [InlineData("version 3.5, this build", """{"format": "cake", "version": 3.5}""")]
    [InlineData("it is \"a\\nb\" version 3", """{"format": "a\nb", "version": 3}""")]
    [InlineData("the key 'format' is missing", """{"version": 4}""")]
    [InlineData("$.version", """{"format": "cake", "version": "3"}""")]
    [InlineData("$.format", """{"format": null, "version": 3}""")]
    [InlineData("the file must be an object in braces, it is a Array", "[]")]
    [InlineData("it holds null", "null")]
    [InlineData("there is no key 'egg', known are 'format', 'version', 'eggs', 'layers'", """{"format": "cake", "version": 3, "egg": 2}""")]
    [InlineData("'layers[1]' is null", """{"format": "cake", "version": 3, "layers": [{"name": "cream"}, null]}""")]
    [InlineData("'eggs' is 0", """{"format": "cake", "version": 3, "eggs": 0}""")]
    [InlineData("surrogate", """{"format": "cake", "version": 3, "\ud800": 0}""")]
    [InlineData("$.layers[0].name", """{"format": "cake", "version": 3, "layers": [{"name": "\ud800"}]}""")]
    public void What_is_wrong_is_said_in_one_line_with_the_file(string expected, string json)
    {
        var message = Assert.Throws<WhenceException>(() => Load(json)).Message;
        Assert.StartsWith(_temp["cake.json"], message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains("docs/formats.md", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Assert.StartsWith(_temp["none"], Assert.Throws<WhenceException>(() => RecipeJson.Load<Cake>(_temp["none"], "cake", 3, _ => { })).Message, StringComparison.Ordinal);

    private Cake Load(string json)
    {
        File.WriteAllBytes(_temp["cake.json"], Encoding.UTF8.GetBytes(json));
        return RecipeJson.Load<Cake>(_temp["cake.json"], "cake", 3, cake =>
        {
            if (cake.Eggs == 0)
            {
                throw new WhenceException("'eggs' is 0");
            }
        });
    }

    private sealed record Cake
    {
        public required string Format { get; init; }

        public required int Version { get; init; }

        public int Eggs { get; init; } = 1;

        public IReadOnlyList<Layer> Layers { get; init; } = [];
    }

    private sealed record Layer
    {
        public required string Name { get; init; }
    }
}
