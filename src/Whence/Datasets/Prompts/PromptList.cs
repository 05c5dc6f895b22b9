namespace Whence.Datasets.Prompts;

/// <summary>A prompt that may be used, and where it stands.</summary>
/// <param name="Split">What it is for.</param>
/// <param name="Template">The prompt.</param>
/// <param name="File">The file.</param>
/// <param name="Line">Its line, from 1.</param>
public sealed record Prompt(PromptSplit Split, PromptTemplate Template, string File, int Line);

/// <summary>The approved prompts of some files, of which no two say the same.</summary>
public sealed class PromptList
{
    /// <summary>Placeholders that the lines of a file with a template may stand for.</summary>
    private static readonly string[] Values = ["{medium}", "{object}", "{style}"];

    private readonly string _name;
    private readonly string? _category;
    private readonly Dictionary<string, Prompt> _known = new(StringComparer.Ordinal);
    private readonly List<Prompt> _prompts = [];
    private readonly List<string> _remarks = [];
    private readonly List<string> _overlaps = [];

    private PromptList(string name, string? category) => (_name, _category) = (name, category);

    /// <summary>The prompts, in the order of the files.</summary>
    public IReadOnlyList<Prompt> Prompts => _prompts;

    /// <summary>What was left out, since a line before it in the same split says the same but for case, punctuation and articles.</summary>
    public IReadOnlyList<string> Remarks => _remarks;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="template">What its lines are put into instead of the file's own template: the paper has "A painting of {object} ..." for one source and "A picture of ..." for another; null for its own.</param>
    /// <exception cref="WhenceException">The file cannot be read, a line has a placeholder that there is none of, or a prompt is in two splits; with the lines.</exception>
    public static PromptList Load(string path, string? template = null) => Of([PromptFile.Load(path)], template: template);

    /// <summary>The prompts of some files.</summary>
    /// <param name="files">The files, at least one.</param>
    /// <param name="category">What stands for <c>{category}</c> when prompts are compared; null for any.</param>
    /// <param name="template">As of <see cref="Load"/>.</param>
    /// <exception cref="WhenceException">As of <see cref="Load"/>.</exception>
    public static PromptList Of(IReadOnlyList<PromptFile> files, string? category = null, string? template = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentOutOfRangeException.ThrowIfZero(files.Count);
        var list = new PromptList(string.Join(", ", files.Select(f => f.Path)), category);
        foreach (var file in files)
        {
            foreach (var line in file.Lines.Where(l => l.State == PromptState.Approved))
            {
                list.Add(new Prompt(line.Split, Read(file, line, template), file.Path, line.Number));
            }
        }

        return list._overlaps is [var first, .. var others]
            ? throw new WhenceException($"{first}{(others.Count > 0 ? $" So do {others.Count} more pairs of lines." : "")} A prompt belongs to one split: take it out of the others.")
            : list;
    }

    /// <summary>The prompts of a split, in the order of the files.</summary>
    public IReadOnlyList<Prompt> For(PromptSplit split) => [.. _prompts.Where(p => p.Split == split)];

    /// <summary>Some prompts of a split, in the order of the files. The same seed chooses the same; a prompt more in the file changes at most one of them.</summary>
    /// <param name="split">The split.</param>
    /// <param name="count">How many, at least 0.</param>
    /// <param name="seed">Another seed chooses others.</param>
    /// <exception cref="WhenceException">There are fewer.</exception>
    public IReadOnlyList<Prompt> Choose(PromptSplit split, int count, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var all = For(split);
        if (count > all.Count)
        {
            throw new WhenceException(
                $"{_name}: has {all.Count} approved prompts below [{PromptFile.NameOf(split)}]{(_category is null ? "" : $" for '{_category}'")}, {count} are wanted; write more, approve those that wait, or ask a chat model for more (whence dataset prompts).");
        }

        var chosen = all.OrderBy(p => PromptText.Draw(Form(p), seed)).ThenBy(Form, StringComparer.Ordinal).Take(count).ToHashSet();
        return [.. all.Where(chosen.Contains)];
    }

    /// <summary>A line as a prompt.</summary>
    /// <exception cref="WhenceException">It is none; with the line.</exception>
    internal static PromptTemplate Read(PromptFile file, PromptLine line, string? template = null)
    {
        template ??= file.Template;
        if (template is null)
        {
            return Guard(file, line, () => PromptTemplate.Parse(line.Text));
        }

        return PromptTemplate.Stranger(line.Text) is { } stranger
            ? throw file.At(line.Number, $"has a placeholder, '{stranger}': the lines of this file are put into '{template}' and have none themselves")
            : Values.Where(v => template.Contains(v, StringComparison.Ordinal)).ToArray() is [var place]
                ? Guard(file, line, () => PromptTemplate.Parse(PromptText.Put(template, place, line.Text)))
                : throw new WhenceException($"{file.Path}: the template '{template}' needs one of {string.Join(", ", Values)}, for the lines of the file.");
    }

    private static PromptTemplate Guard(PromptFile file, PromptLine line, Func<PromptTemplate> parse)
    {
        try
        {
            return parse();
        }
        catch (WhenceException e)
        {
            throw new WhenceException($"{file.Path}: line {line.Number}: {e.Message}.", e);
        }
    }

    // What is compared: the prompt of the category, so that one that names it and one with a placeholder are the same.
    private string Form(Prompt prompt) => PromptText.Normalize(prompt.Template.Fill(_category ?? "category"));

    private void Add(Prompt prompt)
    {
        var form = Form(prompt);
        if (_known.TryAdd(form, prompt))
        {
            _prompts.Add(prompt);
            return;
        }

        var first = _known[form];
        var both = $"{Place(first)} and {Place(prompt)} say the same, '{prompt.Template}'";
        (first.Split == prompt.Split ? _remarks : _overlaps).Add(first.Split == prompt.Split ? $"{both}; the second is left out." : $"{both}.");
    }

    private static string Place(Prompt prompt) => $"{prompt.File}: line {prompt.Line} in [{PromptFile.NameOf(prompt.Split)}]";
}
