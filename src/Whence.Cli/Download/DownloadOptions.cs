namespace Whence.Cli.Download;

/// <summary>How a file is downloaded.</summary>
internal sealed record DownloadOptions
{
    /// <summary>More bytes than this are not taken, whatever a server says. Default 32 GB.</summary>
    public long MaxBytes { get; init; } = 32L << 30;

    /// <summary>How often in a row it is tried while hardly anything comes. Default 6: about half a minute of waiting.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>How long nothing may come. Default a minute.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The clock that <see cref="Stall"/> is measured by.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Waits before the next attempt.</summary>
    public Func<TimeSpan, CancellationToken, Task> Wait { get; init; } = Task.Delay;
}

/// <summary>How far a download is.</summary>
/// <param name="Received">Bytes that are here, those of earlier runs included.</param>
/// <param name="Total">All bytes; null where the server does not say.</param>
internal readonly record struct DownloadProgress(long Received, long? Total);
