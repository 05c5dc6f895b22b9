namespace Whence.Vectors;

/// <summary>Names for an error message, which stays one readable line however many there are.</summary>
internal static class Listing
{
    private const int Shown = 12;
    private const int MaxNameLength = 100;

    /// <param name="names">All of them.</param>
    /// <param name="maxLength">Longer ones are cut.</param>
    public static string Of(IReadOnlyCollection<string> names, int maxLength = MaxNameLength)
    {
        if (names.Count == 0)
        {
            return "none";
        }

        var shown = names.Take(Shown).Select(name => Readable(name.Length <= maxLength ? name : name[..maxLength] + "..."));
        return string.Join(", ", shown) + (names.Count > Shown ? $", and {names.Count - Shown} more" : "");
    }

    // Names of a damaged file may hold anything.
    private static string Readable(string name) => name.Any(char.IsControl) ? string.Concat(name.Select(c => char.IsControl(c) ? '?' : c)) : name;
}
