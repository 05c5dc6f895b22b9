namespace Whence.Cli.Output;

internal static class Durations
{
    /// <summary>A duration as a person says it: "12 s", "3 min 20 s", "5 h 12 min", "9 days".</summary>
    public static string Text(TimeSpan time) => time.TotalSeconds switch
    {
        < 60 => $"{Math.Ceiling(time.TotalSeconds):F0} s",
        < 3600 => $"{time.Minutes} min {time.Seconds} s",
        < 48 * 3600 => $"{(int)time.TotalHours} h {time.Minutes} min",
        _ => $"{time.TotalDays:F0} days",
    };
}
