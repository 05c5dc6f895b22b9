using Whence.Calibration;
using Whence.Evaluation;
using Whence.Mapping;
using Whence.Search;

namespace Whence.Tests.Evaluation;

public sealed class CalibrationRunTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly FeatureIndex _index;

    public CalibrationRunTests() => _index = Planted.Index(_temp["index"]);

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_fit_halves_the_divergence_on_queries_that_it_has_not_seen()
    {
        var run = new CalibrationRun(_index, new CalibrationOptions { Top = 300, None = true, Encoder = null });
        var (calibrator, steps) = run.Fit([Planted.TestCase("a", 1)], _temp["s"]);
        var report = run.Measure(calibrator, [Planted.TestCase("b", 2), Planted.TestCase("c", 3)]);

        Assert.Equal(201, steps.Count);
        Assert.Equal(("test", "", 180), (calibrator.Encoder, calibrator.Mapper, calibrator.Fit!.Queries));
        Assert.True(calibrator.Fit.DivergenceAfter < calibrator.Fit.DivergenceBefore / 2);
        Assert.True(report.All.After.Divergence < report.All.Before.Divergence / 2);
        Assert.True(report.All.After.MassOutside < report.All.Before.MassOutside);
        Assert.True(report.HeldOut);
        Assert.Equal([("b", "gpt", 90), ("b", "object", 90), ("c", "gpt", 90), ("c", "object", 90)], report.Parts.Select(p => (p.TestCase!, p.Prompts!, p.Queries)));
        Assert.Equal(360, report.All.Queries);
        Assert.True(report.None is { Auc: > 0.6 } none && none.Absent > none.Present && none.LogLoss < 0.69);
        Assert.Equal(0.5, (report.None.Present + report.None.Absent) / 2, 0.1); // as often there as not, and so predicted
    }

    [Fact]
    public void Measures_are_what_their_definitions_say()
    {
        var run = new CalibrationRun(_index, new CalibrationOptions { Top = 1000, Queries = 50, Seed = 3 });
        var testCase = Planted.TestCase("a", 1);
        var calibrator = new Calibrator { Tau = 0.08, Lambda = 0.05, None = new NoneOfThese(4, -8) };
        _ = run.Fit([testCase], _temp["s"]);
        var report = run.MeasureFitted(calibrator, [testCase], _temp["s"]);

        // The same from the similarities, one by one.
        var pool = CalibrationQueries.Draw([testCase], 50, 3);
        var shares = new List<(double Predicted, double Observed)>();
        var (outside, zeros, exemplars, divergence) = (0.0, 0, 0, 0.0);
        foreach (var query in pool.Queries)
        {
            var chunk = pool.Exemplars(query);
            var own = Enumerable.Range(chunk.Start, chunk.Count).Select(i => SlowEvaluation.Similarity(testCase.Exemplars.Row(i).ToArray(), pool.Feature(query).ToArray())).ToArray();
            float[] all = [.. own, .. Planted.Distractors(99, 900).Select(d => SlowEvaluation.Similarity(d, pool.Feature(query).ToArray())).OrderDescending()];
            var influence = (calibrator with { None = null }).Normalize(all); // none is measured by itself
            shares.AddRange(all.Select((s, i) => (influence.Of(s), i < own.Length ? 1.0 / own.Length : 0)));
            outside += all.Skip(own.Length).Sum(influence.Of);
            zeros += own.Count(s => influence.Of(s) == 0);
            exemplars += own.Length;
            divergence += SlowCalibration(all, own.Length, calibrator) - Math.Log(own.Length);
        }

        var measures = report.All.After;
        Assert.Equal(outside / 50, measures.MassOutside, 1e-9);
        Assert.Equal((double)zeros / exemplars, measures.ExemplarsAtZero, 1e-12);
        Assert.Equal(divergence / 50, measures.Divergence, 1e-5);
        Assert.Equal(shares.Count(s => s.Predicted > 0) / 50.0, measures.Nonzero, 1e-9);
        Assert.Equal(shares.Count(s => s.Predicted == 0), measures.Distribution.Zero);
        Assert.Equal(zeros, measures.Distribution.ExemplarsZero);
        Assert.Equal(exemplars - zeros, measures.Distribution.ExemplarCounts.Sum());
        foreach (var (edge, count) in measures.Distribution.Edges.Zip(measures.Distribution.Counts))
        {
            var below = measures.Distribution.Edges.LastOrDefault(e => e < edge);
            Assert.Equal(shares.Count(s => s.Predicted > below && s.Predicted <= edge), count);
        }

        Assert.Equal(15, measures.Reliability.Count);
        var (total, error) = (shares.Sum(s => s.Predicted), 0.0);
        foreach (var bin in measures.Reliability)
        {
            var inside = shares.Where(s => s.Predicted > 0 && (float)s.Predicted >= (float)bin.Low && ((float)s.Predicted < (float)bin.High || bin.High == 1)).ToArray();
            Assert.Equal(inside.Length, bin.Count);
            Assert.Equal(inside.Average(s => s.Predicted), bin.Predicted, 1e-9);
            Assert.Equal(inside.Average(s => s.Observed), bin.Observed, 1e-9);
            Assert.Equal(total / 15, bin.Predicted * bin.Count, 2.0); // shares near 1 are few and never divided
            error += inside.Length * Math.Abs(bin.Predicted - bin.Observed);
        }

        Assert.Equal(error / 50, measures.MisplacedMass, 1e-9);
        Assert.Equal(error / shares.Count(s => s.Predicted > 0), measures.ExpectedCalibrationError, 1e-9);
        Assert.Equal((false, 0), (report.HeldOut, report.Truncated));
    }

    [Fact]
    public void Candidates_that_were_left_out_are_told()
    {
        var run = new CalibrationRun(_index, new CalibrationOptions { Top = 20, Queries = 10 });
        Assert.Equal(10, run.Measure(new Calibrator { Tau = 1, Lambda = 0 }, [Planted.TestCase("a", 1)]).Truncated);
        Assert.Equal(0, run.Measure(new Calibrator { Tau = 0.001, Lambda = 0.5 }, [Planted.TestCase("a", 1)]).Truncated);
    }

    [Fact]
    public void Nothing_depends_on_threads_and_a_seed_decides_the_pool()
    {
        var (one, two) = (Fit(threads: 1, seed: 5, "s1"), Fit(threads: 3, seed: 5, "s2"));
        Assert.Equal(one.Fit.Steps, two.Fit.Steps);
        Assert.Equal(File.ReadAllBytes(_temp["s1"]), File.ReadAllBytes(_temp["s2"]));
        Assert.Equal(one.Report.All.After.MisplacedMass, two.Report.All.After.MisplacedMass);
        Assert.Equal(one.Report.All.Before.Divergence, two.Report.All.Before.Divergence);
        Assert.NotEqual(one.Fit.Steps[^1], Fit(threads: 1, seed: 6, "s3").Fit.Steps[^1]);

        (FittedCalibration Fit, CalibrationReport Report) Fit(int threads, int seed, string file)
        {
            var run = new CalibrationRun(_index, new CalibrationOptions { Top = 100, Queries = 60, Seed = seed, Fit = new() { Threads = threads, BatchSize = 25, Steps = 40 } });
            var fit = run.Fit([Planted.TestCase("a", 1)], _temp[file]);
            return (fit, run.Measure(fit.Calibrator, [Planted.TestCase("b", 2)]));
        }
    }

    [Fact]
    public void An_interrupted_gathering_goes_on_and_other_inputs_begin_anew()
    {
        var testCases = new[] { Planted.TestCase("a", 1, models: 60) }; // 360 queries: three batches
        var options = new CalibrationOptions { Top = 100, Fit = new() { Steps = 3 } };
        _ = new CalibrationRun(_index, options).Fit(testCases, _temp["whole"]);

        using var stop = new CancellationTokenSource();
        var seen = new List<CalibrationProgress>();
        Assert.ThrowsAny<OperationCanceledException>(() => new CalibrationRun(_index, options, new Listener(p =>
        {
            seen.Add(p);
            if (seen.Count == 2)
            {
                stop.Cancel();
            }
        })).Fit(testCases, _temp["s"], cancellation: stop.Token));
        Assert.Equal([128, 256], seen.Select(p => (int)p.Done));

        // The last row that was written was torn.
        var unfinished = Directory.GetFiles(_temp.Path, "s.*").Single();
        using (var file = File.OpenWrite(unfinished))
        {
            file.SetLength(file.Length - 10);
        }

        seen.Clear();
        _ = new CalibrationRun(_index, options, new Listener(seen.Add)).Fit(testCases, _temp["s"]);
        Assert.Equal([360], seen.Where(p => p.What.StartsWith("gathering", StringComparison.Ordinal)).Select(p => (int)p.Done)); // from 255 on, one batch
        Assert.Equal(File.ReadAllBytes(_temp["whole"]), File.ReadAllBytes(_temp["s"]));

        // What is complete is not gathered again; what is damaged, or of other inputs, is.
        Assert.False(Gathers(options));
        Assert.True(Gathers(options with { Top = 101 }));
        Assert.True(Gathers(options with { Seed = 1 }));
        Assert.True(Gathers(options with { Mapper = new MapperPair(Ones(1), Ones(1), "ones") }));
        Assert.True(Gathers(options));
        var bytes = File.ReadAllBytes(_temp["s"]);
        bytes[5000] ^= 1;
        File.WriteAllBytes(_temp["s"], bytes);
        Assert.True(Gathers(options));
        File.WriteAllBytes(_temp["s"], []);
        Assert.True(Gathers(options));
        IndexRemoval.Remove(_temp["index"], [3], []);
        Assert.True(Gathers(options, FeatureIndex.Open(_temp["index"])));

        bool Gathers(CalibrationOptions with, FeatureIndex? index = null)
        {
            seen.Clear();
            _ = new CalibrationRun(index ?? _index, with, new Listener(seen.Add)).Fit(testCases, _temp["s"]);
            return seen.Exists(p => p.What.StartsWith("gathering", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void What_is_gathered_takes_no_more_room_than_there_are_candidates()
    {
        var calibrator = new CalibrationRun(_index, new CalibrationOptions { Queries = 20 }).Fit([Planted.TestCase("a", 1, encoder: null)], _temp["s"]).Calibrator;
        Assert.Equal(("test", 100_000), (calibrator.Encoder, calibrator.Fit!.Top)); // the distractors say which encoder
        Assert.InRange(new FileInfo(_temp["s"]).Length, 20 * 4 * 901, 64 + (20 * (16 + (4 * 904))));
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_any_work()
    {
        var run = new CalibrationRun(_index, new CalibrationOptions { Top = 3, Encoder = "test" });
        Assert.Contains("exemplars", Assert.Throws<WhenceException>(() => run.Check([Planted.TestCase("a", 1)])).Message, StringComparison.Ordinal);
        var other = new CalibrationRun(_index, new CalibrationOptions { Encoder = "dino" });
        Assert.Contains("'dino'", Assert.Throws<WhenceException>(() => other.Check([Planted.TestCase("a", 1)])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new CalibrationRun(_index, new CalibrationOptions { Top = 1 }));
        var mapper = new MapperPair(Ones(1), Ones(1), "m", new MapperProvenance { Encoder = "clip", Features = [], Options = new Dictionary<string, string>(), Epoch = 1 });
        var mapped = new CalibrationRun(_index, new CalibrationOptions { Mapper = mapper });
        Assert.Contains("trained for 'clip'", Assert.Throws<WhenceException>(() => mapped.Check([Planted.TestCase("a", 1, encoder: null)])).Message, StringComparison.Ordinal);
        IndexRemoval.Remove(_temp["index"], [.. Enumerable.Range(0, 900).Select(i => (long)i)], []);
        var empty = new CalibrationRun(FeatureIndex.Open(_temp["index"]), new CalibrationOptions());
        Assert.Contains("no images", Assert.Throws<WhenceException>(() => empty.Check([Planted.TestCase("a", 1)])).Message, StringComparison.Ordinal);
    }

    private static double SlowCalibration(float[] similarities, int exemplars, Calibrator calibrator) =>
        Tests.Calibration.SlowCalibration.Of(similarities, exemplars, 1 / calibrator.Tau, -1000 * calibrator.Lambda).Loss;

    private static ChannelMapper Ones(float value) => new([.. Enumerable.Repeat(value, Planted.Dimension)]);

    private sealed class Listener(Action<CalibrationProgress> tell) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => tell(value);
    }
}
