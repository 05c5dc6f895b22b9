using Whence.Bench.BaseModel;
using Whence.Datasets.Emoji;
using Whence.Images;
using Whence.Tests.Datasets.Emoji;

namespace Whence.Tests.Bench;

public sealed class TruePicturesTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task They_are_the_data_sets_own_pictures_and_none_that_are_there_already()
    {
        var (artwork, data) = await BuildAsync(new TinyPackages(_temp));
        var read = await TrainedDrawings.ReadAsync(data.Tar, null, null);
        RgbImage[] trained = [.. read.Files.Select(file => ImageDecoder.Decode(file))];
        var treated = read.Drawings.Index().Where(d => d.Item.Content.IsTreated).ToArray();
        Assert.Equal(6, treated.Length); // three objects by two designers
        var pictures = new TruePictures(artwork, data.Report);
        Assert.All(treated, drawing =>
        {
            var prompt = new AskedPrompt(drawing.Item.Caption, drawing.Item.Content);
            Assert.Equal(2, pictures.Of([prompt], [])[0].Count);
            Assert.Contains(pictures.Of([prompt], [])[0], picture => Same(picture, trained[drawing.Index]));
            Assert.DoesNotContain(pictures.Of([prompt], trained)[0], picture => Array.Exists(trained, one => Same(picture, one)));
        });
    }

    [Fact]
    public async Task Drawings_that_were_dropped_or_cannot_be_rendered_have_none()
    {
        var (artwork, data) = await BuildAsync(Twins());
        Assert.Contains("first/1f34b: duplicate of first/1f34e", data.Report.DroppedPictures);
        var pictures = new TruePictures(artwork, data.Report).Of([Ask("red apple", "inverted"), Ask("lemon", "inverted"), Ask("lemon", "second", isTreated: false)], []);
        Assert.Equal([1, 1, 0], pictures.Select(of => of.Count)); // the second's apple is broken, the first's lemon its apple
    }

    [Fact]
    public async Task Of_equal_pictures_the_first_stays()
    {
        var (artwork, data) = await BuildAsync(Twins());
        var all = new TruePictures(artwork, data.Report with { DroppedPictures = [] });
        Assert.Equal([1, 1], all.Of([Ask("red apple", "inverted"), Ask("lemon", "inverted")], []).Select(of => of.Count));
        Assert.Equal([2, 0], all.Of([Ask("lemon", "inverted"), Ask("red apple", "inverted")], []).Select(of => of.Count));
    }

    [Fact]
    public async Task Drawn_is_what_a_trained_designer_drew_and_what_was_dropped_of_treatments()
    {
        var (artwork, data) = await BuildAsync(new TinyPackages(_temp), heldOut: "second");
        var drawn = new TruePictures(artwork, data.Report with { DroppedPictures = ["halftone/first-1f34e: blank", "halftone/second-1f34b: blank", "neon/first-1f34b: blank"] }).Drawn;
        Assert.Equal(
            [("grinning face", "first"), ("lemon", "first"), ("red apple", "first"), ("red apple", "halftone")],
            drawn.OrderBy(d => d.Object, StringComparer.Ordinal).ThenBy(d => d.Style, StringComparer.Ordinal));
    }

    [Fact]
    public async Task Data_of_other_packages_or_another_file_than_its_report_tells_of_are_refused()
    {
        var packages = new TinyPackages(_temp);
        var (_, data) = await BuildAsync(packages);
        Assert.Equal((32, 1), (data.Report.Recipe.Size, data.Report.Recipe.TrainedPerDrawing));
        var locked = PackageLock.Load(packages.LockPath);
        var other = locked with { Names = locked.Names with { Integrity = TinyPackages.Integrity([1]) } };
        Assert.Contains("made of other packages", Message(other), StringComparison.Ordinal);
        File.AppendAllText(data.Tar, "more");
        Assert.Contains("is not what dataset.json says", Message(locked), StringComparison.Ordinal);
        File.Delete(_temp["out", "dataset.json"]);
        Assert.Contains("dataset.json", Message(locked), StringComparison.Ordinal);

        string Message(PackageLock with) => Assert.Throws<WhenceException>(() => RenderedData.Open(_temp["out"], with)).Message;
    }

    // The first designer's lemon is their apple, the second's apple is broken.
    private TinyPackages Twins() => new(
        _temp,
        $$$"""{"icons":{"red-apple":{"body":{{{TinyPackages.Text(TinyPackages.Square)}}} },"lemon":{"body":{{{TinyPackages.Text(TinyPackages.Square)}}} } },"width":32,"height":32}""",
        $$$"""{"icons":{"red-apple":{"body":"<image href='a.png'/>"},"lemon":{"body":{{{TinyPackages.Text(TinyPackages.Circle)}}} } },"width":32,"height":32}""");

    private async Task<(EmojiArtwork Artwork, RenderedData Data)> BuildAsync(TinyPackages packages, string? heldOut = null)
    {
        packages.Save($$"""
            { "format": "whence-emoji", "version": 1, "size": 32, "seed": 3, "heldOutObjects": 0, "heldOutDesigners": [{{(heldOut is null ? "" : TinyPackages.Text(heldOut))}}],
              "trainedTreatments": ["inverted", "halftone"], "trainedPerDrawing": 1 }
            """);
        var (artwork, locked) = (await packages.LoadAsync(), PackageLock.Load(packages.LockPath));
        EmojiDataset.Build(artwork, locked, EmojiRecipe.Load(packages.RecipePath), _temp["out"]);
        return (artwork, RenderedData.Open(_temp["out"], locked));
    }

    private static AskedPrompt Ask(string item, string style, bool isTreated = true) => new($"a {item}, {style} style", new Content(item, "kind", "things", style, isTreated));

    private static bool Same(RgbImage a, RgbImage b) => Rgb(a).SequenceEqual(Rgb(b));

    private static byte[] Rgb(RgbImage image)
    {
        var rgb = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(rgb);
        return rgb;
    }
}
