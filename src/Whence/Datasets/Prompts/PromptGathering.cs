using Microsoft.Extensions.AI;

namespace Whence.Datasets.Prompts;

/// <summary>How many prompts are wanted, and how often a chat model is asked for them.</summary>
public sealed record PromptGatheringOptions
{
    /// <summary>Prompts to train with, at least 0. Default 15, the paper's for a category (Table 1).</summary>
    public int Train { get; init; } = 15;

    /// <summary>Prompts to validate with, at least 0. Default 6, the paper's; there they are some of those that are trained with, here others.</summary>
    public int Validation { get; init; } = 6;

    /// <summary>Prompts to test with, at least 0. Default 10, the paper's.</summary>
    public int Test { get; init; } = 10;

    /// <summary>How often the question is asked at most, at least 1: answers repeat themselves (appendix A). Default 5.</summary>
    public int Questions { get; init; } = 5;

    /// <summary>Which prompt goes into which split. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Refuses what makes no sense.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Which.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Train);
        ArgumentOutOfRangeException.ThrowIfNegative(Validation);
        ArgumentOutOfRangeException.ThrowIfNegative(Test);
        ArgumentOutOfRangeException.ThrowIfLessThan(Questions, 1);
    }

    internal int Of(PromptSplit split) => split switch { PromptSplit.Train => Train, PromptSplit.Validation => Validation, _ => Test };
}

/// <summary>What came of asking.</summary>
/// <param name="Questions">How often it was asked.</param>
/// <param name="Added">Prompts that now wait for approval.</param>
/// <param name="Repeated">Captions that said what was there already.</param>
/// <param name="Unfit">Captions without the subject's word, or that cannot be a prompt.</param>
/// <param name="Missing">Prompts that are still wanted.</param>
public sealed record PromptGatheringReport(int Questions, int Added, int Repeated, int Unfit, int Missing);

/// <summary>
/// Asks a chat model for prompts until there are as many as are wanted, and writes each answer's new ones into a file where they wait for a person's approval. What stands in the file stays,
/// approved, rejected or edited; it is read anew before each writing.
/// </summary>
public static class PromptGathering
{
    // Of what is there already, the last ones are told with a question: the others do come again at times, and are dropped.
    private const int Told = 60;

    /// <summary>Asks and writes.</summary>
    /// <param name="chat">The chat model.</param>
    /// <param name="query">What it is asked.</param>
    /// <param name="path">The file; made where there is none.</param>
    /// <param name="known">Other files whose prompts are not wanted again.</param>
    /// <param name="options">How many.</param>
    /// <param name="progress">Is told after each answer.</param>
    /// <param name="cancellation">Stops; what was written is kept.</param>
    /// <exception cref="WhenceException">A file is not understood or cannot be written, or no answer holds a prompt; what the chat model's client throws goes through.</exception>
    public static async Task<PromptGatheringReport> RunAsync(
        IChatClient chat, PromptQuery query, string path, IReadOnlyList<PromptFile> known, PromptGatheringOptions options,
        IProgress<PromptGatheringReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(chat);
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(known);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var report = new PromptGatheringReport(0, 0, 0, 0, Missing(Open(query, path), options).Values.Sum());
        var (barren, said) = (0, "");
        while (report.Missing > 0 && report.Questions < options.Questions && barren < 2)
        {
            var question = query.Ask(report.Missing, [.. Prompts(Open(query, path)).TakeLast(Told).Select(query.CaptionOf)]);
            said = (await chat.GetResponseAsync(question, cancellationToken: cancellation).ConfigureAwait(false)).Text;
            var (file, captions) = (Open(query, path), PromptAnswer.Parse(said)); // a person may have edited it while the model was thinking
            var seen = known.Append(file).SelectMany(Prompts).Select(Form).ToHashSet(StringComparer.Ordinal);
            string[] prompts = [.. captions.Select(query.PromptOf).OfType<string>()];
            string[] fresh = [.. prompts.Where(prompt => seen.Add(Form(PromptTemplate.Parse(prompt))))];
            var dealt = Deal(fresh, Missing(file, options), options);
            if (dealt.Count > 0)
            {
                file = file.With(dealt);
                file.Save();
            }

            barren = prompts.Length > 0 ? 0 : barren + 1;
            report = new PromptGatheringReport(
                report.Questions + 1, report.Added + dealt.Count, report.Repeated + prompts.Length - fresh.Length, report.Unfit + captions.Count - prompts.Length, Missing(file, options).Values.Sum());
            progress?.Report(report);
        }

        if (report is { Questions: > 0, Added: 0, Repeated: 0 })
        {
            throw new WhenceException(
                $"The chat model's answers hold no prompts{(query.Category is { } category ? $" with '{category}' as their subject" : "")}; the last one begins '{PromptAnswer.Clean(said[..Math.Min(said.Length, 120)])}'. Try another model, or another question.");
        }

        return report;

        string Form(PromptTemplate prompt) => PromptText.Normalize(prompt.Fill(query.Category ?? "category"));
    }

    private static PromptFile Open(PromptQuery query, string path)
    {
        var file = File.Exists(path) ? PromptFile.Load(path) : query.NewFile(path);
        return query.Category is { } category && !file.Categories.Contains(category, StringComparer.OrdinalIgnoreCase)
            ? throw new WhenceException($"{path}: is not for '{category}': it has no 'for: {category}' at its top. Name another file.")
            : file.Template is not null ? throw new WhenceException($"{path}: has a template, into which whole prompts do not fit. Name another file.")
            : file;
    }

    private static IEnumerable<PromptTemplate> Prompts(PromptFile file) => file.Lines.Select(line => PromptList.Read(file, line));

    private static Dictionary<PromptSplit, int> Missing(PromptFile file, PromptGatheringOptions options) => Enum.GetValues<PromptSplit>()
        .ToDictionary(split => split, split => Math.Max(0, options.Of(split) - file.Lines.Count(line => line.Split == split && line.State != PromptState.Rejected)));

    /// <summary>Deals prompts to the splits that lack most of what is wanted, in an order that the seed decides: a model's first ideas are not all trained with.</summary>
    private static List<(PromptSplit Split, string Text)> Deal(string[] prompts, Dictionary<PromptSplit, int> missing, PromptGatheringOptions options)
    {
        var dealt = new List<(PromptSplit, string)>();
        foreach (var prompt in prompts.OrderBy(p => PromptText.Draw(PromptText.Normalize(p), options.Seed)).ThenBy(p => p, StringComparer.Ordinal).Take(missing.Values.Sum()))
        {
            var split = missing.Where(m => m.Value > 0).MaxBy(m => m.Value / (double)options.Of(m.Key)).Key;
            missing[split]--;
            dealt.Add((split, prompt));
        }

        return dealt;
    }
}
