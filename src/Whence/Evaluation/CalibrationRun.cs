using Whence.Calibration;
using Whence.Datasets;
using Whence.Search;

namespace Whence.Evaluation;

/// <summary>
/// Calibrates influences over distractors: gathers similarities of queries whose exemplars are known, fits tau and lambda (Eq. 5 and 6, appendix C.3 of the
/// paper) and, beyond it, the mass for none; and measures what came of it. The candidates of a query are all distractors and only the
/// exemplars of the model that made it, as in an evaluation.
/// </summary>
public sealed class CalibrationRun
{
    private readonly FeatureIndex _distractors;
    private readonly CalibrationOptions _options;
    private readonly IProgress<CalibrationProgress>? _progress;

    /// <summary>A run over distractors.</summary>
    /// <param name="distractors">The distractors; images that were removed from the index are none.</param>
    /// <param name="options">Mapper, number of queries and candidates, fit; null for the paper's.</param>
    /// <param name="progress">Told how far the work is; null for nobody.</param>
    public CalibrationRun(FeatureIndex distractors, CalibrationOptions? options = null, IProgress<CalibrationProgress>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(distractors);
        (_distractors, _options, _progress) = (distractors, options ?? new(), progress);
        _options.Validate();
    }

    /// <summary>Refuses test cases that cannot be used, before any long work.</summary>
    /// <exception cref="WhenceException">They are of another encoder, or have more exemplars than candidates.</exception>
    public void Check(IReadOnlyList<TestCaseFeatures> testCases)
    {
        _ = Gathering(testCases, out _);
        _ = EncoderOf(testCases);
    }

    /// <summary>Fits a calibration to a pool of queries.</summary>
    /// <param name="testCases">Features of a validation split, at least one.</param>
    /// <param name="similarities">
    /// A file for the pool's similarities, up to 4 bytes times queries times candidates; made where it is missing or of other inputs, and gone on with
    /// where a run was interrupted. It may be deleted afterwards.
    /// </param>
    /// <param name="sources">The files that hold the features, for the record; null where there are none.</param>
    /// <param name="cancellation">Stops between blocks of distractors and steps.</param>
    /// <exception cref="WhenceException">The features do not fit, something is damaged, or nothing can be fitted.</exception>
    public FittedCalibration Fit(
        IReadOnlyList<TestCaseFeatures> testCases, string similarities, IReadOnlyList<CalibrationSource>? sources = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(similarities);
        var gathering = Gathering(testCases, out var pool);
        var encoder = EncoderOf(testCases);
        using var rows = gathering.ToFile(similarities, _progress, cancellation);
        var loss = new CalibrationLoss(rows, _options.Threads, cancellation);
        var fit = CalibrationFit.Run(loss, _options.Fit, new Reporter(this));
        var entropy = Enumerable.Range(0, rows.Queries).Average(q => Math.Log(rows.Exemplars(q)));
        var start = loss.Of(0, rows.Queries, 1, 0).Loss - entropy;
        return new FittedCalibration(
            fit.ToCalibrator() with
            {
                None = _options.None ? FitNone(rows) : null,
                Encoder = encoder,
                Domain = _options.Domain,
                Mapper = Calibrator.ChecksumOf(_options.Mapper),
                Fit = new CalibrationProvenance
                {
                    Features = sources ?? [.. testCases.Select(t => new CalibrationSource(t.Name, ""))],
                    Distractors = gathering.Distractors,
                    Queries = rows.Queries,
                    Top = _options.Top,
                    Seed = pool.Seed,
                    Steps = _options.Fit.Steps,
                    BatchSize = Math.Min(_options.Fit.BatchSize, rows.Queries),
                    LearningRate = _options.Fit.LearningRate,
                    DivergenceBefore = start,
                    DivergenceAfter = loss.Of(0, rows.Queries, fit.InverseTau, fit.Bias).Loss - entropy,
                },
            },
            fit.Steps);
    }

