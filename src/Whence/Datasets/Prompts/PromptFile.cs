using System.Text;
using Whence.Files;

namespace Whence.Datasets.Prompts;

/// <summary>
/// A file of prompts as people edit it: one a line below <c>[train]</c>, <c>[validation]</c> or <c>[test]</c>, <c>#</c> before remarks, and at the top what the lines are for.
/// <c>docs/formats.md</c> has the format. Whatever is added, the lines that were there stay as they are.
/// </summary>
public sealed class PromptFile
{
    private const int MaxBytes = 1 << 22;
    private const int MaxLine = 1000;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string[] _lines;
    private readonly List<PromptLine> _prompts = [];
    private readonly Dictionary<PromptSplit, int> _ends = []; // the place behind the last line of a section

    private PromptFile(string path, string text)
    {
        (Path, Text, _lines) = (path, text, text.Split('\n'));
        PromptSplit? split = null;
        for (var i = 0; i < _lines.Length; i++)
        {
            var line = _lines[i].Trim();
            if (line.Length > MaxLine || line.Any(char.IsControl))
            {
                throw At(i + 1, line.Length > MaxLine ? $"has more than {MaxLine} characters" : "holds a control character");
            }

            if (line.Length == 0)
            {
                continue;
            }

            if (line[0] == '[')
            {
                split = SplitOf(line) ?? throw At(i + 1, $"'{line}' is no section; there are [train], [validation] and [test]");
            }
            else if (line[0] != '#')
            {
                Read(i + 1, split, line);
            }

            if (split is { } section)
            {
                _ends[section] = i + 1;
            }
        }
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>All of it.</summary>
    public string Text { get; }

    /// <summary>What the lines are put into, where they are no whole prompts: its <c>template:</c>; null where they are.</summary>
    public string? Template { get; private set; }

    /// <summary>Of which categories the lines are: its <c>for:</c>; none where they are of any.</summary>
    public IReadOnlyList<string> Categories { get; private set; } = [];

    /// <summary>The lines, whatever was said about them.</summary>
    public IReadOnlyList<PromptLine> Lines => _prompts;

    /// <summary>Reads a file.</summary>
    /// <exception cref="WhenceException">It cannot be read, is not UTF-8, or a line is not understood.</exception>
    public static PromptFile Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return Parse(path, Strict.GetString(RegularFile.ReadAll(path, MaxBytes)).TrimStart('\uFEFF'));
        }
        catch (DecoderFallbackException e)
        {
            throw new WhenceException($"{path}: is no UTF-8 text; save it as UTF-8.", e);
        }
    }

    /// <summary>Reads a text as if it were a file.</summary>
    /// <param name="path">What messages call it, and where <see cref="Save"/> writes it.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="WhenceException">A line is not understood.</exception>
    public static PromptFile Parse(string path, string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(text);
        return new PromptFile(path, text);
    }

    /// <summary>The file with more lines that wait for approval, each at the end of its section.</summary>
    public PromptFile With(IReadOnlyList<(PromptSplit Split, string Text)> waiting)
    {
        ArgumentNullException.ThrowIfNull(waiting);
        var lines = _lines.ToList();
        var end = Text.Contains("\r\n", StringComparison.Ordinal) ? "\r" : "";
        var sections = waiting.ToLookup(w => w.Split, w => $"? {w.Text}{end}");
        foreach (var (split, place) in _ends.OrderByDescending(e => e.Value))
        {
            lines.InsertRange(place, sections[split]);
        }

        foreach (var section in sections.Where(s => !_ends.ContainsKey(s.Key)).OrderBy(s => s.Key))
        {
            if (lines[^1].Length == 0)
            {
                lines.RemoveAt(lines.Count - 1); // what follows the last line's end
            }

            lines.AddRange([end, $"[{NameOf(section.Key)}]{end}", .. section]);
        }

        if (lines[^1].Length > 0)
        {
            lines.Add("");
        }

        return Parse(Path, string.Join('\n', lines));
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public void Save() => AtomicFile.Write(Path, stream => stream.Write(Strict.GetBytes(Text)));

    /// <summary>An error of one line, in the form of all of them.</summary>
    internal WhenceException At(int line, string message) => new($"{Path}: line {line} {message}.");

    /// <summary>What a section is called in files.</summary>
    internal static string NameOf(PromptSplit split) => split.ToString().ToLowerInvariant();

    private static PromptSplit? SplitOf(string section) => section.ToLowerInvariant() switch
    {
        "[train]" => PromptSplit.Train,
        "[validation]" or "[val]" => PromptSplit.Validation,
        "[test]" => PromptSplit.Test,
        _ => null,
    };

    private void Read(int number, PromptSplit? split, string line)
    {
        if (split is { } section)
        {
            var state = line[0] switch { '?' => PromptState.Waiting, '-' => PromptState.Rejected, _ => PromptState.Approved };
            var text = state == PromptState.Approved ? line : line[1..].Trim();
            if (text.Length > 0)
            {
                _prompts.Add(new PromptLine(number, section, state, text));
            }
        }
        else if (line.StartsWith("for:", StringComparison.OrdinalIgnoreCase) && Categories.Count == 0)
        {
            Categories = [.. line["for:".Length..].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        }
        else if (line.StartsWith("template:", StringComparison.OrdinalIgnoreCase) && Template is null)
        {
            Template = line["template:".Length..].Trim();
        }
        else
        {
            throw At(number, $"'{line}' stands above the first section: there belong at most one 'for: CATEGORY, ...' and one 'template: ...'; prompts stand below [train], [validation] or [test]");
        }
    }
}
