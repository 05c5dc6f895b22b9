using System.CommandLine;
using Whence.Cli.Chat;
using Whence.Cli.Output;

namespace Whence.Cli.Commands;

/// <summary>Options of every command that asks a chat model.</summary>
internal sealed class ChatModelOptions
{
    private readonly Option<string> _endpoint = new("--endpoint")
    {
        Description = $"OpenAI-compatible address, such as http://localhost:11434/v1; a key is read from the environment variable {ChatEndpoint.KeyVariable}",
        HelpName = "URL",
        Required = true,
    };

    private readonly Option<string> _model = new("--chat-model") { Description = "The chat model's name there", HelpName = "NAME", Required = true };
    private readonly Option<int> _timeout = new Option<int>("--timeout") { Description = "Seconds that an answer may take", HelpName = "S", DefaultValueFactory = _ => 300 }.AtLeast(1);

    public void AddTo(Command command)
    {
        command.Add(_endpoint);
        command.Add(_model);
        command.Add(_timeout);
    }

    public ChatEndpoint Open(ParseResult parsed, Streams streams) => ChatEndpoint.Open(parsed.GetRequiredValue(_endpoint), parsed.GetRequiredValue(_model), new ChatEndpointOptions
    {
        Key = Environment.GetEnvironmentVariable(ChatEndpoint.KeyVariable)?.Trim() is { Length: > 0 } key ? key : null,
        Timeout = TimeSpan.FromSeconds(parsed.GetValue(_timeout)),
        Remark = streams.Error.WriteLine,
    });
}
