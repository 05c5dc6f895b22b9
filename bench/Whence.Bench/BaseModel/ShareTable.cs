using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.BaseModel;

/// <summary>
/// Prints shares, of all prompts and of those for plain drawings and for treatments. Pictures of some prompts only have no line of all, which would be taken for one of all prompts; each line says of how many
/// prompts it is.
/// </summary>
/// <param name="prompts">The prompts.</param>
/// <param name="without">Measures that cannot hold for any of them, which the table leaves out.</param>
internal sealed class ShareTable(IReadOnlyList<AskedPrompt> prompts, params string[] without)
{
    private const int WithInterval = 3; // the first measures are printed with their intervals

    private static readonly (string Name, Func<AskedPrompt, bool> Holds)[] Kinds = [("all", _ => true), ("plain", p => !p.Content.IsTreated), ("treated", p => p.Content.IsTreated)];

    private readonly int[] _measures = [.. Judgement.Measures.Index().Where(m => !without.Contains(m.Item)).Select(m => m.Index)];

    /// <summary>The figures of all lines.</summary>
    public JsonArray Figures { get; } = [];

    /// <summary>What stands above the lines.</summary>
    public void PrintHeader(string title) =>
        Console.WriteLine($"\n{title}\n{"",-62}{"prompts",11}{string.Concat(_measures.Select(m => m < WithInterval ? $"{Judgement.Measures[m],24}" : $"{Judgement.Measures[m],13}"))}");

    /// <summary>Adds lines: of all prompts where pictures of all were judged, and of each kind of which any were.</summary>
    /// <param name="what">What is judged.</param>
    /// <param name="judged">Pictures that were judged.</param>
    /// <param name="impossible">Further measures that cannot hold for these, which are left out.</param>
    public void Add(string what, IReadOnlyList<JudgedPicture> judged, params string[] impossible)
    {
        var byPrompt = judged.ToLookup(j => j.Picture.Prompt, j => j.Values);
        AddLines(what, [.. prompts.Select((_, i) => byPrompt[i].ToArray())], impossible);
    }

    /// <summary>Adds lines of one judgement a prompt, null where there is none.</summary>
    public void Add(string what, IReadOnlyList<double[]?> values) => AddLines(what, [.. values.Select(v => v is null ? Array.Empty<double[]>() : [v])], []);

    private void AddLines(string what, double[][][] values, string[] impossible)
    {
        var name = what;
        foreach (var (kind, holds) in Kinds)
        {
            double[][][] asked = [.. values.Where((_, i) => holds(prompts[i]))], own = [.. asked.Where(v => v.Length > 0)];
            var whole = own.Length == asked.Length;
            if (own.Length == 0 || (kind == "all" ? !whole : whole && asked.Length == values.Length))
            {
                continue; // none, not of all, or the line of all once more
            }

            var shares = _measures.Select(m => (Measure: m, Share: impossible.Contains(Judgement.Measures[m]) ? null : Judgement.Mean(own, m))).ToArray();
            var line = kind == "all" ? name : name == what ? $"{what}: {kind}" : $"{name}{kind}";
            Console.WriteLine($"{line,-62}{(whole ? $"{own.Length}" : $"{own.Length} of {asked.Length}"),11}{string.Concat(shares.Select(s => Text(s.Share, s.Measure < WithInterval)))}");
            Figures.Add(new JsonObject
            {
                ["what"] = what,
                ["prompts"] = kind,
                ["count"] = own.Length,
                ["of"] = asked.Length,
                ["shares"] = new JsonObject(shares.Where(s => s.Share is not null).Select(s =>
                    KeyValuePair.Create(Judgement.Measures[s.Measure], (JsonNode?)new JsonArray(s.Share!.Mean, s.Share.Low, s.Share.High)))),
            });
            name = "  "; // what follows is of the same
        }
    }

    private static string Text(Share? share, bool interval) => interval
        ? $"{(share is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{share.Mean:F3} ({share.Low:F3} to {share.High:F3})")),24}"
        : $"{(share is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{share.Mean:F3}")),13}";
}
