using Microsoft.Extensions.AI;
using Whence.Datasets.Prompts;
using Whence.Images;

namespace Whence.Datasets.Captions;

/// <summary>Captions by a chat model that sees pictures.</summary>
/// <param name="chat">The chat model.</param>
/// <param name="question">What it is asked beside the picture.</param>
public sealed class ChatCaptions(IChatClient chat, string question = ChatCaptions.DefaultQuestion)
{
    /// <summary>What is asked unless something else is.</summary>
    public const string DefaultQuestion =
        "Describe this picture in one short sentence, as the caption that it would have in a data set: what is to be seen, and in which medium or style. Answer with the caption and nothing else.";

    // Enough to say what a picture shows; all that is sent.
    private const int LongestSide = 512;
    private const int MaxCaption = 500;
    private static readonly string[] Refusals = ["I'm sorry", "I am sorry", "Sorry,", "I can't", "I cannot", "I'm unable", "I am unable", "As an AI"];

    /// <summary>Asks for the caption of a picture. The model gets its pixels, at most 512 a side, as PNG: nothing of what else a file holds, such as a place or a name.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>One line; null where the answer is no caption. What the chat model's client throws goes through.</returns>
    public async Task<string?> OfAsync(RgbImage image, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        var message = new ChatMessage(ChatRole.User, [new TextContent(question), new DataContent(Png(image), "image/png")]);
        var answer = await chat.GetResponseAsync(message, cancellationToken: cancellation).ConfigureAwait(false);
        var caption = PromptAnswer.Parse(answer.Text) is [var first, ..] ? first.TrimStart('=', '+', '-', '@', ' ') : ""; // no spreadsheet takes it for a formula
        return caption.Length is 0 or > MaxCaption || Refusals.Any(r => caption.StartsWith(r, StringComparison.OrdinalIgnoreCase)) ? null : caption;
    }

    private static byte[] Png(RgbImage image)
    {
        var scale = Math.Min(1.0, LongestSide / (double)Math.Max(image.Width, image.Height));
        return PngText.Encode(scale == 1 ? image : Resampler.Resize(image, Side(image.Width), Side(image.Height), Interpolation.Bicubic), []);

        int Side(int pixels) => Math.Max(1, (int)Math.Round(pixels * scale));
    }
}
