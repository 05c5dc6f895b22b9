namespace Whence.Tests;

public class WhenceExceptionTests
{
    [Fact]
    public void Keeps_the_cause() =>
        Assert.Equal("cause", new WhenceException("message", new IOException("cause")).InnerException!.Message);

    [Fact]
    public void A_message_is_one_line_whatever_stands_in_the_file()
    {
        Assert.Equal("'a?b?[2Jc' ä", new WhenceException("'a\nb\u001b[2Jc' ä").Message);
        var shown = new WhenceException($"file: {new string('x', 1 << 20)}; do this").Message;
        Assert.StartsWith("file: xxx", shown, StringComparison.Ordinal);
        Assert.EndsWith("xxx; do this", shown, StringComparison.Ordinal);
        Assert.InRange(shown.Length, 1000, 4100);
    }
}
