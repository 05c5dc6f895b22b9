namespace Whence.Reports;

/// <summary>All figures of one or several evaluations.</summary>
public static class EvaluationPlots
{
    /// <summary>Draws them: of one run its metrics and, where it was compared with another, what it gained; of several, figures for mAP and each Recall@K.</summary>
    /// <param name="runs">At least one; a run without mappers is the pretrained one of those after it, and the first is what variants are compared with.</param>
    /// <param name="against">
    /// Test cases to be drawn against each other, the one on the lower axis first; null, the default, for the two that there are, where there are two.
    /// </param>
    /// <exception cref="ArgumentException">There is no run, or it has no test case.</exception>
    /// <exception cref="WhenceException">No run has a test case of such a name.</exception>
    public static IEnumerable<Figure> Draw(IReadOnlyList<EvaluationRun> runs, IReadOnlyList<(string Across, string Up)>? against = null)
    {
        ArgumentNullException.ThrowIfNull(runs);
        if (runs.Count == 0)
        {
            throw new ArgumentException("There is no run to draw.", nameof(runs));
        }

        var testCases = runs.SelectMany(r => r.Results.Results).Select(r => r.TestCase).Distinct(StringComparer.Ordinal).ToArray();
        foreach (var name in (against ?? []).SelectMany(pair => new[] { pair.Across, pair.Up }))
        {
            if (!testCases.Contains(name, StringComparer.Ordinal))
            {
                throw new WhenceException($"no run has a test case '{name}', there are {string.Join(", ", testCases.Take(12).Select(t => $"'{t}'"))}; name one of these.");
            }
        }

        var pairs = against ?? (testCases.Length == 2 ? [(testCases[0], testCases[1])] : []);
        return runs.Count == 1
            ? new[] { EvaluationFigures.Overview(runs[0]), EvaluationFigures.OverviewGains(runs[0]) }.OfType<Figure>()
            : EvaluationFigures.Keys(runs).SelectMany(key => Draw(runs, key, pairs)).OfType<Figure>();
    }

    private static IEnumerable<Figure?> Draw(IReadOnlyList<EvaluationRun> runs, string key, IReadOnlyList<(string Across, string Up)> pairs)
    {
        yield return EvaluationFigures.FeatureSpaces(runs, key);
        yield return EvaluationFigures.Gains(runs, key);
        yield return EvaluationFigures.Ablations(runs, key);
        foreach (var (across, up) in pairs)
        {
            yield return AgainstFigure.Draw(runs, key, across, up);
            yield return AgainstFigure.Draw(runs, key, across, up, gains: true);
        }
    }
}
