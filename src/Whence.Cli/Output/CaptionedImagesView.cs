using System.Globalization;
using Whence.Datasets;

namespace Whence.Cli.Output;

/// <summary>What a training has to train with, on standard error, before it begins.</summary>
internal static class CaptionedImagesView
{
    private const int MostUnread = 5;

    /// <param name="error">Where to.</param>
    /// <param name="images">What is trained with.</param>
    /// <param name="cut">Captions that are too long.</param>
    /// <param name="tokens">Tokens of a caption that are seen.</param>
    /// <param name="longest">Tokens of the longest caption.</param>
    public static void Write(TextWriter error, CaptionedImages images, int cut, int tokens, int longest)
    {
        error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{images.Count:N0} images of {images.Size} pixels{Left(images.WithoutCaption, "without a caption")}{Left(images.Unread.Count, "that cannot be read")}"));
        foreach (var unread in images.Unread.Take(MostUnread))
        {
            error.WriteLine($"left out: {unread.Path}: {unread.Error}");
        }

        if (cut > 0)
        {
            error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{cut:N0} captions have more than {tokens} tokens and are cut; the longest has {longest:N0}: raise 'vocabulary.tokens', or shorten them."));
        }
    }

    private static string Left(int count, string what) => count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {count:N0} {what} left out");
}
