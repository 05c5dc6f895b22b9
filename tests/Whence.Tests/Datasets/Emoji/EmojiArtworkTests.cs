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
            () => PackageArchive.Read(TinyPackages.Archive(("icons.json", new byte[PackageArchive.MaxUnpacked])), "bomb.tgz", "icons.json")).Message, StringComparison.Ordinal);

    [Fact]
    public void Only_names_below_the_packages_root_are_taken_and_none_is_a_path() =>
        Assert.Empty(PackageArchive.Read(TinyPackages.Archive(("../icons.json", "{}"), ("/icons.json", "{}"), ("a/icons.json", "{}")), "a.tgz", "icons.json"));

    [Theory]
    [InlineData("version", "2", "version 2")]
    [InlineData("drawings", "[]", "'drawings' is empty")]
    [InlineData("drawings", "[null]", "'drawings[0]' is null")]
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
    [InlineData("trainedTreatments", "[null]", "'trainedTreatments[0]' is null")]
    [InlineData("sheet", """{ "objects": ["1", "2", "3", "4", "5", "6", "7", "8", "9"] }""", "'sheet.objects' has 9, there is room for 8")]
    [InlineData("sheet", """{ "designers": ["first", "first"] }""", "'sheet.designers' has one twice")]
    public void Recipes_that_cannot_be_are_refused(string key, string value, string message)
    {
        var recipe = JsonNode.Parse("""{ "format": "whence-emoji", "version": 1 }""")!;
        recipe[key] = JsonNode.Parse(value);
        File.WriteAllText(_temp["r.json"], recipe.ToJsonString());
        Assert.Contains(message, Assert.Throws<WhenceException>(() => EmojiRecipe.Load(_temp["r.json"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_drawing_whose_code_points_are_told_is_not_offered_to_a_homonym()
    {
        // The first designer has no lemon of its own: what it calls by the lemon's other name is the grinning face.
        var packages = new TinyPackages(_temp, $$$"""{"icons":{"red-apple":{"body":{{{TinyPackages.Text(TinyPackages.Square)}}} },"lemon_fruit":{"body":{{{TinyPackages.Text(TinyPackages.Circle)}}} } } }""", chars: """{"1f34e":"red-apple","1f600":"lemon_fruit"}""");
        Assert.Equal(["1F600 lemon_fruit", "1F34E red-apple"], (await packages.LoadAsync()).Drawings.Where(d => d.Style == "first").Select(d => $"{d.Object.Code} {d.Name}"));
    }

    [Theory]
    [InlineData("man running", "woman running: facing right", "person running")]
    [InlineData("people holding hands", "woman and man holding hands", "men holding hands")]
    [InlineData("person: beard", "woman: beard")]
    [InlineData("man: red hair", "woman: blond hair", "person: white hair")]
    [InlineData("man", "person", "girl", "old woman", "older person")]
    [InlineData("merman", "mermaid", "merperson")]
    [InlineData("man’s shoe", "woman’s shoe")]
    [InlineData("family", "family: man, boy", "family: adult, adult, child")]
    [InlineData("red apple", "green apple")]
    [InlineData("open book", "closed book", "green book", "books")]
    [InlineData("up arrow", "down-left arrow", "left-right arrow")]
    [InlineData("black medium-small square", "white large square", "red square")]
    [InlineData("twelve o’clock", "six-thirty")]
    [InlineData("new moon", "waxing crescent moon", "last quarter moon", "full moon")]
    [InlineData("keycap: #", "keycap: 10")]
    [InlineData("locked", "unlocked")]
    public void Twins_have_one_theme(params string[] labels) => Assert.Single(labels.Select(Theme).Distinct());

    [Theory]
    [InlineData("man: beard", "man: bald", "man: curly hair", "man", "man running", "kiss", "family", "kiss mark")]
    [InlineData("red apple", "red heart", "red circle", "rosette", "rose", "new moon face", "moon cake", "twelve o’clock", "alarm clock", "NEW button", "FREE button")]
    public void Others_have_not(params string[] labels) => Assert.Equal(labels.Length, labels.Select(Theme).Distinct().Count());

    [Theory]
    [InlineData("red apple", "a red apple")]
    [InlineData("octopus", "an octopus")]
    [InlineData("rhinoceros", "a rhinoceros")]
    [InlineData("unicorn", "a unicorn")]
    [InlineData("hourglass done", "an hourglass done")]
    [InlineData("grapes", "grapes")]
    [InlineData("skis", "skis")]
    [InlineData("cactus", "a cactus")]
    [InlineData("glasses", "glasses")]
    [InlineData("scissors", "scissors")]
    [InlineData("people hugging", "people hugging")]
    [InlineData("men with bunny ears", "men with bunny ears")]
    [InlineData("woman and man holding hands", "a woman and man holding hands")]
    [InlineData("person lifting weights", "a person lifting weights")]
    [InlineData("face holding back tears", "a face holding back tears")]
    [InlineData("face with tears of joy", "a face with tears of joy")]
    [InlineData("globe showing Americas", "a globe showing Americas")]
    [InlineData("sunrise over mountains", "a sunrise over mountains")]
    [InlineData("bow and arrow", "a bow and arrow")]
    [InlineData("ATM sign", "an ATM sign")]
    [InlineData("NEW button", "a NEW button")]
    [InlineData("SOON arrow", "a SOON arrow")]
    [InlineData("NG button", "an NG button")]
    [InlineData("VS button", "a VS button")]
    [InlineData("UP! button", "an UP! button")]
    [InlineData("P button", "a P button")]
    [InlineData("A button (blood type)", "an A button (blood type)")]
    [InlineData("x-ray", "an x-ray")]
    [InlineData("t-shirt", "a t-shirt")]
    [InlineData("e-mail", "an e-mail")]
    [InlineData("1st place medal", "a 1st place medal")]
    [InlineData("Mrs. Claus", "Mrs. Claus")]
    [InlineData("Santa Claus", "Santa Claus")]
    [InlineData("Taurus", "Taurus")]
    [InlineData("mount fuji", "mount fuji")]
    [InlineData("cooked rice", "cooked rice")]
    [InlineData("rice ball", "a rice ball")]
    [InlineData("meat on bone", "meat on bone")]
    [InlineData("ice", "ice")]
    [InlineData("ice cream", "an ice cream")]
    [InlineData("no smoking", "no smoking")]
    [InlineData("locked with key", "locked with key")]
    [InlineData("six-thirty", "six-thirty")]
    public void Captions_take_the_article_that_a_label_takes(string label, string expected) => Assert.Equal(expected + ", noto style", EmojiCaption.Of(label, "noto"));

    [Theory]
    [InlineData("person: blond hair", "a person with blond hair")]
    [InlineData("man: bald", "a bald man")]
    [InlineData("woman walking: facing right", "a woman walking facing right")]
    [InlineData("kiss: woman, man", "a kiss of woman and man")]
    [InlineData("couple with heart: man, man", "a couple with heart of man and man")]
    [InlineData("family: man, girl, boy", "a family of man, girl and boy")]
    [InlineData("family: adult, child", "a family of adult and child")]
    [InlineData("keycap: 10", "a keycap 10")]
    [InlineData("twelve o’clock", "twelve o'clock")]
    [InlineData("woman’s boot", "a woman's boot")]
    [InlineData("Japanese “no vacancy” button", "a Japanese \"no vacancy\" button")]
    public void Captions_are_typed_as_one_would_say_them(string label, string expected) => Assert.Equal(expected + ", noto style", EmojiCaption.Of(label, "noto"));

    private static string Theme(string label) => new EmojiObject("1", label, "g", "s", []).Theme;
}
