namespace Whence.Tests.Cli;

/// <summary>A clock that goes on when a test says so.</summary>
internal sealed class SecondsClock : TimeProvider
{
    public long Seconds { get; set; }

    public override long TimestampFrequency => 1;

    public override long GetTimestamp() => Seconds;
}
