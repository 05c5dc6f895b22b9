using Whence.Encoders;
using Whence.Tests.Cli.Download;
using Whence.Tests.Datasets.Emoji;

namespace Whence.Tests.Cli;

/// <summary>Making a data set, from packages in a folder and from a registry on this machine.</summary>
public sealed class DatasetCommandTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task A_folder_of_packages_becomes_a_data_set_and_its_report()
    {
        var packages = new TinyPackages(_temp);
        var (code, output, error) = await RunAsync(packages, "--packages", packages.Folder, "--size", "16");
        Assert.True(code == 0, error);
        Assert.Contains("train.tar", output, StringComparison.Ordinal);
        Assert.Contains("6 drawings of 3 objects by 2 designers", output, StringComparison.Ordinal);
        Assert.Contains("Dropped: 0 broken drawings, 0 blank drawings", output, StringComparison.Ordinal);
        Assert.Contains("NOTICE.md", error, StringComparison.Ordinal);
        Assert.Equal(
            [".lock", "NOTICE.md", "dataset.json", "held-out-both.tar", "held-out-objects.tar", "held-out-styles.tar", "styles.png", "train.tar"],
            Directory.GetFiles(_temp["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.DoesNotContain("Share-alike", output, StringComparison.Ordinal);
        Assert.Contains("\"size\": 16", File.ReadAllText(_temp["out", "dataset.json"]), StringComparison.Ordinal);

        File.Delete(Path.Combine(packages.Folder, "set-second-1.0.0.tgz"));
        (code, _, error) = await RunAsync(packages, "--packages", packages.Folder);
        Assert.Equal(2, code);
        Assert.Contains("npm pack @set/second@1.0.0", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Packages_are_fetched_once_and_one_that_was_broken_off_goes_on()
    {
        var packages = new TinyPackages(_temp);
        byte[][] files = [.. new[] { "emoji-names", "set-first", "set-second" }.Select(f => File.ReadAllBytes(Path.Combine(packages.Folder, f + "-1.0.0.tgz")))];
        using (var server = new LocalServer(LocalServer.Ranges(files[0]), LocalServer.Ranges(files[1], sent: 100), LocalServer.Ranges(files[1]), LocalServer.Ranges(files[2])))
        {
            var (code, _, error) = await RunAsync(packages, "--registry", server.Url("npm"));
            Assert.True(code == 0, error);
            Assert.Contains("@set/first 1.0.0: licence CC0-1.0; Maker of @set/first, https://example.org/art", error, StringComparison.Ordinal);
            Assert.Equal(["/npm/emoji-names/-/emoji-names-1.0.0.tgz", "/npm/@set/first/-/first-1.0.0.tgz"], server.Requests.Take(2).Select(r => r.Path));
            Assert.Equal(100, server.Requests.ElementAt(2).From);
        }

        var again = await RunAsync(packages, "--registry", "http://127.0.0.1:1/"); // nobody is there, and nobody is asked
        Assert.True(again.Code == 0, again.Error);
    }

    [Fact]
    public async Task A_wrong_package_is_thrown_away_and_the_message_says_what_to_do()
    {
        var packages = new TinyPackages(_temp);
        using var server = new LocalServer(_ => LocalServer.Answer("200 OK", "", new byte[9]), _ => LocalServer.Answer("404 Not Found", "", []));
        var (code, _, error) = await RunAsync(packages, "--registry", server.Url(""));
        Assert.Equal(2, code);
        Assert.Contains("is not emoji-names 1.0.0", error, StringComparison.Ordinal);
        Assert.Equal([".lock"], Directory.GetFiles(_temp["home", "packages"]).Select(Path.GetFileName));
        (code, _, error) = await RunAsync(packages, "--registry", server.Url(""));
        Assert.Equal(2, code);
        Assert.Contains("--packages", error, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync(packages, "--registry", "ftp://example.org")).Code);
        Assert.Equal(2, (await RunAsync(packages, "--registry", server.Url(""), "--packages", packages.Folder)).Code);
    }

    [Fact]
    public async Task A_recipe_that_does_not_fit_and_a_folder_of_others_are_refused_before_anything_is_fetched()
    {
        var packages = new TinyPackages(_temp);
        const string Nobody = "http://127.0.0.1:1/";
        packages.Save("""{ "format": "whence-emoji", "version": 1, "heldOutDesigners": ["third"] }""");
        Assert.Contains("'heldOutDesigners': there is no designer of the style 'third'", (await RunAsync(packages, "--registry", Nobody)).Error, StringComparison.Ordinal);
        packages.Save();
        Assert.Contains("'size' is 9", (await RunAsync(packages, "--registry", Nobody, "--size", "9")).Error, StringComparison.Ordinal);
        Directory.CreateDirectory(_temp["out"]);
        File.WriteAllText(_temp["out", "train.tar"], "");
        Assert.Contains("holds train.tar", (await RunAsync(packages, "--registry", Nobody)).Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_temp["home"]));
    }

    [Fact]
    public async Task Share_alike_licences_are_told()
    {
        var packages = new TinyPackages(_temp);
        packages.Lock["drawings"]![1]!["licence"] = "CC-BY-SA-4.0";
        packages.Save();
        Assert.Contains("Share-alike: what is made of pictures of second (CC-BY-SA-4.0) must be", (await RunAsync(packages, "--packages", packages.Folder)).Output, StringComparison.Ordinal);
        Assert.Contains("**Share-alike.** Pictures of the styles second (CC-BY-SA-4.0)", File.ReadAllText(_temp["out", "NOTICE.md"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Licences_whose_text_is_to_be_added_are_told()
    {
        var packages = new TinyPackages(_temp);
        packages.Lock["names"]!["licence"] = "ISC";
        packages.Save();
        Assert.Contains("has to add to NOTICE.md the text of ISC (emoji-names).", (await RunAsync(packages, "--packages", packages.Folder)).Output, StringComparison.Ordinal);
        Assert.Contains("## ISC: emoji-names\n", File.ReadAllText(_temp["out", "NOTICE.md"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupted_it_says_that_it_begins_anew_with_the_packages_that_were_fetched()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals");
        var packages = new TinyPackages(_temp);
        Directory.CreateDirectory(_temp["home", "packages"]);
        using var server = new LocalServer(LocalServer.Ranges(File.ReadAllBytes(Path.Combine(packages.Folder, "emoji-names-1.0.0.tgz"))), _ => null); // the second one never comes
        var (code, error) = await CliProcess.StopAsync(
            new FileSystemWatcher(_temp["home", "packages"], "*.tgz"), WatcherChangeTypes.Renamed, at: 1, CliProcess.Interrupt, Environment,
            ["dataset", "emoji", .. Options(packages), "--registry", server.Url("npm")]);
        Assert.Equal(130, code);
        Assert.EndsWith("packages that were fetched are kept, and the same command makes the data set from the beginning.\n", error, StringComparison.Ordinal);
        Assert.True(File.Exists(_temp["home", "packages", "emoji-names-1.0.0.tgz"]));
        Assert.False(Directory.Exists(_temp["out"]));
    }

    private Dictionary<string, string> Environment => new() { [WhenceHome.Variable] = _temp["home"], ["no_proxy"] = "127.0.0.1" };

    private string[] Options(TinyPackages packages) => ["--out", _temp["out"], "--lock", packages.LockPath, "--recipe", packages.RecipePath];

    private Task<(int Code, string Output, string Error)> RunAsync(TinyPackages packages, params string[] args) => CliProcess.RunAsync(Environment, ["dataset", "emoji", .. Options(packages), .. args]);
}
