using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.Search;

/// <summary>One who is timed.</summary>
/// <param name="Name">For the table.</param>
/// <param name="Queries">How many queries a round has.</param>
/// <param name="Rounds">How many rounds; fewer, but at least 3, where they take more than a minute.</param>
/// <param name="Seconds">A round.</param>
internal sealed record Contender(string Name, int Queries, int Rounds, Func<double> Seconds);

/// <summary>Tables, bars and figures; in the figures a section holds what it measured by short keys.</summary>
internal sealed class SearchReport
{
    private const double EnoughSeconds = 60;
    private const int FewestRounds = 3;

    // Idle threads of OpenBLAS and OpenMP spin for up to some tens of milliseconds before they sleep; nobody shall be timed beside them.
    private static readonly TimeSpan UntilIdle = TimeSpan.FromMilliseconds(250);

    private readonly List<(string Work, string What, double Bar, bool AtLeast, double Measured)> _bars = [];

    private readonly List<(string Section, string Peer, JsonObject Result)> _checks = [];

    public JsonObject Figures { get; } = [];

    /// <summary>Times contenders in turns, after one round of warming up, and prints a table; the first one is Whence.</summary>
    /// <returns>By name, the median seconds of a query.</returns>
    public Dictionary<string, double> Compare(string section, string key, string title, params Contender[] contenders)
    {
        Console.WriteLine($"\n{title}");
        var seconds = contenders.ToDictionary(c => c.Name, _ => new List<double>());
        for (var round = -1; round < contenders.Max(c => c.Rounds); round++)
        {
            foreach (var contender in contenders)
            {
                var sofar = seconds[contender.Name];
                if (round >= contender.Rounds || (sofar.Count >= FewestRounds && sofar.Sum() > EnoughSeconds))
                {
                    continue;
                }

                Thread.Sleep(UntilIdle);
                var elapsed = contender.Seconds();
                if (round >= 0)
                {
                    sofar.Add(elapsed);
                }
            }
        }

        var medians = contenders.ToDictionary(c => c.Name, c => Rounds.Median(seconds[c.Name]) / c.Queries);
        var ours = medians[contenders[0].Name];
        var figures = new JsonObject();
        foreach (var contender in contenders)
        {
            var (all, median) = (seconds[contender.Name], medians[contender.Name]);
            var fastest = all.Min() / contender.Queries;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {contender.Name,-34}{median * 1e3,11:F3} ms a query{fastest * 1e3,11:F3} fastest{median / ours,9:F2} x Whence   ({contender.Queries} queries, {all.Count} rounds)"));
            figures[contender.Name] = new JsonObject
            {
                ["msAQuery"] = Math.Round(median * 1e3, 4),
                ["fastestMsAQuery"] = Math.Round(fastest * 1e3, 4),
                ["queries"] = contender.Queries,
                ["rounds"] = all.Count,
            };
        }

        Keep(section, key, figures);
        return medians;
    }

    /// <summary>Keeps and prints a figure that is no time.</summary>
    public void Note(string section, string name, JsonNode value)
    {
        Console.WriteLine($"  {name}: {value.ToJsonString()}");
        Keep(section, name, value);
    }

    /// <summary>Keeps and prints how an answer of Whence's compares with a peer's, a result of <see cref="SearchChecks"/>.</summary>
    public void Check(string section, string peer, JsonObject result)
    {
        _checks.Add((section, peer, result));
        Note(section, peer, result);
    }

    /// <summary>Whence's figure stands to the bar as that asks.</summary>
    public void AtLeast(string work, string what, double bar, double measured) => _bars.Add((work, what, bar, true, measured));

    public void AtMost(string work, string what, double bar, double measured) => _bars.Add((work, what, bar, false, measured));

    public void PrintBars()
    {
        Console.WriteLine($"\n{"work",-34}{"measured as",-52}{"bar",12}{"measured",12}");
        var bars = new JsonArray();
        foreach (var (work, what, bar, atLeast, measured) in _bars)
        {
            var met = atLeast ? measured >= bar : measured <= bar;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{work,-34}{what,-52}{(atLeast ? ">= " : "<= ") + bar,12}{measured,12:F3}   {(met ? "met" : "NOT MET")}"));
            bars.Add(new JsonObject { ["work"] = work, ["what"] = what, ["bar"] = bar, ["atLeast"] = atLeast, ["measured"] = Math.Round(measured, 4), ["met"] = met });
        }

        Console.WriteLine($"\n{"answers of Whence and of",-60}{"compared",12}   equal, apart from similarities within {SearchChecks.Tolerance}");
        foreach (var (section, peer, result) in _checks)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{section + ": " + peer,-60}{(long)result["compared"]!,12:N0}   {Verdict(result)}"));
        }

        Figures["bars"] = bars;
        Figures["allEqual"] = _checks.TrueForAll(check => (bool)check.Result["equal"]!);
    }

    private static string Verdict(JsonObject result) =>
        !(bool)result["equal"]! ? "NO"
        : (long?)result["otherIdByThePeersRounding"] is > 0 and var rounded ? $"yes; {rounded} places by the peer's rounding, off by up to {result["largestErrorOfThePeer"]}"
        : "yes";

    /// <summary>Keeps a figure that is printed otherwise.</summary>
    public void Keep(string section, string name, JsonNode value)
    {
        if (Figures[section] is not JsonObject)
        {
            Figures[section] = new JsonObject();
        }

        Figures[section]![name] = value;
    }
}
