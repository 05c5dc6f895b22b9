namespace Whence.Calibration;

/// <summary>
/// How good a calibration is, measured on queries whose exemplars are known: before (tau = 1, lambda = 0, a plain softmax) and after the fit.
/// The candidates of a query are its own model's exemplars and the most similar distractors; influences are measured as shares among these, without the mass for none,
/// which is measured by itself.
/// </summary>
public sealed record CalibrationReport
{
    /// <summary>True where the queries were not those that the calibration was fitted on.</summary>
    public required bool HeldOut { get; init; }

    /// <summary>R, the most candidates that a query has.</summary>
    public required int Top { get; init; }

    /// <summary>N, the number of distractors.</summary>
    public required long Distractors { get; init; }

    /// <summary>
    /// Queries of which even the last candidate has an influence after the fit: distractors beyond the R that were compared have some too, and every
    /// influence measured is a little too large.
    /// </summary>
    public required int Truncated { get; init; }

    /// <summary>All queries together.</summary>
    public required CalibrationPart All { get; init; }

    /// <summary>The queries of each test case by themselves, in order; one entry a test case and type of prompts.</summary>
    public required IReadOnlyList<CalibrationPart> Parts { get; init; }

    /// <summary>How well the mass for "none of these" tells queries apart; null where none was fitted.</summary>
    public NoneMeasures? None { get; init; }
}

/// <summary>Queries and what was measured on them.</summary>
/// <param name="TestCase">The test case; null for all queries.</param>
/// <param name="Prompts">The type of prompts; null for all of them.</param>
/// <param name="Queries">Number of queries, at least 1.</param>
/// <param name="Before">With tau = 1 and lambda = 0.</param>
/// <param name="After">With the calibration.</param>
public sealed record CalibrationPart(string? TestCase, string? Prompts, int Queries, CalibrationMeasures Before, CalibrationMeasures After);

/// <summary>What is measured of influences whose truth is known: 1/n for each of the n exemplars, 0 for every other candidate.</summary>
public sealed record CalibrationMeasures
{
    /// <summary>
    /// Mean over queries of the Kullback-Leibler divergence of the influences from the truth (Eq. 5), in nats, at least 0; with softplus in place
    /// of ReLU, as in the fit, since one exemplar at exactly zero would make it infinite.
    /// </summary>
    public required double Divergence { get; init; }

    /// <summary>
    /// Expected calibration error of <see cref="Reliability"/>: the mean over candidates with an influence of |predicted - observed|, each bin with its means. In [0, 1].
    /// </summary>
    public required double ExpectedCalibrationError { get; init; }

    /// <summary>
    /// The same by mass: the sum over bins of |predicted - observed| times candidates, per query. In [0, 2]; 0.1 says that a tenth of the influence
    /// stands in a bin that did not earn it.
    /// </summary>
    public required double MisplacedMass { get; init; }

    /// <summary>Share of exemplars with an influence of exactly zero, in [0, 1].</summary>
    public required double ExemplarsAtZero { get; init; }

    /// <summary>Mean over queries of the influence that falls on candidates that are no exemplars, in [0, 1].</summary>
    public required double MassOutside { get; init; }

    /// <summary>Mean number of candidates with an influence above zero.</summary>
    public required double Nonzero { get; init; }

    /// <summary>The reliability diagram: at most 15 bins, predicted influence ascending.</summary>
    public required IReadOnlyList<ReliabilityBin> Reliability { get; init; }

    /// <summary>How the influences are distributed (Figure 11 of the paper).</summary>
    public required InfluenceDistribution Distribution { get; init; }
}

/// <summary>A bin of a reliability diagram. Bins hold equal sums of predicted influence, as far as steps of 0.14 % in influence, which are never divided, allow.</summary>
/// <param name="Low">The smallest influence of the bin, but for such a step; above 0.</param>
/// <param name="High">The largest, but for such a step; at most 1.</param>
/// <param name="Count">Candidates in it, at least 1.</param>
/// <param name="Predicted">Their mean influence.</param>
/// <param name="Observed">Their mean truth: 1/n for one of n exemplars, else 0. Equal to <paramref name="Predicted"/> where 10 % means 10 %.</param>
public sealed record ReliabilityBin(double Low, double High, long Count, double Predicted, double Observed);

/// <summary>A histogram of influences over all candidates of all queries.</summary>
/// <param name="Edges">Upper edges of the bins, ascending, four to a power of ten up to 1. A bin holds what is above the edge before it (above 0 for the first) and not above its own.</param>
/// <param name="Zero">Candidates at exactly zero.</param>
/// <param name="Counts">Candidates in each bin.</param>
/// <param name="ExemplarsZero">Exemplars at exactly zero.</param>
/// <param name="ExemplarCounts">Exemplars in each bin.</param>
public sealed record InfluenceDistribution(
    IReadOnlyList<double> Edges, long Zero, IReadOnlyList<long> Counts, long ExemplarsZero, IReadOnlyList<long> ExemplarCounts);

/// <summary>
/// How well "none of these" tells a query whose exemplars are in the index from the same query after they were taken out; both kinds are equally
/// frequent here.
/// </summary>
/// <param name="Present">Mean mass for none where the exemplars are there, in [0, 1]: the smaller the better.</param>
/// <param name="Absent">Mean mass for none where they are not, in [0, 1]: the larger the better.</param>
/// <param name="LogLoss">Mean of minus the logarithm of what was given to the truth, in nats; ln 2 = 0.693 for somebody who knows nothing.</param>
/// <param name="Auc">Probability that a query without its exemplars gets more mass for none than one with them, ties counting half: 0.5 for a guess, at most 1.</param>
/// <param name="Reliability">At most 15 bins of equally many queries: predicted is the mean mass for none, observed the share of queries without exemplars.</param>
public sealed record NoneMeasures(double Present, double Absent, double LogLoss, double Auc, IReadOnlyList<ReliabilityBin> Reliability);

/// <summary>A step of a fit.</summary>
/// <param name="Step">From 0; the last one, equal to the number of steps, comes after the last update.</param>
/// <param name="Loss">Cross entropy of its batch before the update, in nats.</param>
/// <param name="InverseTau">1 / tau before the update.</param>
/// <param name="Bias">The authors' raw bias before the update; lambda = -0.001 times this.</param>
public readonly record struct CalibrationStep(int Step, double Loss, double InverseTau, double Bias);
