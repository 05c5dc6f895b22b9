namespace Whence;

/// <summary>
/// Bad data: a file, an image or an index that cannot be used as it is. The message says what is wrong, where, with which
/// values, and what to do; the command line prints it as one line and exits with code 2. Wrong calls of the API throw
/// <see cref="ArgumentException"/> instead.
/// </summary>
public sealed class WhenceException : Exception
{
    /// <summary>Creates the exception with a message for the person at the keyboard.</summary>
    /// <param name="message">What, where, which values, what to do; one line.</param>
    public WhenceException(string message) : base(message)
    {
    }

    /// <summary>Creates the exception with a message and the error that caused it.</summary>
    /// <param name="message">What, where, which values, what to do; one line.</param>
    /// <param name="innerException">The cause.</param>
    public WhenceException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
