namespace Whence.Calibration;

/// <summary>
/// Similarities of queries to their candidates, exemplars known: what a calibration is fitted and measured on. Safe to read from several threads.
/// </summary>
public interface ISimilarities
{
    /// <summary>Number of queries, at least 1.</summary>
    int Queries { get; }

    /// <summary>c, the number of the query's exemplars, from 1 to the number of its candidates: they come first in <see cref="Row"/>.</summary>
    /// <param name="query">0 and up.</param>
    int Exemplars(int query);

    /// <summary>The query's similarities, finite: its exemplars, then other candidates in any order.</summary>
    /// <param name="query">0 and up.</param>
    ReadOnlySpan<float> Row(int query);
}

/// <summary>Similarities in memory.</summary>
public sealed class SimilarityTable : ISimilarities
{
    private readonly float[][] _similarities;
    private readonly int[] _exemplars;

    /// <summary>Wraps arrays; they are not copied.</summary>
    /// <param name="similarities">Per query its candidates' similarities, exemplars first.</param>
    /// <param name="exemplars">Per query its number of exemplars.</param>
    /// <exception cref="ArgumentException">Lengths do not fit, or a query has no exemplar.</exception>
    public SimilarityTable(float[][] similarities, int[] exemplars)
    {
        ArgumentNullException.ThrowIfNull(similarities);
        ArgumentNullException.ThrowIfNull(exemplars);
        if (similarities.Length == 0 || similarities.Length != exemplars.Length)
        {
            throw new ArgumentException($"{similarities.Length} queries and {exemplars.Length} numbers of exemplars.", nameof(exemplars));
        }

        for (var q = 0; q < exemplars.Length; q++)
        {
            if (exemplars[q] < 1 || exemplars[q] > similarities[q].Length)
            {
                throw new ArgumentException($"Query {q} has {exemplars[q]} exemplars among {similarities[q].Length} candidates.", nameof(exemplars));
            }
        }

        (_similarities, _exemplars) = (similarities, exemplars);
    }

    /// <inheritdoc/>
    public int Queries => _exemplars.Length;

    /// <inheritdoc/>
    public int Exemplars(int query) => _exemplars[query];

    /// <inheritdoc/>
    public ReadOnlySpan<float> Row(int query) => _similarities[query];
}
