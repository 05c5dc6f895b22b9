using System.Text;
using Whence.Cli.Download;

namespace Whence.Tests.Cli.Download;

public sealed class FileDownloadTests : IDisposable
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 31 >> 3))];

    private readonly TempFolder _temp = new();
    private readonly List<TimeSpan> _waits = [];
    private readonly List<string> _remarks = [];
    private readonly List<DownloadProgress> _progress = [];

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task A_file_comes_whole_with_progress()
    {
        using var server = new LocalServer(LocalServer.Ranges(Bytes));
        Assert.False(await RunAsync(server, Bytes.Length));
        Assert.Equal(Bytes, Here());
        Assert.Equal(new DownloadProgress(Bytes.Length, Bytes.Length), _progress[^1]);
        Assert.Empty(_waits);
    }

    [Fact]
    public async Task What_breaks_off_goes_on_at_the_same_byte()
    {
        using var server = new LocalServer(LocalServer.Ranges(Bytes, sent: 30_000), LocalServer.Ranges(Bytes, sent: 50_000), LocalServer.Ranges(Bytes));
        await RunAsync(server, Bytes.Length);
        Assert.Equal(Bytes, Here());
        Assert.Equal([null, 30_000, 80_000], server.Requests.Select(asked => asked.From));
        Assert.Equal([TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)], _waits);
        Assert.All(_progress.Zip(_progress.Skip(1)), pair => Assert.True(pair.Second.Received >= pair.First.Received));
    }

    [Fact]
    public async Task A_later_run_goes_on_where_an_earlier_one_was_given_up()
    {
        using (var broken = new LocalServer([.. Enumerable.Repeat(LocalServer.Ranges(Bytes, sent: 10), 6)]))
        {
            var error = await Assert.ThrowsAsync<WhenceException>(() => RunAsync(broken, Bytes.Length));
            Assert.Contains("6 times in a row", error.Message, StringComparison.Ordinal);
            Assert.Equal([1, 2, 4, 8, 16], _waits.Select(wait => wait.TotalSeconds));
            Assert.Equal(60, Here().Length);
        }

        // The port is another one, so the beginning is told to belong to it.
        using var server = new LocalServer(LocalServer.Ranges(Bytes));
        var about = File.ReadAllText(_temp["part.json"]);
        File.WriteAllText(_temp["part.json"], System.Text.RegularExpressions.Regex.Replace(about, "127.0.0.1:[0-9]+", new Uri(server.Url()).Authority));
        Assert.True(await RunAsync(server, Bytes.Length));
        Assert.Equal(60, Assert.Single(server.Requests).From);
        Assert.Equal(Bytes, Here());
    }

    [Fact]
    public async Task A_file_that_was_changed_meanwhile_begins_anew()
    {
        var other = Bytes.Reverse().ToArray();
        using var server = new LocalServer(LocalServer.Ranges(Bytes, sent: 30_000), LocalServer.Ranges(other, "\"b\""));
        await RunAsync(server, Bytes.Length);
        Assert.Equal(other, Here());
    }

    [Theory]
    [InlineData("")] // no way to tell the file from another: no range is asked for
    [InlineData("ETag: W/\"weak\"\r\n")]
    public async Task Without_a_way_to_tell_the_file_from_another_it_begins_anew(string headers)
    {
        using var server = new LocalServer(
            _ => LocalServer.Answer("200 OK", headers, Bytes.AsSpan(0, 10), Bytes.Length), _ => LocalServer.Answer("200 OK", headers, Bytes));
        await RunAsync(server, Bytes.Length);
        Assert.All(server.Requests, asked => Assert.Null(asked.From));
        Assert.Equal(Bytes, Here());
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_begins_anew()
    {
        using var server = new LocalServer(
            _ => LocalServer.Answer("200 OK", "ETag: \"a\"\r\n", Bytes.AsSpan(0, 10), Bytes.Length), _ => LocalServer.Answer("200 OK", "ETag: \"a\"\r\n", Bytes));
        await RunAsync(server, Bytes.Length);
        Assert.Equal(10, server.Requests.Last().From);
        Assert.Equal(Bytes, Here());
    }

    [Theory]
    [InlineData("206 Partial Content", "Content-Range: bytes 0-99999/100000\r\n")]
    [InlineData("416 Range Not Satisfiable", "Content-Range: bytes */5\r\n")]
    public async Task An_answer_with_another_range_begins_anew(string status, string range)
    {
        using var server = new LocalServer(
            LocalServer.Ranges(Bytes, sent: 10), _ => LocalServer.Answer(status, range, Bytes), LocalServer.Ranges(Bytes));
        await RunAsync(server, null);
        Assert.Equal([null, 10, null], server.Requests.Select(asked => asked.From));
        Assert.Equal(Bytes, Here());
    }

    [Fact]
    public async Task What_is_whole_already_is_not_asked_for()
    {
        using var server = new LocalServer(LocalServer.Ranges(Bytes));
        await RunAsync(server, Bytes.Length);
        Assert.True(await RunAsync(server, Bytes.Length));
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_slow_server_is_waited_for()
    {
        using var server = new LocalServer(asked => [.. LocalServer.Ranges(Bytes[..300])(asked)!.SelectMany(piece => piece.Chunk(1))]);
        await RunAsync(server, 300);
        Assert.Equal(Bytes[..300], Here());
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_given_up()
    {
        using var server = new LocalServer([.. Enumerable.Repeat<Func<Asked, byte[][]?>>(_ => null, 6)]);
        var error = await Assert.ThrowsAsync<WhenceException>(() => RunAsync(server, null, new ImpatientClock()));
        Assert.Contains("nothing came for 60 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirections_are_followed_and_the_range_with_them()
    {
        Func<Asked, byte[][]?> elsewhere = _ => LocalServer.Answer("302 Found", "Location: /other\r\n", []);
        using var server = new LocalServer(elsewhere, LocalServer.Ranges(Bytes, sent: 7), elsewhere, LocalServer.Ranges(Bytes));
        await RunAsync(server, Bytes.Length);
        Assert.Equal(["/file.bin", "/other", "/file.bin", "/other"], server.Requests.Select(asked => asked.Path));
        Assert.Equal(7, server.Requests.Last().From);
        Assert.Equal(Bytes, Here());
    }

    [Theory]
    [InlineData("404 Not Found")]
    [InlineData("403 Forbidden")]
    [InlineData("410 Gone")]
    [InlineData("501 Not Implemented")]
    public async Task What_will_not_pass_is_not_tried_again(string status)
    {
        using var server = new LocalServer(_ => LocalServer.Answer(status, "", "an error page"u8));
        var error = await Assert.ThrowsAsync<WhenceException>(() => RunAsync(server, null));
        Assert.Contains($"the server says {status}", error.Message, StringComparison.Ordinal);
        Assert.Single(server.Requests);
        Assert.False(File.Exists(_temp["part"]));
    }

    [Fact]
    public async Task What_may_pass_is_tried_again_and_the_server_says_when()
    {
        using var server = new LocalServer(
            _ => LocalServer.Answer("503 Service Unavailable", "Retry-After: 7\r\n", []), _ => LocalServer.Answer("429 Too Many Requests", "Retry-After: 9999\r\n", []),
            _ => LocalServer.Answer("500 Oops", "", []), LocalServer.Ranges(Bytes));
        await RunAsync(server, Bytes.Length);
        Assert.Equal([7, 60, 4], _waits.Select(wait => wait.TotalSeconds));
        Assert.Equal(3, _remarks.Count);
        Assert.Equal(Bytes, Here());
    }

    [Fact]
    public async Task The_next_address_is_tried_where_one_has_nothing()
    {
        using var server = new LocalServer(_ => LocalServer.Answer("404 Not Found", "", []), LocalServer.Ranges(Bytes));
        await Download().RunAsync([server.Url("first"), server.Url("second")], Part, Bytes.Length, Progress, _remarks.Add, TestContext.Current.CancellationToken);
        Assert.Equal(Bytes, Here());
        Assert.Contains("/second", Assert.Single(_remarks), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_several_addresses_the_one_that_was_begun_goes_on()
    {
        using var server = new LocalServer(
            _ => LocalServer.Answer("404 Not Found", "", []), LocalServer.Ranges(Bytes, sent: 10), _ => LocalServer.Answer("403 Forbidden", "", []), LocalServer.Ranges(Bytes));
        string[] urls = [server.Url("first"), server.Url("second")];
        await Assert.ThrowsAsync<WhenceException>(() => Download().RunAsync(urls, Part, null, Progress, _remarks.Add, TestContext.Current.CancellationToken));
        await Download().RunAsync(urls, Part, null, Progress, _remarks.Add, TestContext.Current.CancellationToken);
        Assert.Equal(["/first", "/second", "/second", "/second"], server.Requests.Select(asked => asked.Path));
        Assert.Equal(10, server.Requests.Last().From);
        Assert.Equal(Bytes, Here());
    }

    [Fact]
    public async Task A_file_of_another_size_is_refused_before_it_is_fetched()
    {
        using var server = new LocalServer(LocalServer.Ranges(Bytes));
        var error = await Assert.ThrowsAsync<WhenceException>(() => RunAsync(server, 5));
        Assert.Contains("100,000 bytes, but 5 are published", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_temp["part"]));
    }

    [Fact]
    public async Task No_more_bytes_are_taken_than_were_published_or_are_allowed()
    {
        // A body without a length, which ends when the connection does.
        Func<Asked, byte[][]?> endless = _ => [Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), Bytes, Bytes];
        using var server = new LocalServer(endless, endless, LocalServer.Ranges(Bytes));
        Assert.Contains("sends more than", (await Assert.ThrowsAsync<WhenceException>(() => RunAsync(server, Bytes.Length))).Message, StringComparison.Ordinal);
        Assert.Contains("sends more than", (await Assert.ThrowsAsync<WhenceException>(() => RunAsync(server, null))).Message, StringComparison.Ordinal);
        Assert.InRange(Here().Length, 0, 150_000);
        Assert.Contains("more than the limit", (await Assert.ThrowsAsync<WhenceException>(() => RunAsync(server, null, limit: 99_999))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_without_a_length_that_ends_early_is_known_by_the_published_size()
    {
        Func<Asked, byte[][]?> early = _ => [Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), Bytes[..10]];
        using var server = new LocalServer(early, LocalServer.Ranges(Bytes));
        await RunAsync(server, Bytes.Length);
        Assert.Equal(Bytes, Here());
    }

    [Fact]
    public async Task Nobody_at_home_is_told_and_so_is_a_folder_that_cannot_be_written()
    {
        string url;
        using (var server = new LocalServer())
        {
            url = server.Url();
        }

        await Assert.ThrowsAsync<WhenceException>(() => Download().RunAsync([url], Part, null, Progress, _remarks.Add, TestContext.Current.CancellationToken));
        Assert.Equal(5, _waits.Count);
        using var working = new LocalServer(LocalServer.Ranges(Bytes));
        var error = await Assert.ThrowsAsync<WhenceException>(() => Download().RunAsync(
            [working.Url()], new PartFile(_temp["no", "folder"]), null, Progress, _remarks.Add, TestContext.Current.CancellationToken));
        Assert.Contains("cannot be written", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_download_keeps_what_came()
    {
        using var stop = new CancellationTokenSource();
        using var server = new LocalServer(LocalServer.Ranges(Bytes, sent: 50_000), LocalServer.Ranges(Bytes));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Download(wait: stop.Cancel).RunAsync([server.Url()], Part, null, Progress, _remarks.Add, stop.Token));
        Assert.Equal(Bytes[..50_000], Here());
        Assert.True(await RunAsync(server, null));
        Assert.Equal(Bytes, Here());
    }

    private PartFile Part => new(_temp["part"]);

    private IProgress<DownloadProgress> Progress => new Recorder(_progress);

    private byte[] Here() => File.Exists(_temp["part"]) ? File.ReadAllBytes(_temp["part"]) : [];

    private FileDownload Download(TimeProvider? clock = null, long? limit = null, Action? wait = null) => new(FileDownload.CreateClient(proxy: false), new DownloadOptions
    {
        Clock = clock ?? TimeProvider.System,
        MaxBytes = limit ?? 150_000,
        Wait = (time, cancellationToken) =>
        {
            _waits.Add(time);
            wait?.Invoke();
            cancellationToken.ThrowIfCancellationRequested();
            return Task.CompletedTask;
        },
    });

    private Task<bool> RunAsync(LocalServer server, long? size, TimeProvider? clock = null, long? limit = null) =>
        Download(clock, limit).RunAsync([server.Url()], Part, size, Progress, _remarks.Add, TestContext.Current.CancellationToken);

    private sealed class Recorder(List<DownloadProgress> list) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => list.Add(value);
    }

    /// <summary>A clock whose minutes are over at once.</summary>
    private sealed class ImpatientClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : TimeSpan.Zero, period);
    }
}
