namespace Whence.Files;

/// <summary>Checks of a recipe's values, whose messages have the key, the value and the range.</summary>
internal static class RecipeChecks
{
    /// <exception cref="WhenceException">It does not hold; the message is the problem.</exception>
    public static void Require(bool holds, string problem)
    {
        if (!holds)
        {
            throw new WhenceException(problem);
        }
    }

    public static void InRange(string key, long value, long least, long most) =>
        Require(value >= least && value <= most, $"'{key}' is {value}, it must be {(most == int.MaxValue ? $"at least {least}" : $"from {least} to {most}")}");

    public static void InRange(string key, double value, double least, double most) =>
        Require(value >= least && value <= most, FormattableString.Invariant($"'{key}' is {value}, it must be from {least} to {most}"));

    /// <summary>A value may be the most, but not zero.</summary>
    public static void AboveZero(string key, double value, double most) =>
        Require(value > 0 && value <= most, FormattableString.Invariant($"'{key}' is {value}, it must be above 0 and at most {most}"));

    /// <summary>A value may be 0, but not 1.</summary>
    public static void Share(string key, double value) =>
        Require(value is >= 0 and < 1, FormattableString.Invariant($"'{key}' is {value}, it must be from 0 up to, not including, 1"));

    /// <summary>A check of what a part of a recipe makes, whose message has the part's key before it.</summary>
    public static void Checked(string key, Action check)
    {
        try
        {
            check();
        }
        catch (Exception e) when (e is ArgumentException or WhenceException)
        {
            throw new WhenceException($"'{key}': {e.Message}", e);
        }
    }
}
