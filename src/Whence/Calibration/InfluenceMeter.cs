namespace Whence.Calibration;

/// <summary>
/// Adds up what <see cref="CalibrationMeasures"/> are made of, query by query. Influences go into bins of 2^(1/512), so that memory is bounded
/// whatever the number of candidates; meters of several threads are added up afterwards.
/// </summary>
/// <param name="calibrator">What turns similarities into influences; without a mass for none.</param>
/// <param name="distractors">N, to tell whether a query's candidates are all there are.</param>
internal sealed class InfluenceMeter(Calibrator calibrator, long distractors)
{
    private const int MostReliabilityBins = 15;

    // 512 bins to a power of two, from 2^-32 (all below share the first one) to 1.
    private const int Shift = 14;
    private const int Bins = (32 << (23 - Shift)) + 1;
    private static readonly int First = (int)(BitConverter.SingleToUInt32Bits(MathF.Pow(2, -32)) >> Shift);

    private static readonly double[] Edges = [.. Enumerable.Range(-32, 33).Select(i => i == 0 ? 1 : Math.Pow(10, i / 4.0))];

    // Per bin the number of edges that are below all of it.
    private static readonly int[] EdgesBelow = [.. Enumerable.Range(0, Bins).Select(bin => Edges.Count(e => bin > 0 && e < LowerEnd(bin)))];

    private readonly long[] _counts = new long[Bins];
    private readonly double[] _predicted = new double[Bins];
    private readonly double[] _observed = new double[Bins];
    private readonly long[] _distribution = new long[Edges.Length];
    private readonly long[] _exemplarDistribution = new long[Edges.Length];
    private long _candidates;
    private long _exemplars;
    private long _exemplarsAtZero;
    private long _nonzero;
    private double _outside;
    private double _divergence;

    /// <summary>Queries so far.</summary>
    public int Queries { get; private set; }

    /// <summary>Queries whose last candidate has an influence, though there are more distractors.</summary>
    public int Truncated { get; private set; }

    /// <summary>Takes a query into account.</summary>
    /// <param name="similarities">Its candidates' similarities, exemplars first, the least similar one last unless it is an exemplar.</param>
    /// <param name="exemplars">c.</param>
    public void Add(ReadOnlySpan<float> similarities, int exemplars)
    {
        var influence = calibrator.Normalize(similarities);
        var maximum = System.Numerics.Tensors.TensorPrimitives.Max(similarities);
        var (own, shown) = (0.0, 0L);
        for (var i = 0; i < similarities.Length; i++)
        {
            // Below this no influence begins, so that most need no exponential.
            var share = similarities[i] < influence.SmallestSimilarity ? 0 : Math.Min(influence.Of(similarities[i]), 1);
            if (share > 0)
            {
                shown++;
                var bin = BinOf(share);
                _counts[bin]++;
                _predicted[bin] += share;
                _observed[bin] += i < exemplars ? 1.0 / exemplars : 0;
                Count(_distribution, bin, share);
            }

            if (i < exemplars)
            {
                own += share;
                _exemplarsAtZero += share > 0 ? 0 : 1;
                if (share > 0)
                {
                    Count(_exemplarDistribution, BinOf(share), share);
                }
            }
        }

        Queries++;
        Truncated += similarities.Length - exemplars < distractors && influence.Of(similarities[^1]) > 0 ? 1 : 0;
        _candidates += similarities.Length;
        _exemplars += exemplars;
        _nonzero += shown;
        _outside += Math.Max(0, 1 - own);
        _divergence += CalibrationLoss.OfQuery(similarities, exemplars, maximum, 1 / calibrator.Tau, -calibrator.Lambda / Calibrator.BiasGain).Loss - Math.Log(exemplars);
    }

    /// <summary>Adds what another meter has seen.</summary>
    public void Add(InfluenceMeter other)
    {
        AddTo(_counts, other._counts);
        AddTo(_predicted, other._predicted);
        AddTo(_observed, other._observed);
        AddTo(_distribution, other._distribution);
        AddTo(_exemplarDistribution, other._exemplarDistribution);
        Queries += other.Queries;
        Truncated += other.Truncated;
        _candidates += other._candidates;
        _exemplars += other._exemplars;
        _exemplarsAtZero += other._exemplarsAtZero;
        _nonzero += other._nonzero;
        _outside += other._outside;
        _divergence += other._divergence;
    }

    /// <summary>What comes of it; at least one query was added.</summary>
    public CalibrationMeasures Measures()
    {
        var bins = Reliability();
        var misplaced = bins.Sum(b => b.Count * Math.Abs(b.Predicted - b.Observed));
        return new CalibrationMeasures
        {
            Divergence = _divergence / Queries,
            ExpectedCalibrationError = misplaced / Math.Max(_nonzero, 1),
            MisplacedMass = misplaced / Queries,
            ExemplarsAtZero = (double)_exemplarsAtZero / _exemplars,
            MassOutside = _outside / Queries,
            Nonzero = (double)_nonzero / Queries,
            Reliability = bins,
            Distribution = new InfluenceDistribution(Edges, _candidates - _nonzero, _distribution, _exemplarsAtZero, _exemplarDistribution),
        };
    }

    private List<ReliabilityBin> Reliability()
    {
        var (bins, total, passed) = (new List<ReliabilityBin>(), _predicted.Sum(), 0.0);
        var (low, count, predicted, observed) = (-1, 0L, 0.0, 0.0);
        var last = Array.FindLastIndex(_counts, c => c > 0);
        var end = total / MostReliabilityBins;
        for (var bin = 0; bin <= last; bin++)
        {
            if (_counts[bin] == 0)
            {
                continue;
            }

            low = low < 0 ? bin : low;
            count += _counts[bin];
            predicted += _predicted[bin];
            observed += _observed[bin];
            passed += _predicted[bin];
            if (bin == last || (passed >= end && bins.Count < MostReliabilityBins - 1))
            {
                bins.Add(new ReliabilityBin(LowerEnd(low), Math.Min(LowerEnd(bin + 1), 1), count, predicted / count, observed / count));
                (low, count, predicted, observed) = (-1, 0, 0, 0);
                end = passed + ((total - passed) / Math.Max(MostReliabilityBins - bins.Count, 1)); // of what is left: many candidates may have one influence
            }
        }

        return bins;
    }

    private static void Count(long[] distribution, int bin, double share)
    {
        var at = EdgesBelow[bin];
        while (at < Edges.Length - 1 && share > Edges[at])
        {
            at++;
        }

        distribution[at]++;
    }

    private static int BinOf(double share) => Math.Clamp((int)(BitConverter.SingleToUInt32Bits((float)share) >> Shift) - First, 0, Bins - 1);

    private static double LowerEnd(int bin) => bin == 0 ? 0 : BitConverter.UInt32BitsToSingle((uint)(bin + First) << Shift);

    private static void AddTo(long[] sums, long[] others)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += others[i];
        }
    }

    private static void AddTo(double[] sums, double[] others)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += others[i];
        }
    }
}
