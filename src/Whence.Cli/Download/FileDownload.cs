using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Whence.Cli.Download;

/// <summary>
/// Downloads a file over HTTP: goes on where an earlier run or a broken connection stopped, tries again where the trouble may pass and only
/// there, and takes no more bytes than were said. Whether they are the right ones, the caller checks.
/// </summary>
internal sealed class FileDownload(HttpClient client, DownloadOptions options)
{
    // As much as this is progress: the attempts are counted anew.
    private const long WorthTrying = 1 << 20;
    private const int BufferSize = 1 << 17;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>A client for downloads: follows redirections, not from https to http, and leaves it to <see cref="DownloadOptions.Stall"/> to give up.</summary>
    /// <param name="proxy">Whether the system's proxy is used.</param>
    public static HttpClient CreateClient(bool proxy = true)
    {
        var client = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30), UseProxy = proxy }) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("whence", typeof(FileDownload).Assembly.GetName().Version!.ToString(3)));
        return client;
    }

    /// <summary>Downloads into a part file, all of it.</summary>
    /// <param name="urls">Where the file is, in the order they are tried.</param>
    /// <param name="part">Receives it.</param>
    /// <param name="size">Its size in bytes; null where it is not known.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="remark">Is told why something is tried again.</param>
    /// <param name="cancellationToken">Stops; what came is kept.</param>
    /// <returns>True where some of the bytes may be of an earlier run.</returns>
    /// <exception cref="WhenceException">It cannot be had; what came is kept where it may be used later.</exception>
    public async Task<bool> RunAsync(
        IReadOnlyList<string> urls, PartFile part, long? size, IProgress<DownloadProgress> progress, Action<string> remark, CancellationToken cancellationToken)
    {
        // What came from one address can be gone on with there only.
        var begun = part.Read()?.Url;
        string[] order = [.. urls.OrderBy(url => url != begun)];
        for (var i = 0; ; i++)
        {
            try
            {
                await FetchAsync(order[i], part, size, progress, remark, cancellationToken);
                return begun is not null;
            }
            catch (WhenceException e) when (i < order.Length - 1)
            {
                remark($"{e.Message} Trying {order[i + 1]}.");
            }
        }
    }

    private async Task FetchAsync(
        string url, PartFile part, long? size, IProgress<DownloadProgress> progress, Action<string> remark, CancellationToken cancellationToken)
    {
        for (var failures = 0; ;)
        {
            var before = part.Length;
            try
            {
                await AttemptAsync(url, part, size, progress, cancellationToken);
                return;
            }
            catch (PassingException e)
            {
                failures = part.Length - before >= WorthTrying ? 1 : failures + 1;
                if (failures >= options.Attempts)
                {
                    throw new WhenceException($"{url}: {e.Message}, {failures} times in a row.", e);
                }

                var wait = e.After ?? TimeSpan.FromSeconds(1 << Math.Min(failures - 1, 5));
                wait = wait < TimeSpan.Zero ? TimeSpan.Zero : wait > LongestWait ? LongestWait : wait;
                remark(string.Create(CultureInfo.InvariantCulture, $"{e.Message}; trying again in {wait.TotalSeconds:F0} s"));
                await options.Wait(wait, cancellationToken);
            }
        }
    }

    private async Task AttemptAsync(string url, PartFile part, long? size, IProgress<DownloadProgress> progress, CancellationToken cancellationToken)
    {
        var origin = part.Read();
        if (origin is null || origin.Url != url || (origin.Condition is null && origin.Total != part.Length))
        {
            Guard(part, part.Delete);
            origin = null;
        }

        if (origin is not null && origin.Total == part.Length)
        {
            return;
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (origin is not null)
        {
            request.Headers.Range = new RangeHeaderValue(part.Length, null);
            request.Headers.IfRange = origin.Condition;
        }

        using var response = await WatchAsync(token => client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token), cancellationToken);
        var from = StartOf(url, response, part, origin is not null);
        var length = response.Content.Headers.ContentLength;
        var total = response.Content.Headers.ContentRange?.Length ?? (length is { } rest ? from + rest : null);
        if (size is not null && total is not null && total != size)
        {
            throw new WhenceException($"{url}: has {total:N0} bytes, but {size:N0} are published: it is another file.");
        }

        var most = Math.Min(total ?? size ?? long.MaxValue, options.MaxBytes);
        if (total > options.MaxBytes)
        {
            throw new WhenceException($"{url}: has {total:N0} bytes, more than the limit of {options.MaxBytes:N0}.");
        }

        Guard(part, () => part.Write(PartFile.Origin.Of(url, response, total)));
        await using var content = await WatchAsync(response.Content.ReadAsStreamAsync, cancellationToken);
        await CopyAsync(url, content, part, from, most, total, progress, cancellationToken);
        if ((total ?? size) is { } all && part.Length < all)
        {
            throw new PassingException($"the connection ended at {part.Length:N0} of {all:N0} bytes");
        }
    }

    /// <summary>The byte that an answer begins with; an answer that is none ends the attempt, or all of them.</summary>
    private long StartOf(string url, HttpResponseMessage response, PartFile part, bool asked)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                Guard(part, part.Delete);
                return 0;
            case HttpStatusCode.PartialContent when asked && response.Content.Headers.ContentRange is { Unit: "bytes", From: { } from } && from == part.Length:
                return from;
            case HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable when asked:
                Guard(part, part.Delete);
                throw new PassingException("the server has another part than was asked for, so it begins anew") { After = TimeSpan.Zero };
            case HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway
                or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout:
                var retry = response.Headers.RetryAfter;
                throw new PassingException($"the server says {Status(response)}") { After = retry?.Delta ?? (retry?.Date - options.Clock.GetUtcNow()) };
            default:
                throw new WhenceException($"{url}: the server says {Status(response)}.");
        }
    }

    private async Task CopyAsync(
        string url, Stream content, PartFile part, long from, long most, long? total, IProgress<DownloadProgress> progress, CancellationToken cancellationToken)
    {
        await using var file = Guard(part, () => new FileStream(part.Path, from == 0 ? FileMode.Create : FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0));
        var buffer = new byte[BufferSize];
        var received = from;
        progress.Report(new DownloadProgress(received, total));
        for (int read; (read = await WatchAsync(token => content.ReadAsync(buffer, token).AsTask(), cancellationToken)) > 0;)
        {
            received += read;
            if (received > most)
            {
                throw new WhenceException($"{url}: sends more than {most:N0} bytes.");
            }

            Guard(part, () => file.Write(buffer, 0, read));
            progress.Report(new DownloadProgress(received, total));
        }

        Guard(part, () => file.Flush(flushToDisk: true));
    }

    /// <summary>Does something over the network: gives up when nothing comes for long, and tells trouble that may pass from trouble that will not.</summary>
    private async Task<T> WatchAsync<T>(Func<CancellationToken, Task<T>> action, CancellationToken cancellationToken)
    {
        using var stall = new CancellationTokenSource(options.Stall, options.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stall.Token, cancellationToken);
        try
        {
            return await action(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PassingException(string.Create(CultureInfo.InvariantCulture, $"nothing came for {options.Stall.TotalSeconds:F0} s"));
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError
            or HttpRequestError.UserAuthenticationError or HttpRequestError.VersionNegotiationError or HttpRequestError.ConfigurationLimitExceeded)
        {
            throw new WhenceException($"The server cannot be reached: {OneLine(e)}.", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new PassingException(OneLine(e));
        }
    }

    private static void Guard(PartFile part, Action action) => Guard(part, () =>
    {
        action();
        return true;
    });

    private static T Guard<T>(PartFile part, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException(
                $"'{part.Path}' cannot be written: {OneLine(e)}. The {part.Length:N0} bytes that came are kept; make room or allow writing, and run the same command again.", e);
        }
    }

    private static string OneLine(Exception e) => (e.InnerException is { Message: var inner } && !e.Message.Contains(inner, StringComparison.Ordinal) ? $"{e.Message} ({inner})" : e.Message)
        .ReplaceLineEndings(" ").TrimEnd('.');

    // The words are the server's: nothing in them may act on a terminal.
    private static string Status(HttpResponseMessage response) =>
        string.Concat($"{(int)response.StatusCode} {response.ReasonPhrase}".Where(letter => !char.IsControl(letter))).TrimEnd();

    /// <summary>Trouble that may pass.</summary>
    private sealed class PassingException(string message) : Exception(message)
    {
        /// <summary>When to try again, where the server says so.</summary>
        public TimeSpan? After { get; init; }
    }
}
