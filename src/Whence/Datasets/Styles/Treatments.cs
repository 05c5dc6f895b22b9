namespace Whence.Datasets.Styles;

/// <summary>The treatments that there are, family by family.</summary>
public static class Treatments
{
    /// <summary>All, in the order of sheets.</summary>
    public static IReadOnlyList<Treatment> All { get; } =
    [
        .. Family("outlines", Outlines.All),
        .. Family("palettes", Palettes.All),
        .. Family("screens", Screens.All),
        .. Family("mosaics", Mosaics.All),
        .. Family("paints", Paints.All),
        .. Family("grounds", Grounds.All),
        .. Family("displays", Displays.All),
    ];

    /// <summary>The treatment of a name.</summary>
    /// <exception cref="WhenceException">There is none; the message lists all.</exception>
    public static Treatment Get(string name) => All.FirstOrDefault(t => t.Name == name)
        ?? throw new WhenceException($"there is no treatment '{name}', known are {string.Join(", ", All.Select(t => t.Name))}");

    private static IEnumerable<Treatment> Family(string family, IEnumerable<(string Name, Func<Picture, Noise, Picture> Apply)> treatments) =>
        treatments.Select(t => new Treatment(t.Name, family, t.Apply));
}
