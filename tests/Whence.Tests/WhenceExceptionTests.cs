namespace Whence.Tests;

public class WhenceExceptionTests
{
    [Fact]
    public void Keeps_the_cause() =>
        Assert.Equal("cause", new WhenceException("message", new IOException("cause")).InnerException!.Message);
}
