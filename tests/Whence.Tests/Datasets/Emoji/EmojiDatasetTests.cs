using System.Text.Json;
using Whence.Datasets.Emoji;
using Whence.Images;
using Whence.Reports;

namespace Whence.Tests.Datasets.Emoji;

public sealed class EmojiDatasetTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task What_is_written_is_read_back_with_captions_and_provenance()
    {
        var report = await BuildAsync("out");
        var samples = await ReadAsync("out");
        Assert.Equal(report.Files.Sum(f => f.Pictures), samples.Count);

        var apple = samples.Single(s => s.Metadata["designer"] == "first" && s.Metadata["object"] == "red apple" && !s.Metadata.ContainsKey("treatment"));
        Assert.Equal("a red apple, first style", apple.Caption);
        Assert.Equal(
            ("1F34E", "food-drink", "food-fruit", "fruit, red", "Maker of @set/first", "CC0-1.0", "https://example.org/art", "@set/first@1.0.0"),
            (apple.Metadata["code"], apple.Metadata["group"], apple.Metadata["subgroup"], apple.Metadata["tags"], apple.Metadata["creator"], apple.Metadata["licence"], apple.Metadata["meta_source"], apple.Metadata["package"]));
        Assert.Equal((32, 32), (apple.Image.Width, apple.Image.Height));
        Assert.True(apple.Image[16, 16].R > 200 && apple.Image[16, 16].G < 60);
        Assert.Equal((255, 255, 255), apple.Image[0, 0]);
        Assert.All(samples.Where(s => s.Metadata.ContainsKey("treatment")), s => Assert.EndsWith($", {s.Metadata["treatment"]} style", s.Caption, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_held_out_is_in_a_file_of_its_own()
    {
        await BuildAsync("out");
        string[] trained = ["first", "inverted", "halftone"];
        var samples = await ReadAsync("out");
        var heldOut = JsonDocument.Parse(File.ReadAllBytes(_temp["out", "dataset.json"])).RootElement.GetProperty("heldOutObjects").EnumerateArray().Select(e => e.GetString()).ToHashSet();
        Assert.All(samples, s =>
        {
            var expected = (heldOut.Contains(s.Metadata["object"]), !trained.Contains(s.Metadata["style"])) switch
            {
                (false, false) => "train",
                (true, false) => "held-out-objects",
                (false, true) => "held-out-styles",
                _ => "held-out-both",
            };
            Assert.Equal(expected, s.Metadata["split"]);
            Assert.Equal(expected + ".tar", s.File);
        });
        Assert.DoesNotContain(samples, s => s.Metadata["designer"] == "second" && s.Metadata.ContainsKey("treatment"));
        Assert.Equal(3, samples.Count(s => s.Metadata["designer"] == "first" && s.Metadata["object"] == "lemon" && s.Metadata.ContainsKey("treatment")));
    }

    [Fact]
    public async Task The_same_input_gives_the_same_bytes_whatever_the_threads()
    {
        await BuildAsync("one", threads: 1);
        await BuildAsync("two", threads: 4);
        var files = Directory.GetFiles(_temp["one"]).Select(f => Path.GetFileName(f)).ToArray();
        Assert.Contains("NOTICE.md", files);
        Assert.All(files, f => Assert.Equal(File.ReadAllBytes(_temp["one", f]), File.ReadAllBytes(_temp["two", f])));
        var report = await BuildAsync("one", threads: 2); // replaces what was there
        Assert.All(report.Files, f => Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(_temp["one", f.File]))), f.Sha256));
    }

    [Fact]
    public async Task Broken_blank_and_duplicate_drawings_are_dropped_and_counted()
    {
        var packages = new TinyPackages(
            _temp,
            $$$"""{"icons":{"red-apple":{"body":{{{TinyPackages.Text(TinyPackages.Square)}}} },"lemon":{"body":{{{TinyPackages.Text(TinyPackages.Square)}}} },"grinning-face":{"body":"<path fill='#fff' d='M0 0h32v32H0z'/>"} },"width":32,"height":32}""",
            """{"icons":{"red-apple":{"body":"<image href='a.png'/>"},"lemon":{"body":"<path"} } }""");
        var report = await BuildAsync("out", packages: packages);
        Assert.Equal(2, report.Dropped["broken drawings"]);
        Assert.Equal(1, report.Dropped["blank drawings"]);
        Assert.Equal(1, report.Dropped["duplicate drawings"]);
        Assert.Contains("first/1f600: blank", report.DroppedPictures);
        Assert.Contains("first/1f34b: duplicate of first/1f34e", report.DroppedPictures);
        Assert.Contains(report.DroppedPictures, d => d.StartsWith("second/1f34e: broken, the drawing holds 'image'", StringComparison.Ordinal));
        Assert.All(await ReadAsync("out"), s => Assert.Equal("red apple", s.Metadata["object"]));
    }

    [Fact]
    public async Task Another_persons_folder_and_a_recipe_of_other_designers_are_refused()
    {
        Directory.CreateDirectory(_temp["mine"]);
        File.WriteAllText(_temp["mine", "thesis.tex"], "");
        Assert.Contains("thesis.tex", (await Assert.ThrowsAsync<WhenceException>(() => BuildAsync("mine"))).Message, StringComparison.Ordinal);
        var packages = new TinyPackages(_temp);
        packages.Save("""{ "format": "whence-emoji", "version": 1, "sheet": { "objects": ["lemons"] } }""");
        Assert.Contains("there is no object 'lemons'", (await Assert.ThrowsAsync<WhenceException>(() => BuildAsync("out", packages: packages))).Message, StringComparison.Ordinal);
        packages.Save("""{ "format": "whence-emoji", "version": 1, "heldOutDesigners": ["third"] }""");
        Assert.Contains("no designer of the style 'third', known are first, second", (await Assert.ThrowsAsync<WhenceException>(() => BuildAsync("out", packages: packages))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_run_leaves_the_earlier_data_set_as_it_was()
    {
        await BuildAsync("out");
        var before = Directory.GetFiles(_temp["out"]).ToDictionary(f => f, File.ReadAllBytes);
        using var stop = new CancellationTokenSource();
        var progress = new Stopping(stop);
        var packages = new TinyPackages(_temp);
        var (locked, recipe, artwork) = (PackageLock.Load(packages.LockPath), EmojiRecipe.Load(packages.RecipePath), await packages.LoadAsync());
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => EmojiDataset.Build(artwork, locked, recipe, _temp["out"], 2, progress, cancellation: stop.Token));
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), Directory.GetFiles(_temp["out"]).Order(StringComparer.Ordinal));
        Assert.All(before, f => Assert.Equal(f.Value, File.ReadAllBytes(f.Key)));
    }

    [Theory]
    [InlineData("train.tar", "", "holds train.tar")]
    [InlineData("NOTICE.md", "mine", "holds NOTICE.md")]
    [InlineData("dataset.json", """{ "format": "of another program" }""", "holds dataset.json")]
    [InlineData("dataset.json", "{", "holds dataset.json")]
    public async Task Files_of_the_same_names_that_are_not_of_a_data_set_are_not_replaced(string name, string content, string message)
    {
        Directory.CreateDirectory(_temp["mine"]);
        File.WriteAllText(_temp["mine", name], content);
        Assert.Contains(message, (await Assert.ThrowsAsync<WhenceException>(() => BuildAsync("mine"))).Message, StringComparison.Ordinal);
        Assert.Equal(name, Path.GetFileName(Assert.Single(Directory.GetFileSystemEntries(_temp["mine"]))));
        Assert.Equal(content, File.ReadAllText(_temp["mine", name]));
    }

    [Fact]
    public async Task What_a_killed_run_left_is_replaced_and_a_sheet_goes_with_the_data_set_that_it_was_made_for()
    {
        var packages = new TinyPackages(_temp);
        var (locked, recipe, artwork) = (PackageLock.Load(packages.LockPath), EmojiRecipe.Load(packages.RecipePath), await packages.LoadAsync());
        EmojiDataset.Build(artwork, locked, recipe, _temp["out"], sheet: new byte[] { 1, 2, 3 });
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_temp["out", "styles.png"]));
        Assert.Contains("`styles.png` shows", File.ReadAllText(_temp["out", "NOTICE.md"]), StringComparison.Ordinal);

        // Killed while files were put in place, the report first of all.
        File.Delete(_temp["out", "dataset.json"]);
        File.WriteAllText(_temp["out", "train.tar"], "of an earlier one");
        Directory.CreateDirectory(_temp["out", "unfinished.whence-tmp"]);
        File.WriteAllText(_temp["out", "unfinished.whence-tmp/dataset.json"], "");
        await BuildAsync("out");
        await BuildAsync("new");
        var files = Directory.GetFileSystemEntries(_temp["new"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(files, Directory.GetFileSystemEntries(_temp["out"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.DoesNotContain("styles.png", files);
        Assert.All(files, f => Assert.Equal(File.ReadAllBytes(_temp["new", f]), File.ReadAllBytes(_temp["out", f])));
    }

    [Fact]
    public async Task Where_files_cannot_be_put_in_place_the_folder_holds_no_report_and_the_message_says_so()
    {
        await BuildAsync("out");
        File.Delete(_temp["out", "train.tar"]);
        Directory.CreateDirectory(_temp["out", "train.tar"]);
        Assert.Contains("has no dataset.json and is unfinished", (await Assert.ThrowsAsync<WhenceException>(() => BuildAsync("out"))).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_temp["out", "dataset.json"]));
        Directory.Delete(_temp["out", "train.tar"]);
        await BuildAsync("out");
        Assert.True(File.Exists(_temp["out", "dataset.json"]));
    }

    [Fact]
    public void The_notice_has_the_texts_that_licences_ask_for_and_says_what_was_changed()
    {
        var notice = EmojiNotice.Of(PackageLock.Shipped, EmojiRecipe.Shipped, hasSheet: true);
        Assert.All(
            new[]
            {
                "rendered to 64 x 64 pixels", "[Iconify](https://iconify.design/) project, which had\ncleaned up", "classic emojione (CC-BY-SA-4.0), openmoji (CC-BY-SA-4.0)",
                "## Apache-2.0: noto, classic noto\n", "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION", "   limitations under the License.\n```",
                "## MIT: emojibase-data, fluent, high contrast\n\n```\nCopyright (c) 2017-2019 Miles Johnson\nCopyright (c) Microsoft Corporation.\n\nPermission is hereby granted", "SOFTWARE.\n```",
                "**firefox.** Copyright 2015, Mozilla Foundation. The npm package says Apache-2.0", "[EmojiOne 2](https://www.emojione.com)", "`styles.png` shows drawings of the styles noto, classic noto, fluent, high contrast",
            },
            text => Assert.Contains(text, notice, StringComparison.Ordinal));
        Assert.DoesNotContain('\r', notice);
        Assert.All(PackageLock.Shipped.All().Where(p => p.Licence == "MIT"), p => Assert.NotNull(p.Copyright));
    }

    [Theory]
    [InlineData("ISC", true)]
    [InlineData("OFL-1.1", true)]
    [InlineData("CC-BY-4.0 AND OFL-1.1", true)]
    [InlineData("CC-BY-SA-4.0", false)]
    [InlineData("CC0-1.0", false)]
    [InlineData("MIT", false)]
    public void A_licence_whose_text_is_not_here_is_named_with_its_address_and_who_has_to_add_the_text(string licence, bool lacks)
    {
        var packages = new TinyPackages(_temp);
        packages.Lock["drawings"]![1]!["licence"] = licence;
        packages.Save();
        var locked = PackageLock.Load(packages.LockPath);
        var notice = EmojiNotice.Of(locked, EmojiRecipe.Shipped, hasSheet: false);
        Assert.Contains($"[{licence}](https://example.org/licence)", notice, StringComparison.Ordinal);
        Assert.Equal(lacks, notice.Contains($"\n## {licence}: second\n\nWhence does not hold the text of this licence. Who passes this data set on has to add it here: <https://example.org/licence>\n", StringComparison.Ordinal));
        Assert.Equal(lacks ? ["second"] : [], locked.WithoutText.Select(p => p.Style));
        Assert.Empty(PackageLock.Shipped.WithoutText);
    }

    [Fact]
    public async Task A_sheet_leaves_out_what_cannot_be_rendered_and_is_drawn_small_whatever_the_size()
    {
        var packages = new TinyPackages(_temp, second: $$$"""{"icons":{"RedApple":{"body":"<path"},"sour":{"body":{{{TinyPackages.Text(TinyPackages.Circle)}}} } } }""");
        var styles = EmojiStyle.Of(await packages.LoadAsync(), EmojiRecipe.Load(packages.RecipePath) with { Size = 1024 });
        Assert.Null(styles[1].Pictures[0]);
        Assert.All(styles.SelectMany(s => s.Pictures).OfType<RgbImage>(), p => Assert.Equal((128, 128), (p.Width, p.Height)));
    }

    [Fact]
    public async Task A_sheet_shows_every_style_by_its_family()
    {
        var packages = new TinyPackages(_temp);
        var styles = EmojiStyle.Of(await packages.LoadAsync(), EmojiRecipe.Load(packages.RecipePath));
        Assert.Equal(2 + Whence.Datasets.Styles.Treatments.All.Count, styles.Count);
        Assert.All(styles, s => Assert.Equal(2, s.Pictures.Count));
        Assert.Equal(["first", "inverted", "halftone"], styles.Where(s => s.IsTrained).Select(s => s.Name));
        var figure = StyleSheet.Draw("styles", "Styles", styles);
        Assert.Equal((2 * figure.Width, 2 * figure.Height), Size(figure.Png.ToArray()));
        Assert.Equal(figure.Png.ToArray(), StyleSheet.Draw("styles", "Styles", styles).Png.ToArray());

        static (int, int) Size(byte[] png)
        {
            var image = ImageDecoder.Decode(png);
            return (image.Width, image.Height);
        }
    }

    private async Task<EmojiReport> BuildAsync(string folder, int threads = 2, TinyPackages? packages = null)
    {
        packages ??= new TinyPackages(_temp);
        return EmojiDataset.Build(await packages.LoadAsync(), PackageLock.Load(packages.LockPath), EmojiRecipe.Load(packages.RecipePath), _temp[folder], threads);
    }

    private async Task<List<Sample>> ReadAsync(string folder)
    {
        var samples = new List<Sample>();
        foreach (var tar in Directory.GetFiles(_temp[folder], "*.tar").Where(tar => new FileInfo(tar).Length > 1024)) // two empty blocks are an archive without entries
        {
            await foreach (var item in ImageSources.EnumerateAsync([tar], 1 << 20, TestContext.Current.CancellationToken))
            {
                var content = await item.ReadAsync(TestContext.Current.CancellationToken);
                samples.Add(new Sample(Path.GetFileName(tar), content.Caption!, content.Metadata, ImageDecoder.Decode(content.Bytes.ToArray())));
            }
        }

        return samples;
    }

    private sealed record Sample(string File, string Caption, IReadOnlyDictionary<string, string> Metadata, RgbImage Image);

    private sealed class Stopping(CancellationTokenSource stop) : IProgress<EmojiProgress>
    {
        public void Report(EmojiProgress value) => stop.Cancel();
    }
}
