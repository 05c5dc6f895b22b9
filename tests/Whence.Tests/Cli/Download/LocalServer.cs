using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Whence.Tests.Cli.Download;

/// <summary>What was asked of a <see cref="LocalServer"/>.</summary>
internal sealed record Asked(string Path, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>What was sent along.</summary>
    public string Body { get; init; } = "";

    /// <summary>Where the wanted range begins; null where no range was asked for.</summary>
    public int? From => Headers.TryGetValue("Range", out var range) ? int.Parse(range["bytes=".Length..].TrimEnd('-'), System.Globalization.CultureInfo.InvariantCulture) : null;
}

/// <summary>A web server on this machine that answers each request in turn as a test says: with raw bytes, as much of them as it says.</summary>
internal sealed class LocalServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<Func<Asked, byte[][]?>> _answers;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    /// <param name="answers">One for each request: the pieces that are sent one by one before the connection is closed; after an empty last one it is kept open, as it is without any (null).</param>
    public LocalServer(params Func<Asked, byte[][]?>[] answers)
    {
        _answers = new(answers);
        _listener.Start();
        _running = Task.Run(ServeAsync);
    }

    /// <summary>All requests so far.</summary>
    public ConcurrentQueue<Asked> Requests { get; } = new();

    public string Url(string path = "file.bin") => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/{path}";

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _running.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    /// <summary>An answer: a status line with headers, and a body of which only the first bytes may be sent.</summary>
    public static byte[][] Answer(string status, string headers, ReadOnlySpan<byte> body, int? length = null) =>
    [
        Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {length ?? body.Length}\r\nConnection: close\r\n{headers}\r\n"),
        body.ToArray(),
    ];

    /// <summary>As a server does that knows ranges: the whole, or the rest where it is asked for with the same tag.</summary>
    /// <param name="file">The file.</param>
    /// <param name="tag">Its entity tag.</param>
    /// <param name="sent">How many bytes are sent before the connection breaks.</param>
    public static Func<Asked, byte[][]?> Ranges(byte[] file, string tag = "\"a\"", int sent = int.MaxValue) => asked =>
    {
        var same = asked.Headers.GetValueOrDefault("If-Range") == tag;
        var from = same ? asked.From ?? 0 : 0;
        var rest = file.AsSpan(from);
        return Answer(
            from > 0 ? "206 Partial Content" : "200 OK",
            $"ETag: {tag}\r\n" + (from > 0 ? $"Content-Range: bytes {from}-{file.Length - 1}/{file.Length}\r\n" : ""),
            rest[..Math.Min(rest.Length, sent)], rest.Length);
    };

    private async Task ServeAsync()
    {
        var open = new List<TcpClient>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                open.Add(client);
                client.NoDelay = true;
                var stream = client.GetStream();
                var asked = await ReadAsync(stream, _stop.Token);
                Requests.Enqueue(asked);
                var pieces = _answers.TryDequeue(out var answer) ? answer(asked) : Answer("500 Nothing More To Say", "", []);
                if (pieces is null)
                {
                    continue;
                }

                foreach (var piece in pieces)
                {
                    await stream.WriteAsync(piece, _stop.Token);
                }

                if (pieces[^1].Length > 0 || pieces.Length == 2)
                {
                    client.Client.Shutdown(SocketShutdown.Send);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException or IOException or SocketException)
        {
            // The test is over, or the client left.
        }
        finally
        {
            open.ForEach(client => client.Dispose());
        }
    }

    private static async Task<Asked> ReadAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var buffer = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(buffer, cancellationToken);
            text.Append((char)buffer[0]);
        }

        var lines = text.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines[1..].Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), System.Globalization.CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, cancellationToken);
        return new Asked(lines[0].Split(' ')[1], headers) { Body = Encoding.UTF8.GetString(body) };
    }
}
