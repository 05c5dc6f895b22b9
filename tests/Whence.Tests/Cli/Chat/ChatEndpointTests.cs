using Microsoft.Extensions.AI;
using Whence.Cli.Chat;
using Whence.Tests.Cli.Download;

namespace Whence.Tests.Cli.Chat;

/// <summary>A chat model over HTTP; the server is one on this machine.</summary>
public class ChatEndpointTests
{
    private readonly List<TimeSpan> _waits = [];
    private readonly List<string> _remarks = [];

    [Fact]
    public async Task The_model_is_asked_at_its_address_with_the_key()
    {
        using var server = new LocalServer(ChatServer.Says("hello"));
        Assert.Equal("hello", await AskAsync(server.Url("v1"), "secret-key"));
        var asked = server.Requests.Single();
        Assert.Equal("/v1/chat/completions", asked.Path);
        Assert.Equal("Bearer secret-key", asked.Headers["Authorization"]);
        Assert.Contains("\"model\":\"tiny\"", asked.Body, StringComparison.Ordinal);
        Assert.Contains("what?", asked.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_may_pass_is_tried_again_and_waits_longer_each_time()
    {
        using var server = new LocalServer(
            ChatServer.Fails("503 Service Unavailable"), ChatServer.Fails("429 Too Many Requests", headers: "Retry-After: 7\r\n"), _ => [[], []], ChatServer.Says("at last"));
        Assert.Equal("at last", await AskAsync(server.Url("v1")));
        Assert.Equal(3, _waits.Count);
        Assert.True(_waits[1] >= TimeSpan.FromSeconds(7), $"{_waits[1]}");
        Assert.True(_waits[2] > _waits[0]);
        Assert.Contains("says 503", _remarks[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("401 Unauthorized", null, 1, "wants a key", "WHENCE_CHAT_KEY")]
    [InlineData("401 Unauthorized", "secret-key", 1, "refuses the key of WHENCE_CHAT_KEY", "wrong key: ***")]
    [InlineData("404 Not Found", null, 1, "no model 'tiny'", "/v1")]
    [InlineData("400 Bad Request", null, 1, "says", "400")]
    [InlineData("500 Internal Server Error", null, 5, "says", "500")]
    public async Task What_will_not_pass_is_an_error_that_says_what_to_do_and_never_the_key(string status, string? key, int times, string expected, string also)
    {
        using var server = new LocalServer([.. Enumerable.Repeat(ChatServer.Fails(status, "wrong key: secret-key"), times)]);
        var message = (await Assert.ThrowsAsync<WhenceException>(() => AskAsync(server.Url("v1"), key))).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(also, message, StringComparison.Ordinal);
        Assert.StartsWith(server.Url("v1"), message, StringComparison.Ordinal);
        Assert.True(key is null || !message.Contains(key, StringComparison.Ordinal), message);
        Assert.Equal(times, server.Requests.Count);
    }

    [Theory]
    [InlineData("<html>Welcome to nginx</html>")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"choices\": []}")]
    [InlineData("{\"choices\": 7}")]
    [InlineData("")]
    public async Task Garbage_is_an_error_or_an_empty_answer(string body)
    {
        using var server = new LocalServer(_ => LocalServer.Answer("200 OK", "", System.Text.Encoding.UTF8.GetBytes(body)));
        try
        {
            Assert.Equal("", await AskAsync(server.Url("v1")));
        }
        catch (WhenceException e)
        {
            Assert.StartsWith(server.Url("v1"), e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Nobody_there_and_no_answer_in_time_are_told_apart()
    {
        string url;
        using (var gone = new LocalServer())
        {
            url = gone.Url("v1");
        }

        Assert.Contains("cannot be reached", (await Assert.ThrowsAsync<WhenceException>(() => AskAsync(url))).Message, StringComparison.Ordinal);
        Assert.Equal(4, _waits.Count);
        using var silent = new LocalServer([.. Enumerable.Repeat<Func<Asked, byte[][]?>>(_ => null, 5)]);
        Assert.Contains("no answer within", (await Assert.ThrowsAsync<WhenceException>(() => AskAsync(silent.Url("v1"), timeout: TimeSpan.FromMilliseconds(50)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wait_can_be_interrupted()
    {
        using var server = new LocalServer([.. Enumerable.Repeat(ChatServer.Fails("503 Service Unavailable"), 5)]);
        using var stop = new CancellationTokenSource();
        using var chat = ChatEndpoint.Open(server.Url("v1"), "tiny", new ChatEndpointOptions
        {
            Wait = (_, cancellation) =>
            {
                stop.Cancel();
                return Task.Delay(Timeout.Infinite, cancellation);
            },
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => chat.GetResponseAsync("what?", cancellationToken: stop.Token));
    }

    [Theory]
    [InlineData("localhost:11434", "tiny")]
    [InlineData("ftp://example.org", "tiny")]
    [InlineData("http://me:secret@example.org/v1", "tiny")]
    [InlineData("http://localhost/v1", " ")]
    public void What_is_no_address_or_no_name_is_refused_without_repeating_it(string endpoint, string model)
    {
        var message = Assert.Throws<WhenceException>(() => ChatEndpoint.Open(endpoint, model, new ChatEndpointOptions())).Message;
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_others_could_read_is_remarked_upon()
    {
        ChatEndpoint.Open("http://example.org/v1", "tiny", new ChatEndpointOptions { Key = "secret", Remark = _remarks.Add }).Dispose();
        Assert.Contains("over http", _remarks.Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", _remarks.Single(), StringComparison.Ordinal);
    }

    private async Task<string> AskAsync(string endpoint, string? key = null, TimeSpan? timeout = null)
    {
        using var chat = ChatEndpoint.Open(endpoint, "tiny", new ChatEndpointOptions
        {
            Key = key,
            Timeout = timeout ?? TimeSpan.FromMinutes(1),
            Remark = _remarks.Add,
            Wait = (wait, _) =>
            {
                _waits.Add(wait);
                return Task.CompletedTask;
            },
        });
        return (await chat.GetResponseAsync("what?")).Text;
    }
}
