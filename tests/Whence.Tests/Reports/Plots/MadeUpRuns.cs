using Whence.Calibration;
using Whence.Evaluation;
using Whence.Reports;

namespace Whence.Tests.Reports.Plots;

/// <summary>Runs of an evaluation that never was: ranks are drawn at random, the better the lower a run's level.</summary>
internal static class MadeUpRuns
{
    public static readonly string[] TestCases = ["imagenet_seen", "imagenet_unseen", "bamfg", "artchive"];

    public static EvaluationRun Run(string label, double level, bool tuned, IReadOnlyList<string>? testCases = null, int seed = 7, int models = 40, string[]? prompts = null)
    {
        var random = new Random(seed);
        TestCaseRanks[] ranks = [.. (testCases ?? TestCases).Select((name, c) => new TestCaseRanks(
            name,
            [.. Enumerable.Range(0, models).Select(m => c < 2 ? 5 : 1 + (m % 12))],
            [.. (prompts ?? ["gpt", "object"]).Select((type, p) => new PromptRanks(type, [.. Enumerable.Range(0, models * 4).Select(q => Ranks(random, q % models, c < 2 ? 5 : 1 + (q % models % 12), level + (0.5 * c) + p))], null))]))];
        return new EvaluationRun(label, Summary.Of(ranks, new DistractorInfo("laion", 1_000_000), new EvaluationOptions { Resamples = 200 })
            with
        { Mapper = tuned ? new MapperInfo(label, "00") : null });
    }

    public static EvaluationRun[] FeatureSpaces() =>
    [
        Run("DINO", 2.5, false), Run("DINO, objects", 1.6, true), Run("DINO, objects + styles", 1.5, true),
        Run("CLIP", 3.5, false), Run("CLIP, objects + styles", 1.2, true), Run("MoCo v3", 3, false), Run("ALADIN", 5, false), Run("SSCD", 4.5, false),
    ];

    public static CalibrationPart Calibration()
    {
        double[] edges = [.. Enumerable.Range(-27, 28).Select(i => Math.Pow(10, i / 4.0))];
        var before = new long[edges.Length];
        before[3] = 99_000_000 * 4;
        before[4] = 1_200_000;
        var exemplarsBefore = new long[edges.Length];
        (exemplarsBefore[3], exemplarsBefore[4]) = (9000, 4000);
        long[] after = [.. edges.Select((e, i) => i < 6 ? 0 : (long)(400_000 * Math.Exp(-Math.Pow((i - 12) / 5.0, 2))))];
        long[] exemplarsAfter = [.. edges.Select((e, i) => i < 8 ? 0 : (long)(2500 * Math.Exp(-Math.Pow((i - 21) / 4.0, 2))))];
        var random = new Random(1);
        ReliabilityBin[] bins = [.. Enumerable.Range(0, 15).Select(i => Math.Pow(10, -3.1 + (0.2 * i))).Select((p, i) => new ReliabilityBin(p * 0.85, p * 1.2, 1000, p, i == 1 ? 0 : Math.Min(1, p * (0.7 + (0.7 * random.NextDouble())))))];
        return new CalibrationPart(
            null, null, 4096, Measures(11.2, 0.0001, 0.00002, 0, 0.9999, [], new InfluenceDistribution(edges, 0, before, 0, exemplarsBefore)),
            Measures(2.1, 0.013, 0.087, 0.064, 0.55, bins, new InfluenceDistribution(edges, 395_000_000, after, 1200, exemplarsAfter)));
    }

    public static string TrainingCurve(int epochs = 100, int every = 5)
    {
        var rows = Enumerable.Range(0, epochs + 1).Select(e => e == 0 ? "0,,,,,,0.312" : FormattableString.Invariant(
            $"{e},{0.001 * (1 + Math.Cos(Math.PI * e / epochs)) / 2},{6.2 + (0.8 * Math.Exp(-e / 20.0))},{3.08 + (0.4 * Math.Exp(-e / 20.0))},{3.1 + (0.4 * Math.Exp(-e / 25.0))},{0.4 * (1 - Math.Exp(-e / 10.0))},{(e % every == 0 ? FormattableString.Invariant($"{0.312 + (0.2 * (1 - Math.Exp(-e / 15.0))) - (e > 60 ? (e - 60) * 0.0006 : 0)}") : "")}"));
        return "epoch,learning_rate,loss,synth_to_real,real_to_synth,regularizer,recall@10\r\n" + string.Join("\r\n", rows) + "\r\n";
    }

    private static CalibrationMeasures Measures(
        double divergence, double error, double misplaced, double zero, double outside, ReliabilityBin[] bins, InfluenceDistribution distribution) => new()
        {
            Divergence = divergence,
            ExpectedCalibrationError = error,
            MisplacedMass = misplaced,
            ExemplarsAtZero = zero,
            MassOutside = outside,
            Nonzero = 100,
            Reliability = bins,
            Distribution = distribution,
        };

    private static QueryRanks Ranks(Random random, int model, int exemplars, double level)
    {
        var difficulty = new Random(model).NextDouble() * 2;
        var ranks = new SortedSet<long>();
        while (ranks.Count < exemplars)
        {
            ranks.Add(1 + (long)Math.Exp(random.NextDouble() * (level + difficulty) * 2));
        }

        return new QueryRanks(model, [.. ranks], [.. ranks]);
    }
}