    /// <summary>Measures a calibration on queries of other test cases.</summary>
    /// <param name="calibrator">The calibration.</param>
    /// <param name="testCases">Features of test cases, at least one.</param>
    /// <param name="heldOut">Whether it was fitted to none of these; the report says so.</param>
    /// <param name="cancellation">Stops between blocks of distractors.</param>
    /// <exception cref="WhenceException">The features do not fit, or something is damaged.</exception>
    public CalibrationReport Measure(
        Calibrator calibrator, IReadOnlyList<TestCaseFeatures> testCases, bool heldOut = true, CancellationToken cancellation = default)
    {
        var gathering = Gathering(testCases, out var pool);
        return Measure(calibrator, pool, gathering, gathering.Batches(0, _progress, cancellation), heldOut, cancellation);
    }

    /// <summary>Measures a calibration on the very queries that it was fitted to, whose similarities <see cref="Fit"/> has left in its file.</summary>
    /// <param name="calibrator">The calibration.</param>
    /// <param name="testCases">Those of the fit.</param>
    /// <param name="similarities">The file.</param>
    /// <param name="cancellation">Stops between queries.</param>
    /// <exception cref="WhenceException">The features do not fit, or something is damaged.</exception>
    public CalibrationReport MeasureFitted(
        Calibrator calibrator, IReadOnlyList<TestCaseFeatures> testCases, string similarities, CancellationToken cancellation = default)
    {
        var gathering = Gathering(testCases, out var pool);
        using var rows = gathering.ToFile(similarities, _progress, cancellation);
        return Measure(calibrator, pool, gathering, [rows], heldOut: false, cancellation);
    }

    /// <summary>Deletes a file of similarities, finished or not; nothing where there is none.</summary>
    public static void Forget(string similarities) => SimilarityWriter.Delete(similarities);

    private CalibrationReport Measure(
        Calibrator calibrator, CalibrationQueries pool, SimilarityGathering gathering, IEnumerable<ISimilarities> batches, bool heldOut, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(calibrator);
        calibrator.Validate();
        var parts = pool.Parts();
        var places = parts.Index().ToDictionary(p => p.Item, p => p.Index);
        var meter = new CalibrationMeter(calibrator, parts.Select(pool.NameOf), gathering.Distractors, _options.Threads, cancellation);
        var first = 0;
        foreach (var batch in batches)
        {
            var from = first;
            meter.Add(batch, q => places[(pool.Queries[from + q].TestCase, pool.Queries[from + q].Prompts)]);
            first += batch.Queries;
        }

        return meter.Report(heldOut, _options.Top);
    }

    private SimilarityGathering Gathering(IReadOnlyList<TestCaseFeatures> testCases, out CalibrationQueries pool)
    {
        ArgumentNullException.ThrowIfNull(testCases);
        ArgumentOutOfRangeException.ThrowIfZero(testCases.Count, nameof(testCases));
        pool = CalibrationQueries.Draw(testCases, _options.Queries, _options.Seed);
        return new SimilarityGathering(_distractors, pool, _options);
    }

    private static NoneOfThese FitNone(SimilarityFile rows)
    {
        var (present, absent) = (new float[rows.Queries], new float[rows.Queries]);
        for (var q = 0; q < rows.Queries; q++)
        {
            (present[q], absent[q]) = CalibrationMeter.Best(rows.Row(q), rows.Exemplars(q));
        }

        return NoneOfThese.Fit(present, absent);
    }

    private string? EncoderOf(IReadOnlyList<TestCaseFeatures> testCases)
    {
        var encoder = _options.Encoder;
        _options.Mapper?.CheckEncoder(encoder, "the calibration");
        foreach (var (name, own) in testCases.Select(t => ($"test case '{t.Name}'", t.Encoder)).Append((_distractors.Folder, Evaluator.EncoderOf(_distractors))))
        {
            _options.Mapper?.CheckEncoder(own, name);
            encoder = own is null || encoder is null || encoder == own
                ? encoder ?? own
                : throw new WhenceException($"{name}: its features were made by encoder '{own}', others by '{encoder}'; a calibration is for one encoder.");
        }

        return encoder;
    }

    private sealed class Reporter(CalibrationRun run) : IProgress<CalibrationStep>
    {
        public void Report(CalibrationStep value) =>
            run._progress?.Report(new CalibrationProgress("fitting", value.Step, run._options.Fit.Steps));
    }
}
