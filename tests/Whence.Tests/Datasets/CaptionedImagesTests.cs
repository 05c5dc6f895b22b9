using System.Formats.Tar;
using System.Text;
using Whence.Datasets;
using Whence.Search;

namespace Whence.Tests.Datasets;

public sealed class CaptionedImagesTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Captions_come_from_beside_the_images_and_a_table_comes_first()
    {
        TestImages.WriteFolder(_temp["images"], 4);
        File.WriteAllText(_temp["images", "00000.txt"], " a thing \n");
        File.WriteAllText(_temp["images", "00001.txt"], "another thing");
        File.WriteAllText(_temp["table.csv"], "file,caption\n00001.png,from the table\n00002.png,only there\n");
        var images = await LoadAsync(_temp["images"], _temp["table.csv"]);
        Assert.Equal(["a thing", "from the table", "only there"], images.Captions);
        Assert.Equal((3, 16, 1), (images.Count, images.Size, images.WithoutCaption));
        Assert.Equal(16 * 16 * 3, images.Pixels(2).Length);
    }

    [Fact]
    public async Task A_tar_gives_what_its_folder_gives_whatever_the_threads()
    {
        TestImages.WriteFolder(_temp["images"], 9);
        for (var i = 0; i < 9; i++)
        {
            File.WriteAllText(_temp["images", $"{i:D5}.txt"], $"thing {i}");
        }

        using (var writer = new TarWriter(File.Create(_temp["shard.tar"])))
        {
            foreach (var file in Directory.GetFiles(_temp["images"]).Order(StringComparer.Ordinal))
            {
                writer.WriteEntry(file, Path.GetFileName(file));
            }
        }

        var (folder, tar) = (await LoadAsync(_temp["images"]), await LoadAsync(_temp["shard.tar"], threads: 3));
        Assert.Equal([.. Enumerable.Range(0, 9).Select(i => $"thing {i}")], tar.Captions);
        Assert.Equal(folder.Sha256(), tar.Sha256());
        Assert.NotEqual(folder.Sha256(), (await LoadAsync(_temp["images"], size: 8)).Sha256());
    }

    [Fact]
    public async Task A_filter_over_the_metadata_keeps_images_out()
    {
        TestImages.WriteFolder(_temp["images"], 3);
        foreach (var (i, style) in ((int, string)[])[(0, "noto"), (1, "openmoji"), (2, "noto")])
        {
            File.WriteAllText(_temp["images", $"{i:D5}.json"], $$"""{"caption": "thing {{i}}", "style": "{{style}}"}""");
        }

        var images = await LoadAsync(_temp["images"], where: "style != 'openmoji'");
        Assert.Equal(["thing 0", "thing 2"], images.Captions);
        File.WriteAllText(_temp["table.csv"], "file,style\n00000.png,held out\n");
        Assert.Equal(["thing 2"], (await LoadAsync(_temp["images"], _temp["table.csv"], where: "style = 'noto'")).Captions);
    }

    [Theory]
    [InlineData("styel = 'noto'")]
    [InlineData("styel is missing and style = 'noto'")]
    [InlineData("not (styel = 'noto')")]
    public async Task A_column_that_no_image_has_is_refused_with_those_that_there_are(string where)
    {
        TestImages.WriteFolder(_temp["images"], 2);
        File.WriteAllText(_temp["images", "00000.json"], """{"caption": "thing", "style": "noto"}""");
        File.WriteAllText(_temp["images", "00001.json"], """{"caption": "thing"}""");
        File.WriteAllText(_temp["table.csv"], "file,creator\n00000.png,Ann\n");
        var message = (await Assert.ThrowsAsync<WhenceException>(() => LoadAsync(_temp["images"], _temp["table.csv"], where: where))).Message;
        Assert.Equal($"{_temp["images"]}: no metadata column 'styel', which the filter names; there are: creator, style.", message);
        Assert.Equal(1, (await LoadAsync(_temp["images"], _temp["table.csv"], where: "style = 'noto'")).Count);
        Assert.Equal(1, (await LoadAsync(_temp["images"], _temp["table.csv"], where: "style is missing")).Count);
    }

    [Fact]
    public async Task One_bad_image_is_told_and_passed_over_and_none_at_all_is_an_error()
    {
        TestImages.WriteFolder(_temp["images"], 2);
        File.WriteAllText(_temp["images", "00000.txt"], "a thing");
        File.WriteAllText(_temp["images", "00001.txt"], "a broken thing");
        File.WriteAllBytes(_temp["images", "00001.png"], Encoding.UTF8.GetBytes("no image"));
        var images = await LoadAsync(_temp["images"]);
        Assert.Equal(1, images.Count);
        Assert.EndsWith("00001.png", Assert.Single(images.Unread).Path, StringComparison.Ordinal);

        File.Delete(_temp["images", "00000.txt"]);
        var message = (await Assert.ThrowsAsync<WhenceException>(() => LoadAsync(_temp["images"]))).Message;
        Assert.Contains("of 2 images none can be trained with: 1 have no caption, 1 cannot be read", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private static Task<CaptionedImages> LoadAsync(string source, string? table = null, int size = 16, string? where = null, int threads = 1) =>
        CaptionedImages.LoadAsync([source], table, size, where is null ? null : MetadataPredicate.Parse(where), threads, TestContext.Current.CancellationToken);
}
