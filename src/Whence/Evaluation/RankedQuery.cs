using Whence.Datasets;

namespace Whence.Evaluation;

/// <summary>A candidate at its place.</summary>
/// <param name="Rank">From 1, among the distractors and the query's own exemplars.</param>
/// <param name="Name">Where the image is found, or what it is called.</param>
/// <param name="Similarity">Cosine similarity to the query.</param>
/// <param name="Influence">Its share of all candidates (Eq. 6), in [0, 1].</param>
/// <param name="IsExemplar">Whether it is one of the query's exemplars.</param>
public sealed record RankedImage(long Rank, string Name, float Similarity, double Influence, bool IsExemplar);

/// <summary>A query and what stands first for it.</summary>
/// <param name="TestCase">The test case.</param>
/// <param name="Prompts">Type of the prompts.</param>
/// <param name="Query">Its number among the queries of that type.</param>
/// <param name="Model">Number of the model that made it.</param>
/// <param name="Path">Path of its image; null where the features do not say.</param>
/// <param name="Images">By rank, without gaps but for one before the last, the best exemplar, where it stands further behind.</param>
/// <param name="None">The mass of "none of these", in [0, 1]; 0 where the calibration has none.</param>
public sealed record RankedQuery(string TestCase, string Prompts, int Query, int Model, string? Path, IReadOnlyList<RankedImage> Images, double None);

/// <summary>Draws queries to be shown.</summary>
public static class QueryChoice
{
    /// <summary>
    /// A random choice of queries of one type of prompts: one of each model first, then a second one of each, so that few queries show many models.
    /// The same seed chooses the same queries, whatever the features are.
    /// </summary>
    /// <param name="models">Per query the number of the model that made it.</param>
    /// <param name="count">Queries wanted, at least 0; all where there are fewer.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <returns>Numbers of queries.</returns>
    public static IReadOnlyList<int> Draw(IReadOnlyList<int> models, int count, int seed)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        int[] shuffled = [.. Enumerable.Range(0, models.Count)];
        new Random(seed).Shuffle(shuffled);
        var seen = new Dictionary<int, int>();
        return [.. shuffled.Select(query => (Query: query, Turn: seen[models[query]] = seen.GetValueOrDefault(models[query]) + 1)).ToArray()
            .OrderBy(q => q.Turn).Take(count).Select(q => q.Query)];
    }

    /// <summary>A choice from all types of prompts of a test case, in turns.</summary>
    /// <param name="testCase">The test case.</param>
    /// <param name="count">Queries wanted, at least 0.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <returns>Per type of prompts with any the numbers of its queries.</returns>
    public static IReadOnlyList<(string Prompts, IReadOnlyList<int> Queries)> Draw(TestCaseFeatures testCase, int count, int seed)
    {
        ArgumentNullException.ThrowIfNull(testCase);
        var types = testCase.Prompts.Count;
        return [.. testCase.Prompts
            .Select((prompt, i) => (prompt.Type, Draw(prompt.Models, (count / types) + (i < count % types ? 1 : 0), seed + i)))
            .Where(choice => choice.Item2.Count > 0)];
    }
}
