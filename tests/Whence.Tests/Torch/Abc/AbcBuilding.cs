using Whence.Tests.Datasets.Abc;
using Whence.Tests.Torch.Diffusion.Training;
using Whence.Torch.Abc;

namespace Whence.Tests.Torch.Abc;

/// <summary>A recipe with a toy model, of which data sets are built.</summary>
public abstract class AbcBuilding : IDisposable
{
    private protected AbcBuilding()
    {
        Recipe = AbcFixture.Write(Temp.Path);
        using var model = ToyGenerator.Model();
        model.Save(Temp["base"]);
    }

    private protected TempFolder Temp { get; } = new();

    private protected string Recipe { get; }

    public void Dispose()
    {
        Temp.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected void Change(string old, string changed)
    {
        var text = File.ReadAllText(Recipe);
        Assert.Contains(old, text);
        File.WriteAllText(Recipe, text.Replace(old, changed));
    }

    private protected AbcBuilder Builder(string folder) => new(AbcFixture.Plan(Recipe), Temp["base"], Temp[folder]);

    private protected AbcBuilder Builder(string folder, int atOnce) => new(AbcFixture.Plan(Recipe), Temp["base"], Temp[folder]) { AtOnce = atOnce };

    private protected void AssertSame(string a, string b)
    {
        var (first, second) = (Files(a), Files(b));
        Assert.Equal(first.Keys, second.Keys);
        Assert.All(first, file => Assert.True(file.Value.AsSpan().SequenceEqual(second[file.Key]), file.Key));
    }

    private protected SortedDictionary<string, byte[]> Files(string folder) =>
        new(Directory.EnumerateFiles(Temp[folder], "*", SearchOption.AllDirectories).ToDictionary(path => Path.GetRelativePath(Temp[folder], path), File.ReadAllBytes), StringComparer.Ordinal);
}
