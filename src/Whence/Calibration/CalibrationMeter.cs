using Whence.Files;

namespace Whence.Calibration;

/// <summary>Measures a calibration on queries whose exemplars are known, a batch at a time: what a <see cref="CalibrationReport"/> is made of.</summary>
internal sealed class CalibrationMeter
{
    // Queries are dealt out to so many sums whatever the number of threads, and these are added up in order: the same bits in every run.
    private const int Lanes = 8;

    private static readonly Calibrator Softmax = new() { Tau = 1, Lambda = 0 };

    // Here the exemplars are always there, and none counts on half of them being away: influences are measured as shares among images, none by itself.
    private readonly Calibrator _shares;
    private readonly NoneOfThese? _none;
    private readonly long _distractors;
    private readonly ParallelOptions _parallel;
    private readonly (string? TestCase, string? Prompts)[] _parts;
    private readonly (InfluenceMeter Before, InfluenceMeter After)[][] _meters;
    private readonly List<float> _present = [];
    private readonly List<float> _absent = [];

    /// <param name="calibrator">What is measured.</param>
    /// <param name="parts">Test cases and types of prompts that are measured by themselves too.</param>
    /// <param name="distractors">N.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="cancellation">Stops between queries.</param>
    public CalibrationMeter(
        Calibrator calibrator, IEnumerable<(string? TestCase, string? Prompts)> parts, long distractors, int threads, CancellationToken cancellation)
    {
        (_none, _shares, _parts, _distractors) = (calibrator.None, calibrator with { None = null }, [.. parts], distractors);
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        _meters = [.. _parts.Select(_ => Enumerable.Range(0, Lanes).Select(_ => (New(Softmax), New(_shares))).ToArray())];
    }

    /// <summary>Takes queries into account.</summary>
    /// <param name="batch">The queries; of each the exemplars come first and the other candidates fall in similarity.</param>
    /// <param name="partOf">Per query the number of its part.</param>
    public void Add(ISimilarities batch, Func<int, int> partOf)
    {
        var (present, absent) = (new float[batch.Queries], new float[batch.Queries]);
        Unwrap.Aggregate(() => Parallel.For(0, Lanes, _parallel, lane =>
        {
            for (var q = lane; q < batch.Queries; q += Lanes)
            {
                _parallel.CancellationToken.ThrowIfCancellationRequested();
                var row = batch.Row(q);
                var exemplars = batch.Exemplars(q);
                (present[q], absent[q]) = Best(row, exemplars);
                var (before, after) = _meters[partOf(q)][lane];
                before.Add(row, exemplars);
                after.Add(row, exemplars);
            }
        }));
        _present.AddRange(present);
        _absent.AddRange(absent);
    }

    /// <summary>The best similarity of a query, with its exemplars and without.</summary>
    public static (float Present, float Absent) Best(ReadOnlySpan<float> row, int exemplars)
    {
        var absent = row.Length > exemplars ? row[exemplars] : float.NegativeInfinity;
        return (Math.Max(absent, System.Numerics.Tensors.TensorPrimitives.Max(row[..exemplars])), absent);
    }

    /// <summary>What was measured; at least one query was added.</summary>
    /// <param name="heldOut">Whether the calibration was fitted on other queries.</param>
    /// <param name="top">R.</param>
    public CalibrationReport Report(bool heldOut, int top)
    {
        var measured = new List<CalibrationPart>();
        var (before, after) = (New(Softmax), New(_shares));
        foreach (var (part, lanes) in _parts.Zip(_meters))
        {
            var (partBefore, partAfter) = (New(Softmax), New(_shares));
            foreach (var lane in lanes)
            {
                partBefore.Add(lane.Before);
                partAfter.Add(lane.After);
            }

            if (partAfter.Queries > 0)
            {
                measured.Add(new CalibrationPart(part.TestCase, part.Prompts, partAfter.Queries, partBefore.Measures(), partAfter.Measures()));
                before.Add(partBefore);
                after.Add(partAfter);
            }
        }

        return new CalibrationReport
        {
            HeldOut = heldOut,
            Top = top,
            Distractors = _distractors,
            Truncated = after.Truncated,
            All = new CalibrationPart(null, null, after.Queries, before.Measures(), after.Measures()),
            Parts = measured,
            None = _none is { } none ? Measure(none) : null,
        };
    }

    private InfluenceMeter New(Calibrator calibrator) => new(calibrator, _distractors);

    private NoneMeasures Measure(NoneOfThese none)
    {
        const int mostBins = 15;
        var (present, absent) = (_present.ConvertAll(s => none.Of(s)), _absent.ConvertAll(s => none.Of(s)));
        (double Mass, int Truth)[] all = [.. present.Select(m => (m, 0)).Concat(absent.Select(m => (m, 1))).OrderBy(p => p.Item1)];
        var bins = Enumerable.Range(0, Math.Min(mostBins, all.Length)).Select(b =>
        {
            var bin = all[(int)((long)b * all.Length / Math.Min(mostBins, all.Length))..(int)((long)(b + 1) * all.Length / Math.Min(mostBins, all.Length))];
            return new ReliabilityBin(bin[0].Mass, bin[^1].Mass, bin.Length, bin.Average(p => p.Mass), bin.Average(p => (double)p.Truth));
        });
        return new NoneMeasures(
            present.Average(),
            absent.Average(),
            (present.Sum(m => -LogOf(1 - m)) + absent.Sum(m => -LogOf(m))) / all.Length,
            Auc(all, present.Count, absent.Count),
            [.. bins]);
    }

    // Mann and Whitney: of the sum of the ranks, equal masses having the mean of theirs.
    private static double Auc((double Mass, int Truth)[] sorted, int present, int absent)
    {
        var ranks = 0.0;
        for (var from = 0; from < sorted.Length;)
        {
            var to = from;
            while (to < sorted.Length && sorted[to].Mass == sorted[from].Mass)
            {
                to++;
            }

            ranks += (from + 1 + to) / 2.0 * sorted[from..to].Count(p => p.Truth == 1);
            from = to;
        }

        return (ranks - (absent * (absent + 1.0) / 2)) / ((double)present * absent);
    }

    // A mass may round to 0 or 1, but no fit is that sure.
    private static double LogOf(double mass) => Math.Log(Math.Max(mass, double.Epsilon));
}
