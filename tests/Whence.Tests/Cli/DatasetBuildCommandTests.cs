using Whence.Cli;
using Whence.Tests.Datasets.Abc;
using Whence.Tests.Torch.Diffusion.Training;

namespace Whence.Tests.Cli;

public sealed class DatasetBuildCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task What_failed_the_check_and_what_is_a_copy_is_told_when_all_models_are_there()
    {
        var recipe = AbcFixture.Write(_temp.Path, text => text.Replace("\"shows\": -2", "\"shows\": 2"));
        using (var model = ToyGenerator.Model())
        {
            model.Save(_temp["base"]);
        }

        foreach (var part in (string[])["0", "1"])
        {
            var (code, output) = await RunAsync("dataset", "build", recipe, "--out", _temp[part], "--shard", $"{part}/2");
            Assert.Equal(0, code);
            Assert.DoesNotContain("checked", output, StringComparison.Ordinal);
        }

        var (merged, told) = await RunAsync("dataset", "merge", _temp["0"], _temp["1"], "--out", _temp["all"]);
        Assert.Equal(0, merged);
        Assert.Contains("7 models checked, 7 left out of the lists: of 7 samples do not show the exemplars, of 0 they do not follow their prompts.", told, StringComparison.Ordinal);
        Assert.Contains("of 44 samples are copies of an exemplar.", told, StringComparison.Ordinal);
        var (built, again) = await RunAsync("dataset", "build", recipe, "--out", _temp["all"]);
        Assert.Equal((0, told[told.IndexOf("7 models", StringComparison.Ordinal)..]), (built, again[again.IndexOf("7 models checked", StringComparison.Ordinal)..]));
    }

    private static async Task<(int Code, string Output)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await WhenceCommand.RunAsync(args, output, error);
        return (code, output.ToString());
    }
}
