namespace Whence.Vectors;

/// <summary>Names for an error message, which stays one readable line however many there are.</summary>
internal static class Listing
{
    private const int Shown = 12;
    private const int MaxNameLength = 100;

    public static string Of(IReadOnlyCollection<string> names)
    {
        if (names.Count == 0)
        {
            return "none";
        }

        var shown = names.Take(Shown).Select(name => name.Length <= MaxNameLength ? name : name[..MaxNameLength] + "...");
        return string.Join(", ", shown) + (names.Count > Shown ? $", and {names.Count - Shown} more" : "");
    }
}
