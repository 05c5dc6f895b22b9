using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench.Search;

/// <summary>Whether Whence and a peer found the same.</summary>
internal static class SearchChecks
{
    /// <summary>Similarities that are closer than this may stand in either order: peers add up in float32.</summary>
    public const double Tolerance = 1e-6;

    /// <summary>
    /// Rank by rank the same id, or another one whose similarity is within the tolerance; and Whence's own answer sorted, the
    /// smaller id first among equals, without an id twice. Where similarities are near 1, the float32 sums of a peer may be off by
    /// more than the tolerance. If none is off by more than e, no r-th largest value is either, so that the id in the peer's place r
    /// differs from ours by at most e and its own error: such places are counted by themselves, with e the largest error seen.
    /// </summary>
    public static JsonObject Found(SearchEngine engine, FeatureMatrix queries, Match[][] ours, string answer)
    {
        var (ids, values) = Parse(answer);
        var canonical = engine.Similarities(queries, ids);
        var (unequal, near, rounded, unsorted, difference) = (0L, 0L, 0L, 0L, 0.0);
        for (var q = 0; q < ids.Length; q++)
        {
            var errors = new Dictionary<long, double>();
            for (var rank = 0; rank < ids[q].Length; rank++)
            {
                errors[ids[q][rank]] = Math.Abs(values[q][rank] - canonical[q][rank]);
            }

            var largest = errors.Values.Max();
            difference = Math.Max(difference, largest);
            unequal += Math.Abs(ours[q].Length - ids[q].Length);
            for (var rank = 0; rank < Math.Min(ours[q].Length, ids[q].Length); rank++)
            {
                var ((id, similarity), other) = (ours[q][rank], ids[q][rank]);
                var apart = Math.Abs(similarity - canonical[q][rank]);
                if (id != other)
                {
                    _ = apart <= Tolerance ? near++ : apart <= largest + errors[other] ? rounded++ : unequal++;
                }
            }

            unsorted += OutOfOrder(ours[q]);
        }

        return new JsonObject
        {
            ["equal"] = unequal == 0 && unsorted == 0,
            ["compared"] = ids.Sum(list => (long)list.Length),
            ["otherIdWithinTolerance"] = near,
            ["otherIdByThePeersRounding"] = rounded,
            ["unequal"] = unequal,
            ["outOfOrder"] = unsorted,
            ["largestErrorOfThePeer"] = difference,
        };
    }

    /// <summary>The same ids in the same order, and the same similarities to the last bit, as the definition in float64 gives.</summary>
    public static JsonObject Exact(Match[][] ours, string answer)
    {
        var (ids, values) = Parse(answer);
        var (unequal, otherBits, difference) = (0L, 0L, 0.0);
        for (var q = 0; q < ids.Length; q++)
        {
            unequal += Math.Abs(ours[q].Length - ids[q].Length);
            for (var rank = 0; rank < Math.Min(ours[q].Length, ids[q].Length); rank++)
            {
                unequal += ours[q][rank].Id == ids[q][rank] ? 0 : 1;
                otherBits += ours[q][rank].Similarity == values[q][rank] ? 0 : 1;
                difference = Math.Max(difference, Math.Abs(ours[q][rank].Similarity - values[q][rank]));
            }
        }

        return new JsonObject
        {
            ["equal"] = unequal == 0,
            ["compared"] = ids.Sum(list => (long)list.Length),
            ["unequal"] = unequal,
            ["otherSimilarity"] = otherBits,
            ["largestDifference"] = difference,
        };
    }

    /// <summary>The same ranks as the definition in float64 gives.</summary>
    public static JsonObject ExactRanks(long[][] ours, string answer)
    {
        var theirs = JsonSerializer.Deserialize<long[][]>(answer)!;
        var unequal = theirs.Zip(ours, (a, b) => a.Zip(b, (x, y) => x == y ? 0 : 1).Sum()).Sum();
        return new JsonObject { ["equal"] = unequal == 0, ["compared"] = theirs.Sum(list => (long)list.Length), ["unequal"] = unequal };
    }

    /// <summary>Share of Whence's ids that an answer of lower precision has too.</summary>
    public static double Recall(Match[][] ours, string answer)
    {
        var ids = JsonNode.Parse(answer)!["ids"].Deserialize<long[][]>()!;
        return ids.Zip(ours, (found, exact) => (double)exact.Count(match => found.Contains(match.Id)) / exact.Length).Average();
    }

    /// <summary>
    /// A rank counts the rows at or above a similarity. With the peer's similarities it lies above the number of rows that are
    /// clearly better and is at most the number of those that are no clearly worse, and so does the place in the peer's sort.
    /// </summary>
    public static JsonObject Ranks(long[][] ours, string answer)
    {
        var theirs = JsonSerializer.Deserialize<long[][][]>(answer)!;
        var (compared, same, unequal) = (0L, 0L, 0L);
        for (var q = 0; q < theirs.Length; q++)
        {
            for (var i = 0; i < theirs[q].Length; i++, compared++)
            {
                var (rank, position, above, atOrAbove) = (ours[q][i], theirs[q][i][0], theirs[q][i][1], theirs[q][i][2]);
                same += rank == position ? 1 : 0;
                unequal += above < rank && rank <= atOrAbove && above < position && position <= atOrAbove ? 0 : 1;
            }
        }

        return new JsonObject { ["equal"] = unequal == 0, ["compared"] = compared, ["sameNumber"] = same, ["unequal"] = unequal };
    }

    private static int OutOfOrder(Match[] found)
    {
        var wrong = found.Length - found.Select(match => match.Id).Distinct().Count();
        for (var rank = 1; rank < found.Length; rank++)
        {
            var (before, here) = (found[rank - 1], found[rank]);
            wrong += before.Similarity > here.Similarity || (before.Similarity == here.Similarity && before.Id < here.Id) ? 0 : 1;
        }

        return wrong;
    }

    private static (long[][] Ids, double[][] Similarities) Parse(string answer)
    {
        var node = JsonNode.Parse(answer)!;
        return (node["ids"].Deserialize<long[][]>()!, node["similarities"].Deserialize<double[][]>()!);
    }
}
