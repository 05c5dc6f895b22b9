using System.Text;
using System.Text.Json;
using Whence.Tests.Cli.Download;

namespace Whence.Tests.Cli.Chat;

/// <summary>Answers of a <see cref="LocalServer"/> in place of a chat model's.</summary>
internal static class ChatServer
{
    public static Func<Asked, byte[][]?> Says(string text) => _ => LocalServer.Answer("200 OK", "Content-Type: application/json\r\n", Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new
    {
        id = "chatcmpl-1",
        @object = "chat.completion",
        created = 1,
        model = "tiny",
        choices = new[] { new { index = 0, message = new { role = "assistant", content = text }, finish_reason = "stop" } },
        usage = new { prompt_tokens = 1, completion_tokens = 1, total_tokens = 2 },
    })));

    public static Func<Asked, byte[][]?> Fails(string status, string message = "no", string headers = "") => _ => LocalServer.Answer(
        status, $"Content-Type: application/json\r\n{headers}", Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { error = new { message, type = "invalid_request_error", code = "no" } })));
}
