using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.BaseModel;

/// <summary>Prints shares, of all prompts and of those for plain drawings and for treatments.</summary>
/// <param name="prompts">The prompts.</param>
internal sealed class ShareTable(IReadOnlyList<AskedPrompt> prompts)
{
    private static readonly (string Name, Func<AskedPrompt, bool> Holds)[] Kinds = [("all", _ => true), ("plain", p => !p.Content.IsTreated), ("treated", p => p.Content.IsTreated)];

    /// <summary>The figures of all lines.</summary>
    public JsonArray Figures { get; } = [];

    /// <summary>What stands above the lines.</summary>
    public static void PrintHeader(string title) =>
        Console.WriteLine($"\n{title}\n{"",-58}{"prompts",9}{string.Concat(Judgement.Measures.Select((m, i) => i < 3 ? $"{m,24}" : $"{m,13}"))}");

    /// <summary>Adds lines: of all prompts, and of each kind that there is.</summary>
    /// <param name="what">What is judged.</param>
    /// <param name="judged">Pictures that were judged.</param>
    /// <param name="impossible">Measures that cannot hold, which are left out.</param>
    /// <returns>The mean of each measure over all prompts; NaN where nothing was judged.</returns>
    public double[] Add(string what, IReadOnlyList<JudgedPicture> judged, params string[] impossible)
    {
        var byPrompt = judged.ToLookup(j => j.Picture.Prompt, j => j.Values);
        return Add(what, [.. prompts.Select((_, i) => (IReadOnlyList<double[]>)[.. byPrompt[i]])], impossible);
    }

    /// <summary>Adds lines of a value a prompt.</summary>
    public double[] Add(string what, IReadOnlyList<double[]> values, params string[] impossible) => Add(what, [.. values.Select(v => (IReadOnlyList<double[]>)[v])], impossible);

    private double[] Add(string what, IReadOnlyList<IReadOnlyList<double[]>> values, string[] impossible)
    {
        var means = new double[Judgement.Measures.Count];
        Array.Fill(means, double.NaN);
        foreach (var (kind, holds) in Kinds)
        {
            var own = values.Where((v, i) => v.Count > 0 && holds(prompts[i])).ToArray();
            if (own.Length == 0 || (kind != "all" && own.Length == values.Count(v => v.Count > 0)))
            {
                continue; // none, or the line of all once more
            }

            var shares = Judgement.Measures.Select((name, i) => impossible.Contains(name) ? null : Judgement.Mean(own, i)).ToArray();
            Console.WriteLine($"{$"{(kind == "all" ? what : "  " + kind)}",-58}{own.Length,9}{string.Concat(shares.Select((s, i) => i < 3 ? $"{Text(s),24}" : $"{Plain(s),13}"))}");
            Figures.Add(new JsonObject
            {
                ["what"] = what,
                ["prompts"] = kind,
                ["count"] = own.Length,
                ["shares"] = new JsonObject(shares.Index().Where(s => s.Item is not null).Select(s =>
                    KeyValuePair.Create(Judgement.Measures[s.Index], (JsonNode?)new JsonArray(s.Item!.Mean, s.Item.Low, s.Item.High)))),
            });
            if (kind == "all")
            {
                means = [.. shares.Select(s => s?.Mean ?? double.NaN)];
            }
        }

        return means;
    }

    private static string Text(Share? share) => share is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{share.Mean:F3} ({share.Low:F3} to {share.High:F3})");

    private static string Plain(Share? share) => share is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{share.Mean:F3}");
}
