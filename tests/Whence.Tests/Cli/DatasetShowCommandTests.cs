using System.Globalization;
using Whence.Cli;
using Whence.Tests.Reports;

namespace Whence.Tests.Cli;

public sealed class DatasetShowCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task It_says_what_to_open_and_where_images_were_copied()
    {
        TinyDataset.Write(_temp["home", "abc"]);
        var (code, output, error) = await RunAsync(_temp["home", "abc"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal($"{_temp["home", "abc", "site", "index.html"]}: 7 models, 44 images; open it in a browser.\n", output.ReplaceLineEndings("\n"));
        Assert.True(File.Exists(_temp["home", "abc", "site", "index.html"]));
        Assert.Contains("44 images, which were copied; open", (await RunAsync(_temp["home", "abc"], "--out", _temp["pages"])).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_no_data_set_gives_one_line()
    {
        var (code, _, error) = await RunAsync(_temp.Path);
        Assert.Equal(2, code);
        Assert.Contains("has no dataset.json", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        using var error = new StringWriter(CultureInfo.InvariantCulture);
        return (await WhenceCommand.RunAsync(["dataset", "show", .. args], output, error), output.ToString(), error.ToString());
    }
}
