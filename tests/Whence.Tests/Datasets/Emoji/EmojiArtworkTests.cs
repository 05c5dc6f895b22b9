using System.Text;
using System.Text.Json.Nodes;
using Whence.Datasets.Emoji;

namespace Whence.Tests.Datasets.Emoji;

public sealed class EmojiArtworkTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Drawings_are_matched_by_code_points_then_by_what_somebody_told_then_by_names()
    {
        var artwork = await new TinyPackages(_temp).LoadAsync();
        Assert.Equal(["grinning face", "red apple", "lemon"], artwork.Objects.Select(o => o.Label));
        Assert.Equal("1F34B", artwork.Objects[2].Code);
        Assert.Equal(("food-drink", "food-fruit"), (artwork.Objects[1].Group, artwork.Objects[1].Subgroup));
        Assert.Equal(
            ["first/1f600 grinning-face", "first/1f34e red-apple", "first/1f34b lemon", "second/1f600 grinningface", "second/1f34e RedApple", "second/1f34b sour"],
            artwork.Drawings.Select(d => $"{d.Key} {d.Name}"));
    }

    [Fact]
    public async Task A_label_is_a_better_name_than_a_shortcode_of_another_object()
    {
        // "lemon" is a shortcode of the apple, too.
        var packages = new TinyPackages(_temp, second: $$$"""{"icons":{"lemon":{"body":{{{TinyPackages.Text(TinyPackages.Circle)}}} },"apple-red":{"body":""},"lemon_fruit":{"body":""} }}""");
        packages.Lock["drawings"]![1]!.AsObject().Remove("objects");
        packages.Save();
        Assert.Equal(["1F34E apple-red", "1F34B lemon"], (await packages.LoadAsync()).Drawings.Where(d => d.Style == "second").Select(d => $"{d.Object.Code} {d.Name}"));
    }

    [Fact]
    public async Task What_is_told_to_be_nothing_is_left_out()
    {
        var packages = new TinyPackages(_temp);
        packages.Lock["drawings"]![0]!["objects"] = new JsonObject { ["lemon"] = null };
        packages.Save();
        Assert.Equal(["first/1f600", "first/1f34e"], (await packages.LoadAsync()).Drawings.Where(d => d.Style == "first").Select(d => d.Key));
    }

    [Fact]
    public async Task Another_file_than_is_locked_is_refused_before_it_is_unpacked()
    {
        var packages = new TinyPackages(_temp);
        var file = Path.Combine(packages.Folder, "set-first-1.0.0.tgz");
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        var error = await Assert.ThrowsAsync<WhenceException>(packages.LoadAsync);
        Assert.Contains("is not @set/first 1.0.0: its checksum is sha512-", error.Message, StringComparison.Ordinal);
        File.Delete(file);
        Assert.Contains("no such file", (await Assert.ThrowsAsync<WhenceException>(packages.LoadAsync)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no gzip", "no package's archive")]
    [InlineData("cut", "no package's archive")]
    [InlineData("empty", "has no icons.json")]
    [InlineData("json", "is not valid JSON")]
    [InlineData("array", "'icons' is missing or no Object")]
    [InlineData("half", "icons.json: is not valid JSON")]
    [InlineData("bytes", "icons.json: is not valid JSON: it is no UTF-8")]
    [InlineData("codes", "chars.json: is no object in braces")]
    [InlineData("claim", "claims 1,000,000,000 of ")]
    public async Task Archives_that_are_none_are_refused_with_one_line(string damage, string message)
    {
        var packages = new TinyPackages(_temp);
        var file = Path.Combine(packages.Folder, "set-second-1.0.0.tgz");
        byte[] bytes = damage switch
        {
            "no gzip" => Encoding.ASCII.GetBytes("hello"),
            "cut" => File.ReadAllBytes(file)[..60],
            "empty" => TinyPackages.Archive(("other.json", "{}")),
            "json" => TinyPackages.Archive(("icons.json", "{")),
            "half" => TinyPackages.Archive(("icons.json", """{"icons":{"\ud800":{}}}""")),
            "bytes" => TinyPackages.Archive(("icons.json", Encoding.Latin1.GetBytes("""{"icons":{"é":{}}}"""))),
            "codes" => TinyPackages.Archive(("icons.json", """{"icons":{}}"""), ("chars.json", "[]")),
            "claim" => TinyPackages.Claiming(1_000_000_000, ("icons.json", "{}")),
            _ => TinyPackages.Archive(("icons.json", """{"icons":[]}""")),
        };
        File.WriteAllBytes(file, bytes);
        packages.Lock["drawings"]![1]!["integrity"] = TinyPackages.Integrity(bytes);
        packages.Save();
        Assert.Contains(message, (await Assert.ThrowsAsync<WhenceException>(packages.LoadAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_large_file_at_the_end_of_an_archive_is_read_whole() =>
        Assert.Equal(100_000, PackageArchive.Read(TinyPackages.Archive(("a.json", ""), ("icons.json", new string(' ', 100_000))), "a.tgz", "icons.json")["icons.json"].Length);

    [Theory]
    [InlineData("en/data.json", """[{"hexcode":"../1F34E","label":"a"}]""", "the 'hexcode' of 'a' is no code points")]
    [InlineData("en/data.json", """[5]""", "'hexcode' is missing")]
    [InlineData("meta/unicode-names.json", "[]", "meta/unicode-names.json: is no object in braces")]
    public async Task Names_that_cannot_be_are_refused(string file, string content, string message)
    {
        var packages = new TinyPackages(_temp);
        var path = Path.Combine(packages.Folder, "emoji-names-1.0.0.tgz");
        var files = PackageArchive.Read(File.ReadAllBytes(path), path, EmojiNames.Files);
        var bytes = TinyPackages.Archive([.. files.Where(f => f.Key != file).Select(f => (f.Key, Encoding.UTF8.GetString(f.Value))), (file, content)]);
        File.WriteAllBytes(path, bytes);
        packages.Lock["names"]!["integrity"] = TinyPackages.Integrity(bytes);
        packages.Save();
        Assert.Contains(message, (await Assert.ThrowsAsync<WhenceException>(packages.LoadAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_archive_that_unpacks_to_more_than_is_allowed_is_refused() =>
        Assert.Contains("unpacks to more than", Assert.Throws<WhenceException>(
            () => PackageArchive.Read(TinyPackages.Archive(("icons.json", new string(' ', PackageArchive.MaxUnpacked))), "bomb.tgz", "icons.json")).Message, StringComparison.Ordinal);

    [Fact]
    public void Only_names_below_the_packages_root_are_taken_and_none_is_a_path() =>
        Assert.Empty(PackageArchive.Read(TinyPackages.Archive(("../icons.json", "{}"), ("/icons.json", "{}"), ("a/icons.json", "{}")), "a.tgz", "icons.json"));

    [Theory]
    [InlineData("version", "2", "version 2")]
    [InlineData("drawings", "[]", "'drawings' is empty")]
    [InlineData("drawings", "[null]", "'drawings' holds null")]
    [InlineData("extra", "1", "there is no key 'extra'")]
    public void Lock_files_that_cannot_be_are_refused(string key, string value, string message)
    {
        var packages = new TinyPackages(_temp);
        packages.Lock[key] = JsonNode.Parse(value);
        packages.Save();
        Assert.Contains(message, Assert.Throws<WhenceException>(() => PackageLock.Load(packages.LockPath)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("integrity", "sha512-AAAA")]
    [InlineData("integrity", "sha1-AAAA")]
    [InlineData("resolved", "https://example.org/a.tgz")]
    [InlineData("name", "../a")]
    [InlineData("version", "../../1")]
    [InlineData("style", "")]
    [InlineData("style", "../first")]
    [InlineData("style", "a/b")]
    [InlineData("style", "Second")] // as "second" where names are told apart by their letters only
    [InlineData("style", "a style of more than thirty-two characters")]
    [InlineData("creator", "a\nb")]
    public void Packages_that_cannot_be_are_refused(string key, string value)
    {
        var packages = new TinyPackages(_temp);
        packages.Lock["drawings"]![0]![key] = value;
        packages.Save();
        Assert.Throws<WhenceException>(() => PackageLock.Load(packages.LockPath));
    }

    [Fact]
    public void The_shipped_lock_file_and_recipe_fit_each_other_and_hold_out_what_is_shared_alike()
    {
        var (packages, recipe) = (PackageLock.Shipped, EmojiRecipe.Shipped);
        recipe.Validate(packages);
        Assert.Equal(9, packages.Drawings.Count);
        Assert.All(packages.Drawings.Where(p => p.Licence.Contains("-SA", StringComparison.Ordinal)), p => Assert.Contains(p.Style!, recipe.HeldOutDesigners));
        Assert.All(
            packages.Drawings.Where(p => recipe.Sheet.Designers.Contains(p.Style!)), p => Assert.Contains(p.Licence, new[] { "Apache-2.0", "MIT" }));
        Assert.Equal("https://mirror.example/npm/@iconify-json/noto/-/noto-1.2.9.tgz", packages.Drawings[0].Address("https://mirror.example/npm/"));
        Assert.True(packages.Drawings.Count + Whence.Datasets.Styles.Treatments.All.Count >= 40);
        Assert.True(recipe.TrainedTreatments.Count * 2 < Whence.Datasets.Styles.Treatments.All.Count);
    }

    [Theory]
    [InlineData("size", "8", "'size' is 8")]
    [InlineData("trainedTreatments", "[\"sparkles\"]", "there is no treatment 'sparkles'")]
    [InlineData("heldOutPerDrawing", "100", "'heldOutPerDrawing' is 100")]
    [InlineData("heldOutObjects", "1.5", "'heldOutObjects' is 1.5")]
    [InlineData("trainedTreatments", "[null]", "'trainedTreatments' holds null")]
    [InlineData("sheet", """{ "objects": ["1", "2", "3", "4", "5", "6", "7", "8", "9"] }""", "'sheet.objects' has 9, there is room for 8")]
    [InlineData("sheet", """{ "designers": ["first", "first"] }""", "'sheet.designers' has one twice")]
    public void Recipes_that_cannot_be_are_refused(string key, string value, string message)
    {
        var recipe = JsonNode.Parse("""{ "format": "whence-emoji", "version": 1 }""")!;
        recipe[key] = JsonNode.Parse(value);
        File.WriteAllText(_temp["r.json"], recipe.ToJsonString());
        Assert.Contains(message, Assert.Throws<WhenceException>(() => EmojiRecipe.Load(_temp["r.json"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("man running", "running")]
    [InlineData("woman running facing right", "running")]
    [InlineData("person", "person")]
    [InlineData("family: man, boy", "family")]
    [InlineData("red apple", "red apple")]
    public void Objects_that_differ_by_who_does_it_have_one_theme(string label, string theme) => Assert.Equal(theme, new EmojiObject("1", label, "g", "s", []).Theme);

    [Theory]
    [InlineData("red apple", "a red apple")]
    [InlineData("octopus", "an octopus")]
    [InlineData("unicorn", "a unicorn")]
    [InlineData("hourglass done", "an hourglass done")]
    [InlineData("grapes", "grapes")]
    [InlineData("cactus", "a cactus")]
    [InlineData("glasses", "glasses")]
    [InlineData("face with tears of joy", "a face with tears of joy")]
    [InlineData("ATM sign", "an ATM sign")]
    [InlineData("UP! button", "an UP! button")]
    [InlineData("Mrs. Claus", "Mrs. Claus")]
    [InlineData("1st place medal", "1st place medal")]
    [InlineData("bow and arrow", "a bow and arrow")]
    public void Captions_take_the_article_that_a_label_takes(string label, string expected) => Assert.Equal(expected, EmojiCaption.WithArticle(label));
}
