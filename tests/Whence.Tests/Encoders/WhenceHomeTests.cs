using Whence.Encoders;

namespace Whence.Tests.Encoders;

public class WhenceHomeTests
{
    [Theory]
    [InlineData("/own", "/xdg", "/home/a", null, false, "/own")]
    [InlineData(null, "/xdg", "/home/a", null, false, "/xdg/whence")]
    [InlineData("", "relative", "/home/a", null, false, "/home/a/.cache/whence")]
    [InlineData(null, "", "/home/a", null, false, "/home/a/.cache/whence")]
    [InlineData(null, null, "/home/a", null, true, "/home/a/Library/Caches/whence")]
    [InlineData(null, null, "/home/a", "/local", false, "/local/whence")]
    [InlineData(null, null, "", null, false, null)]
    public void The_folder_follows_the_variables_and_the_system(string? own, string? xdg, string home, string? local, bool isMac, string? expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the paths here are those of Unix");
        Assert.Equal(expected, WhenceHome.Find(name => name == WhenceHome.Variable ? own : name == "XDG_CACHE_HOME" ? xdg : null, home, local, isMac));
    }

    [Fact]
    public void A_relative_folder_is_taken_from_where_the_command_runs() =>
        Assert.Equal(Path.GetFullPath("here"), WhenceHome.Find(_ => "here", "", null, false));
}
