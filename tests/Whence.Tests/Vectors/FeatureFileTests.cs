using System.IO.Compression;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

public class FeatureFileTests
{
    private static readonly float[] Values = [1, 2, 3, 4, 5, 6];

    [Theory]
    [InlineData("x.npy")]
    [InlineData("x.npz")]
    [InlineData("x.safetensors")]
    [InlineData("x.npz::arr_0")]
    [InlineData("x.safetensors::feats")]
    public void Rows_are_read_from_every_format(string name)
    {
        using var temp = new TempFolder();
        Write(temp, TensorData.FromSingle("feats", Values, 3, 2), TensorData.FromSingle("other", [0, 0], 1, 2));

        using var file = FeatureFile.Open(temp[name]);

        Assert.Equal((3, 2), (file.Rows, file.Columns));
        Assert.Null(file.Names);
        var rows = new float[4];
        file.ReadRows(1, rows);
        Assert.Equal([3, 4, 5, 6], rows);
    }

    [Fact]
    public void The_authors_features_have_names()
    {
        using var file = FeatureFile.Open(SharedData.Get("reference", "evaluation", "laion_subset.pth"));
        Assert.Equal((4000, 64), (file.Rows, file.Columns));
        Assert.Equal(4000, file.Names!.Count);
        using var exemplars = FeatureFile.Open(SharedData.Get("reference", "evaluation", "test_case.pth") + "::exemplar_tensors");
        Assert.Equal((204, 64), (exemplars.Rows, exemplars.Columns));
    }

    [Fact]
    public void Beside_a_test_case_the_distractors_need_no_name()
    {
        using var file = FeatureFile.Open(SharedData.Get("reference", "evaluation", "features.safetensors"));
        Assert.Equal((4000, 64), (file.Rows, file.Columns));
    }

    [Theory]
    [InlineData("x.npy::feats", "leave '::feats' out")]
    [InlineData("x.npz::feats", "arr_0")]
    [InlineData("x.safetensors::none", "first, second")]
    [InlineData("x.safetensors", "first, second")]
    [InlineData("missing.npy", "does not exist")]
    public void What_is_not_there_is_named(string name, string expected)
    {
        using var temp = new TempFolder();
        Write(temp, TensorData.FromSingle("first", Values, 3, 2), TensorData.FromSingle("second", [0, 0], 1, 2));
        Assert.Contains(expected, Assert.Throws<WhenceException>(() => FeatureFile.Open(temp[name])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_but_rows_of_numbers_is_taken()
    {
        using var temp = new TempFolder();
        Write(temp, TensorData.FromSingle("feats", [], 0, 2));
        Assert.Contains("[0, 2]", Assert.Throws<WhenceException>(() => FeatureFile.Open(temp["x.safetensors"])).Message, StringComparison.Ordinal);
        Write(temp, TensorData.FromSingle("feats", Values, 3, 2, 1));
        Assert.Throws<WhenceException>(() => FeatureFile.Open(temp["x.safetensors::feats"]));
    }

    private static void Write(TempFolder temp, params TensorData[] tensors)
    {
        SafetensorsFile.Write(temp["x.safetensors"], tensors);
        using (var npy = File.Create(temp["x.npy"]))
        {
            NpyFile.Write(npy, Values, 2);
        }

        File.Delete(temp["x.npz"]);
        using var zip = new ZipArchive(File.Create(temp["x.npz"]), ZipArchiveMode.Create);
        zip.CreateEntryFromFile(temp["x.npy"], "arr_0.npy");
    }
}
