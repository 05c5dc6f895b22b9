namespace Whence.Cli.Output;

/// <summary>Says on standard error how many images had no caption where an encoder looks at captions.</summary>
internal static class CaptionView
{
    public static void Tell(TextWriter error, long without, long all, string remedy)
    {
        if (without > 0)
        {
            error.WriteLine($"{without:N0} of {all:N0} images have no caption; the encoder looked at them with an empty one. Give captions by {remedy}.");
        }
    }
}
