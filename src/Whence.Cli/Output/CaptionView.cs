namespace Whence.Cli.Output;

/// <summary>Says on standard error where captions came from, and how many images had none, where an encoder looks at captions.</summary>
internal static class CaptionView
{
    public static void TellPrompts(TextWriter error, long prompts, long all)
    {
        if (prompts > 0)
        {
            error.WriteLine($"{prompts:N0} of {all:N0} images have no caption beside them, but the prompt that Whence drew them by; the encoder looked at them with that, without tokens such as <new1>.");
        }
    }

    public static void Tell(TextWriter error, long without, long all, string remedy)
    {
        if (without > 0)
        {
            error.WriteLine($"{without:N0} of {all:N0} images have no caption; the encoder looked at them with an empty one. Give captions by {remedy}.");
        }
    }
}
