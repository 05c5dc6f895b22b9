using System.Text.RegularExpressions;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Images;
using Whence.Torch.Diffusion;

namespace Whence.Cli.Commands;

/// <summary>
/// Reads generated images with their captions: what lies beside them. Where the encoder looks at captions and none lies there, the prompt that Whence drew the image by is its caption, without V*, as the
/// paper has it (appendix B.5).
/// </summary>
internal sealed partial class QueryReader(IImageEncoder encoder, DecodeLimits limits)
{
    private int _read, _uncaptioned, _prompts;

    /// <summary>Queries as they are read.</summary>
    /// <param name="sources">Files, folders, shards, or globs.</param>
    /// <param name="failed">Told about images that cannot be read.</param>
    /// <param name="cancellation">Stops the reading.</param>
    public IEnumerable<Query> Read(string[] sources, Action<WhenceException> failed, CancellationToken cancellation)
    {
        ImageSources.Check(sources);
        foreach (var item in ImageSources.EnumerateAsync(sources, limits.MaxFileBytes, cancellation).ToBlockingEnumerable(cancellation))
        {
            Query query;
            try
            {
                var content = item.ReadAsync(cancellation).AsTask().GetAwaiter().GetResult();
                query = new Query(item.Source, content.Bytes) { Caption = encoder is ICaptionedImageEncoder ? CaptionOf(content) : content.Caption };
            }
            catch (WhenceException e)
            {
                failed(e);
                continue;
            }

            _read++;
            yield return query;
        }
    }

    /// <summary>Says of how many images the prompt was taken for the caption, and how many had none.</summary>
    public void TellCaptions(TextWriter error)
    {
        CaptionView.TellPrompts(error, _prompts, _read);
        CaptionView.Tell(error, _uncaptioned, _read, "text beside them (NAME.txt)");
    }

    private string? CaptionOf(ImageContent content)
    {
        if (!string.IsNullOrEmpty(content.Caption))
        {
            return content.Caption;
        }

        var prompt = GenerationParameters.PromptOf(content.Bytes) is { } drawn ? AddedToken().Replace(drawn, "").Trim() : "";
        if (prompt.Length > 0)
        {
            _prompts++;
        }
        else
        {
            _uncaptioned++;
        }

        return prompt;
    }

    // Such as <new1>.
    [GeneratedRegex(@"<[^<>\s]+>\s*")]
    private static partial Regex AddedToken();
}
