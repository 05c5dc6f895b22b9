using Whence.Datasets.Prompts;
using Whence.Tests.Cli.Chat;
using Whence.Tests.Cli.Download;

namespace Whence.Tests.Cli;

/// <summary><c>whence dataset prompts</c> and <c>whence dataset captions</c>, with a server on this machine in place of a chat model.</summary>
public sealed class DatasetChatCommandTests : IDisposable
{
    private const string Key = "secret-key";

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Prompts_wait_in_files_and_the_same_command_asks_for_what_is_missing()
    {
        string[] command = ["prompts", "--out", _temp["prompts"], "--category", "dog", "--styles", "--train", "2", "--validation", "1", "--test", "1"];
        using var server = new LocalServer(ChatServer.Says("1. A dog sleeps\n2. A dog eats\n3. A cat eats\n4. A dog runs\n5. A dog barks"), ChatServer.Says("[\"A river\", \"A hill\", \"A lake\", \"The river\", \"A wood\"]"), ChatServer.Says("A dog digs"));
        var (code, output, error) = await RunAsync(server, command);
        Assert.True(code == 0, error);
        Assert.Contains("dog.txt: 4 new prompts wait for approval; of what was answered 0 were there already and 1 cannot be used; 0 are still wanted.", output, StringComparison.Ordinal);
        Assert.Contains("styles.txt: 4 new prompts", output, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, output + error, StringComparison.Ordinal);
        Assert.All(server.Requests, r => Assert.Equal($"Bearer {Key}", r.Headers["Authorization"]));

        // Somebody approves all but one.
        var dog = _temp["prompts", "objects", "dog.txt"];
        File.WriteAllText(dog, File.ReadAllText(dog).Replace("? A <new1> {category} eats", "- A <new1> {category} eats", StringComparison.Ordinal).Replace("? ", "", StringComparison.Ordinal));
        Assert.Equal(3, PromptFolder.Load(_temp["prompts"]).ObjectsOf("dog").Prompts.Count);
        (code, output, error) = await RunAsync(server, command);
        Assert.True(code == 0, error);
        Assert.Contains("dog.txt: 1 new prompts", output, StringComparison.Ordinal);
        Assert.Equal(3, server.Requests.Count); // styles are all there
        Assert.Equal(["- A <new1> {category} eats", "? A <new1> {category} digs"], File.ReadLines(dog).Where(line => line.Length > 0 && line[0] is '-' or '?').Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_is_wrong_is_said_in_one_line_and_nothing_is_left()
    {
        using var server = new LocalServer(ChatServer.Fails("401 Unauthorized", $"Incorrect API key provided: {Key}"), ChatServer.Says("I would rather not."), ChatServer.Says("No."));
        var (code, output, error) = await RunAsync(server, "prompts", "--out", _temp["prompts"], "--category", "dog");
        Assert.Equal(2, code);
        Assert.Contains("refuses the key of WHENCE_CHAT_KEY", error, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, output + error, StringComparison.Ordinal);
        (code, _, error) = await RunAsync(server, "prompts", "--out", _temp["prompts"], "--category", "dog");
        Assert.Equal(2, code);
        Assert.Contains("hold no prompts with 'dog' as their subject; the last one begins 'No'", error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(_temp["prompts"], "*", SearchOption.AllDirectories));
        Assert.Contains("--category NAME, or --styles", (await RunAsync(server, "prompts", "--out", _temp["prompts"])).Error, StringComparison.Ordinal);
        Assert.Contains("cannot be asked for", (await RunAsync(server, "prompts", "--out", _temp["prompts"], "--category", "../dog")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Captions_are_written_into_a_table_once()
    {
        TestImages.WriteFolder(_temp["images"], 2);
        string[] command = ["captions", _temp["images"], "--out", _temp["captions.csv"]];
        using var server = new LocalServer(ChatServer.Says("A blue circle."), ChatServer.Says("I'm sorry, I cannot see it."), ChatServer.Says("A red circle"));
        var (code, output, error) = await RunAsync(server, command);
        Assert.True(code == 0, error);
        Assert.Contains("1 captions written of 2 images; 0 had one in the table, 0 beside them, 1 got none.", output, StringComparison.Ordinal);
        Assert.Contains("00001.png: no caption could be had", error, StringComparison.Ordinal);
        Assert.Contains("data:image/png;base64,", server.Requests.First().Body, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(server, command)).Code);
        Assert.Equal("key,caption\r\n00000.png,A blue circle\r\n00001.png,A red circle\r\n", File.ReadAllText(_temp["captions.csv"]));
        Assert.Equal(3, server.Requests.Count);
        Assert.Contains("ends in .csv", (await RunAsync(server, "captions", _temp["images"], "--out", _temp["captions"])).Error, StringComparison.Ordinal);
    }

    private static Task<(int Code, string Output, string Error)> RunAsync(LocalServer server, params string[] args) => CliProcess.RunAsync(
        new Dictionary<string, string> { ["WHENCE_CHAT_KEY"] = Key, ["no_proxy"] = "127.0.0.1" },
        ["dataset", .. args, "--endpoint", server.Url("v1"), "--chat-model", "tiny"]);
}
