namespace Whence;

/// <summary>
/// Bad data: a file, an image or an index that cannot be used as it is. The message says what is wrong, where, with which
/// values, and what to do; the command line prints it as one line and exits with code 2. Wrong calls of the API throw
/// <see cref="ArgumentException"/> instead.
/// </summary>
public class WhenceException : Exception
{
    // Two long paths and a sentence. Of what is longer, the beginning (which file) and the end (what to do) count.
    private const int MaxLength = 4000, End = 500;

    /// <summary>Creates the exception with a message for the person at the keyboard.</summary>
    /// <param name="message">What, where, which values, what to do; one line. Values may come from a file: control characters in
    /// them become <c>?</c>, and of a message that fills screens the middle is left out.</param>
    public WhenceException(string message) : base(OneLine(message))
    {
    }

    /// <summary>Creates the exception with a message and the error that caused it.</summary>
    /// <param name="message">What, where, which values, what to do; one line, as above.</param>
    /// <param name="innerException">The cause.</param>
    public WhenceException(string message, Exception innerException) : base(OneLine(message), innerException)
    {
    }

    private static string OneLine(string message)
    {
        var shown = message.Length <= MaxLength ? message : $"{message[..(MaxLength - End)]} ... {message[^End..]}";
        return shown.Any(char.IsControl) ? string.Concat(shown.Select(c => char.IsControl(c) ? '?' : c)) : shown;
    }
}
