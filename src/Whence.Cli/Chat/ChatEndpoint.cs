using System.ClientModel;
using System.ClientModel.Primitives;
using System.Globalization;
using Microsoft.Extensions.AI;
using OpenAI;
using Whence.Cli.Download;

namespace Whence.Cli.Chat;

/// <summary>How a chat model is asked.</summary>
internal sealed record ChatEndpointOptions
{
    /// <summary>The key, where the endpoint wants one; null for none.</summary>
    public string? Key { get; init; }

    /// <summary>How long an answer may take. Default five minutes: a model on a processor is slow.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often it is tried again where the trouble may pass. Default 4.</summary>
    public int Retries { get; init; } = 4;

    /// <summary>Is told why something is tried again.</summary>
    public Action<string> Remark { get; init; } = _ => { };

    /// <summary>Waits before the next attempt.</summary>
    public Func<TimeSpan, CancellationToken, Task> Wait { get; init; } = Task.Delay;
}

/// <summary>
/// A chat model behind an OpenAI-compatible address: tried again where the trouble may pass, and all else is one <see cref="WhenceException"/> that says what to do. The key is sent to that address
/// and appears nowhere else.
/// </summary>
internal sealed class ChatEndpoint : DelegatingChatClient
{
    /// <summary>The variable that holds the key.</summary>
    public const string KeyVariable = "WHENCE_CHAT_KEY";

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly HttpClient _http;
    private readonly string _endpoint;
    private readonly string _model;
    private readonly ChatEndpointOptions _options;

    private ChatEndpoint(IChatClient client, HttpClient http, string endpoint, string model, ChatEndpointOptions options)
        : base(client) => (_http, _endpoint, _model, _options) = (http, endpoint, model, options);

    /// <summary>Opens it; nothing is sent yet.</summary>
    /// <param name="endpoint">What <c>/chat/completions</c> is added to, such as <c>http://localhost:11434/v1</c>.</param>
    /// <param name="model">The model's name there.</param>
    /// <param name="options">How it is asked.</param>
    /// <exception cref="WhenceException">The endpoint is no address.</exception>
    public static ChatEndpoint Open(string endpoint, string model, ChatEndpointOptions options)
    {
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.UserInfo.Length > 0 || uri.Query.Length > 0)
        {
            throw new WhenceException($"--endpoint must be an http or https address without a name, password or query, such as http://localhost:11434/v1; a key belongs into the environment variable {KeyVariable}.");
        }

        if (string.IsNullOrWhiteSpace(model))
        {
            throw new WhenceException("--chat-model must name a model that the endpoint has.");
        }

        if (options.Key is not null && uri is { Scheme: "http", IsLoopback: false })
        {
            options.Remark($"The key of {KeyVariable} goes to {uri.Host} over http, where others may read it.");
        }

        var http = FileDownload.CreateClient();
        var client = new OpenAIClient(
            new ApiKeyCredential(options.Key ?? "none"), // the client sends one always; servers without keys do not look at it
            new OpenAIClientOptions
            {
                Endpoint = uri,
                NetworkTimeout = options.Timeout,
                RetryPolicy = new Patience(options),
                Transport = new HttpClientPipelineTransport(http),
            });
        return new ChatEndpoint(client.GetChatClient(model).AsIChatClient(), http, endpoint.TrimEnd('/'), model, options);
    }

    /// <inheritdoc/>
    public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        try
        {
            return await base.GetResponseAsync(messages, options, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested(); // what went wrong before does not count any more
            throw Explain(e is AggregateException { InnerExceptions: [.., var last] } ? last : e);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            _http.Dispose();
        }
    }

    private WhenceException Explain(Exception error) => error switch
    {
        ClientResultException { Status: 401 or 403 } e => new WhenceException(
            _options.Key is null
                ? $"{_endpoint}: wants a key ({Said(e)}); set the environment variable {KeyVariable}."
                : $"{_endpoint}: refuses the key of {KeyVariable} ({Said(e)}); check it, and that it may use '{_model}'.",
            e),
        ClientResultException { Status: 404 } e => new WhenceException(
            $"{_endpoint}: has no /chat/completions, or no model '{_model}' ({Said(e)}); check --endpoint, which ends in /v1 for most servers, and --chat-model.", e),
        ClientResultException { Status: > 0 } e => new WhenceException($"{_endpoint}: the chat model's server says {Said(e)}.", e),
        OperationCanceledException or TimeoutException => new WhenceException(
            string.Create(CultureInfo.InvariantCulture, $"{_endpoint}: gave no answer within {_options.Timeout.TotalSeconds:F0} s; raise --timeout, or choose a faster model."), error),
        ClientResultException or HttpRequestException or IOException => new WhenceException($"{_endpoint}: cannot be reached: {Said(error)}. Does the server run?", error),
        _ => new WhenceException($"{_endpoint}: what it answers is no answer of a chat model ({Said(error)}); is it an OpenAI-compatible address?", error),
    };

    // The words may be the server's, who knows the key.
    private string Said(Exception error)
    {
        var said = string.Join(' ', error.Message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).TrimEnd('.');
        said = _options.Key is { } key ? said.Replace(key, "***", StringComparison.Ordinal) : said;
        return said.Length > 300 ? $"{said[..300]} ..." : said;
    }

    /// <summary>Waits twice as long after each failure, or as long as the server says; a minute at most.</summary>
    private sealed class Patience(ChatEndpointOptions options) : ClientRetryPolicy(options.Retries)
    {
        protected override TimeSpan GetNextDelay(PipelineMessage message, int tryCount)
        {
            var wait = base.GetNextDelay(message, tryCount);
            wait = wait > LongestWait ? LongestWait : wait;
            options.Remark(string.Create(
                CultureInfo.InvariantCulture,
                $"The chat model {(message.Response is { } response ? $"says {response.Status}" : "cannot be reached, or gives no answer")}; trying again in {wait.TotalSeconds:F0} s"));
            return wait;
        }

        protected override Task WaitAsync(TimeSpan time, CancellationToken cancellationToken) => options.Wait(time, cancellationToken);
    }
}
