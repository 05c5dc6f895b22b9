using Whence.Datasets;
using Whence.Datasets.Abc;

namespace Whence.Tests.Datasets.Abc;

/// <summary>Images whose folders say what they are, as ImageNet, BAM-FG and Artchive lie on a disk.</summary>
public sealed class AbcFoldersTests : IDisposable
{
    private const string Mapping = "index,synset,words,categories,part\n0,n01440764,\"tench, Tinca tinca\",fish,seen\n151,n02085620,Chihuahua,dog,seen\n152,n02085782,Japanese spaniel,dog,unseen\n";

    private static readonly AbcSet ImageNet = new()
    {
        Name = "imagenet",
        Kind = AbcKind.ObjectCentric,
        Images = ["imagenet/train"],
        Folders = "classes.csv",
        Category = "categories",
        Class = "folder",
        Models = new() { Train = 1 },
    };

    private static readonly AbcSet Artists = new() { Name = "artchive", Kind = AbcKind.StyleCentric, Images = ["artchive/images"], Group = "folder", Models = new() { Test = 1 } };

    private readonly TempFolder _temp = new();
    private int _seed;

    public AbcFoldersTests()
    {
        Write("imagenet/train/n01440764/n01440764_18.JPEG", "imagenet/train/n01440764/n01440764_36.JPEG", "imagenet/train/n02085620/n02085620_7.JPEG", "imagenet/train/n02085782/n02085782_2.JPEG");
        Write("imagenet/train/n15075141/n15075141_1.JPEG", "imagenet/train/stray.JPEG"); // of a class that the table does not name; of none
        Write("artchive/images/goya/bulls.jpg", "artchive/images/goya/dog.jpg", "artchive/images/african/kono.jpg", "artchive/images/cover.jpg");
        File.WriteAllText(_temp["artchive", "images", "goya", "index.html"], "no image");
        File.WriteAllText(_temp["classes.csv"], Mapping);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_folder_of_ImageNet_is_a_class_whose_broad_category_a_table_gives()
    {
        Assert.Equal(
            [("n01440764_18.JPEG", "n01440764", "fish", "n01440764"), ("n01440764_36.JPEG", "n01440764", "fish", "n01440764"), ("n02085620_7.JPEG", "n02085620", "dog", "n02085620"), ("n02085782_2.JPEG", "n02085782", "dog", "n02085782")],
            Load(ImageNet).Select(image => (image.Name, image.Class, image.Category, image.Group)));
    }

    [Fact]
    public void Columns_of_folders_can_be_asked_for_and_the_nearer_to_the_image_holds()
    {
        Assert.Equal(["n02085782"], Load(ImageNet with { Where = "part = 'unseen'" }).Select(image => image.Class));
        File.WriteAllText(_temp["imagenet", "train", "n01440764", "n01440764_18.json"], """{ "categories": "tench" }""");
        File.WriteAllText(_temp["images.csv"], "file,categories\nn01440764_36.JPEG,big fish\n");
        Assert.Equal(["tench", "big fish", "dog", "dog"], Load(ImageNet with { Metadata = "images.csv" }).Select(image => image.Category));
    }

    [Fact]
    public void A_folder_of_BAM_FG_or_Artchive_is_a_style_and_what_lies_in_none_is_left_out()
    {
        Assert.Equal([("kono.jpg", "african"), ("bulls.jpg", "goya"), ("dog.jpg", "goya")], Load(Artists).Select(image => (image.Name, image.Group)));
        Write("bam-fg/images/101549_0/101549_270165.jpg", "bam-fg/images/103946_0/103946_281792.jpg");
        File.WriteAllText(_temp["groups.tsv"], "folder\tconsensus\n101549_0\t5\n103946_0\t2\n");
        Assert.Equal(["101549_0"], Load(Artists with { Images = ["bam-fg/images"], Folders = "groups.tsv", Where = "consensus >= 4" }).Select(image => image.Group));
    }

    [Fact]
    public void Images_of_folders_that_are_not_named_are_not_even_read()
    {
        File.WriteAllText(_temp["imagenet", "train", "n15075141", "n15075141_1.json"], "not JSON");
        Load(ImageNet);
    }

    [Fact]
    public void An_image_that_lies_in_two_folders_counts_for_the_first()
    {
        File.Copy(_temp["artchive", "images", "goya", "dog.jpg"], _temp["artchive", "images", "african", "copy.jpg"]);
        Assert.Equal([("copy.jpg", "african"), ("kono.jpg", "african"), ("bulls.jpg", "goya")], Load(Artists).Select(image => (image.Name, image.Group)));
    }

    [Theory]
    [InlineData("synset,categories\nn01440764,fish\nn1440765,fish\n", "of 2 folders 1 hold no image of")]
    [InlineData("synset,categories\nn1440765,fish\n", "(n1440765); correct their names, or take their rows out")]
    [InlineData("synset,categories\nn01440764,fish\nn01440764,dog\n", "has the synset \"n01440764\" once more")]
    [InlineData("synset,categories\nn01440764,\n", "the folder 'n01440764' has no 'categories'; fill it in, or take the row out")]
    [InlineData("synset,categories\n,fish\n", "row 2 has no synset")]
    [InlineData("wnid,categories\nn01440764,fish\n", "no column names the folder: one of folder, synset is needed")]
    [InlineData("synset,category\nn01440764,fish\n", "no metadata column 'categories', which the set 'imagenet' names; there are: category, folder")]
    [InlineData("synset,categories\n", "classes.csv: names no folder")]
    [InlineData("synset,categories,part\nn01440764,fish\n", "row 2 has 2 fields where the header has 3")]
    [InlineData(null, "classes.csv: no such file")]
    public void A_table_that_cannot_be_meant_is_refused(string? table, string message)
    {
        File.Delete(_temp["classes.csv"]);
        if (table is not null)
        {
            File.WriteAllText(_temp["classes.csv"], table);
        }

        Assert.Contains(message, Assert.Throws<WhenceException>(() => Load(ImageNet)).Message);
    }

    [Fact]
    public void Images_without_folders_have_no_column_of_that_name()
    {
        Write("flat/a.jpg", "flat/b.jpg");
        Assert.Contains("no metadata column 'folder', which the set 'artchive' names; there are: none", Assert.Throws<WhenceException>(() => Load(Artists with { Images = ["flat"] })).Message);
    }

    [Fact]
    public void What_is_no_image_is_told_and_another_of_its_class_becomes_the_exemplar()
    {
        var recipe = AbcFixture.Write(_temp.Path, text => text
            .Replace("\"images\": [\"things\"], \"metadata\": \"about.csv\", \"category\": \"kind\", \"group\": \"family\"", "\"images\": [\"imagenet/train\"], \"folders\": \"classes.csv\", \"category\": \"categories\", \"class\": \"folder\"")
            .Replace("{ \"train\": 2, \"validation\": 1, \"test\": 1, \"unobserved\": 1 }", "{ \"train\": 3 }"));
        foreach (var i in Enumerable.Range(0, 30))
        {
            File.WriteAllText(_temp["imagenet", "train", "n02085620", $"n02085620_{i}0.JPEG"], $"no image {i}");
        }

        var plan = AbcFixture.Plan(recipe);
        Assert.Equal(["dog", "dog", "fish"], plan.Models.Where(model => model.Set == "things").Select(model => model.Category).Order(StringComparer.Ordinal));
        Assert.Equal("n02085620_7.JPEG", plan.Models.Single(model => model.Group == "n02085620").Exemplars[0].Name);
        Assert.NotEmpty(plan.Unread);
        Assert.All(plan.Unread, image => Assert.Contains("n02085620", image.Path, StringComparison.Ordinal));
    }

    private IReadOnlyList<AbcImage> Load(AbcSet set)
    {
        var unread = new List<UnreadImage>();
        var images = AbcImages.LoadAsync(set, _temp.Path, null, unread, TestContext.Current.CancellationToken).GetAwaiter().GetResult();
        Assert.Empty(unread);
        return images;
    }

    // Each is another picture: equal ones count once.
    private void Write(params string[] paths)
    {
        foreach (var path in paths)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_temp[path])!);
            File.WriteAllBytes(_temp[path], TestImages.Png(_seed++));
        }
    }
}
