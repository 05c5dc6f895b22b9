using System.Formats.Tar;
using System.Text;
using System.Text.Json;
using SkiaSharp;
using Whence.Torch.Diffusion;

namespace Whence.Tests.Demo;

public class GalleryTests
{
    private static readonly string[] PermissiveLicences = ["Apache-2.0", "CC-BY-4.0", "MIT"];

    private static readonly Dictionary<string, byte[]> Gallery = Read("gallery.tar");
    private static readonly Dictionary<string, byte[]> Queries = Read("queries.tar");

    public static TheoryData<string> Archives => ["gallery.tar", "queries.tar"];

    [Fact]
    public void The_demo_stays_below_three_megabytes() =>
        Assert.InRange(new FileInfo(PathOf("gallery.tar")).Length + new FileInfo(PathOf("queries.tar")).Length, 1, 3_000_000);

    [Fact]
    public void Several_hundred_drawings_of_seven_designers_and_a_handful_of_queries()
    {
        Assert.InRange(Keys(Gallery).Count, 350, 450);
        Assert.Equal(7, Abouts(Gallery).Select(a => a.Text("designer")).Distinct().Count());
        Assert.InRange(Keys(Queries).Count, 4, 6);
    }

    [Theory]
    [MemberData(nameof(Archives))]
    public void Every_picture_is_followed_by_its_caption_and_preceded_by_its_description(string archive)
    {
        var names = Names(archive);
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        Assert.All(names.Chunk(3), sample =>
        {
            var key = sample[0][..^".json".Length];
            Assert.Equal([$"{key}.json", $"{key}.png", $"{key}.txt"], sample);
        });
    }

    [Theory]
    [MemberData(nameof(Archives))]
    public void Entries_are_plain_ustar_files_without_a_date(string archive)
    {
        using var reader = new TarReader(File.OpenRead(PathOf(archive)));
        while (reader.GetNextEntry() is { } entry)
        {
            Assert.Equal(TarEntryFormat.Ustar, entry.Format);
            Assert.Equal(TarEntryType.RegularFile, entry.EntryType);
            Assert.Equal(DateTimeOffset.UnixEpoch, entry.ModificationTime);
        }
    }

    [Fact]
    public void Every_drawing_names_its_designer_creator_and_a_permissive_licence() =>
        Assert.All(Abouts(Gallery), about =>
        {
            Assert.All(["label", "group", "designer", "creator", "source", "style"], key => Assert.NotEmpty(about.Text(key)));
            Assert.Contains(about.Text("licence"), PermissiveLicences);
            Assert.StartsWith("https://", about.Text("licence_url"), StringComparison.Ordinal);
        });

    [Fact]
    public void Every_caption_names_the_object_and_who_drew_it() =>
        Assert.All(Keys(Gallery), key =>
        {
            var about = About(Gallery, key);
            Assert.Equal(
                $"{about.Text("label")}, drawn by {about.Text("creator")} ({about.Text("designer")})",
                Encoding.UTF8.GetString(Gallery[key + ".txt"]));
        });

    [Theory]
    [InlineData("gallery.tar", 128)]
    [InlineData("queries.tar", 64)]
    public void Every_picture_decodes_to_an_opaque_square_that_is_not_blank(string archive, int side)
    {
        var files = archive == "gallery.tar" ? Gallery : Queries;
        Assert.All(Keys(files), key =>
        {
            using var picture = SKBitmap.Decode(files[key + ".png"]);
            Assert.Equal((side, side), (picture.Width, picture.Height));
            Assert.All(picture.Pixels, pixel => Assert.Equal(255, pixel.Alpha));
            Assert.InRange(picture.Pixels.Count(pixel => pixel != SKColors.White), side * side / 20, side * side);
        });
    }

    [Fact]
    public void No_two_drawings_are_the_same() =>
        Assert.Equal(Keys(Gallery).Count, Keys(Gallery).Select(key => Convert.ToHexString(Gallery[key + ".png"])).Distinct().Count());

    [Fact]
    public void The_notice_names_every_designer_with_the_licence_and_every_pinned_package()
    {
        var notice = File.ReadAllText(PathOf("NOTICE.md"));
        var rows = notice.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).ToList();
        foreach (var about in Abouts(Gallery).DistinctBy(a => a.Text("designer")))
        {
            Assert.Single(rows, row =>
                row.StartsWith($"| {about.Text("designer")} |", StringComparison.Ordinal) &&
                row.EndsWith($"| {about.Text("licence")} |", StringComparison.Ordinal));
            Assert.Contains(about.Text("source"), notice, StringComparison.Ordinal);
        }

        var pins = File.ReadLines(Path.Combine(SharedData.RepositoryRoot, "scripts", "make-gallery", "packages.txt"));
        Assert.All(pins, pin => Assert.Contains($"| {pin.Split(' ')[0]} |", notice, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_query_says_what_it_was_made_from_and_how()
    {
        Assert.All(Abouts(Queries), about =>
        {
            var sources = about.GetProperty("made_from").EnumerateArray().Select(key => key.GetString()!).ToList();
            Assert.NotEmpty(sources);
            Assert.All(sources, key => Assert.Contains(key + ".png", Gallery.Keys));
            Assert.Equal(sources.Count, about.GetProperty("credits").GetArrayLength());
            Assert.Contains("models/emoji64", about.Text("how"), StringComparison.Ordinal);
            Assert.Contains("<new1>", about.Text("prompt"), StringComparison.Ordinal);
        });
        Assert.All(Keys(Queries), key => Assert.Equal(About(Queries, key).Text("prompt"), GenerationParameters.PromptOf(Queries[key + ".png"])));
        Assert.All(Keys(Queries), key => Assert.StartsWith("a ", Encoding.UTF8.GetString(Queries[key + ".txt"]), StringComparison.Ordinal));
    }

    private static string PathOf(string file) => Path.Combine(SharedData.RepositoryRoot, "src", "Whence.Cli", "Demo", file);

    private static List<string> Names(string archive)
    {
        var names = new List<string>();
        using var reader = new TarReader(File.OpenRead(PathOf(archive)));
        while (reader.GetNextEntry() is { } entry)
        {
            names.Add(entry.Name);
        }

        return names;
    }

    private static Dictionary<string, byte[]> Read(string archive)
    {
        var files = new Dictionary<string, byte[]>();
        using var reader = new TarReader(File.OpenRead(PathOf(archive)));
        while (reader.GetNextEntry() is { } entry)
        {
            var content = new byte[entry.Length];
            entry.DataStream!.ReadExactly(content);
            files.Add(entry.Name, content);
        }

        return files;
    }

    private static List<string> Keys(Dictionary<string, byte[]> files) =>
        [.. files.Keys.Where(name => name.EndsWith(".png", StringComparison.Ordinal)).Select(name => name[..^".png".Length])];

    private static JsonElement About(Dictionary<string, byte[]> files, string key) =>
        JsonDocument.Parse(files[key + ".json"]).RootElement;

    private static IEnumerable<JsonElement> Abouts(Dictionary<string, byte[]> files) =>
        Keys(files).Select(key => About(files, key));
}

file static class JsonElements
{
    public static string Text(this JsonElement element, string key) => element.GetProperty(key).GetString()!;
}
