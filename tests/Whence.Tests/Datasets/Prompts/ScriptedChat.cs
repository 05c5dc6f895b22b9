using Microsoft.Extensions.AI;

namespace Whence.Tests.Datasets.Prompts;

/// <summary>A chat model that answers as a test says, each question in turn, the last answer again and again.</summary>
internal sealed class ScriptedChat(params Func<ChatMessage, string>[] answers) : IChatClient
{
    private int _asked;

    public ScriptedChat(params string[] answers) : this([.. answers.Select(answer => new Func<ChatMessage, string>(_ => answer))])
    {
    }

    /// <summary>What was asked.</summary>
    public List<ChatMessage> Questions { get; } = [];

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (Questions)
        {
            var message = messages.Single();
            Questions.Add(message);
            return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, answers[Math.Min(_asked++, answers.Length - 1)](message))));
        }
    }

    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}
