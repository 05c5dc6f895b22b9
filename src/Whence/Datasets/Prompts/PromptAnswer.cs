using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Whence.Datasets.Prompts;

/// <summary>
/// Takes the captions out of what a chat model answered: a numbered or bulleted list, JSON, or bare lines, with whatever is said around them. The answer is a stranger's text: nothing in it
/// is followed, and what comes out are single lines without control characters.
/// </summary>
internal static partial class PromptAnswer
{
    private const int MaxAnswer = 1 << 20;
    private const int MaxLine = 2000;
    private const int MaxCaptions = 1000;
    private const int MaxDepth = 16;
    private static readonly string[] Preferred = ["caption", "prompt", "text"];
    private static readonly (char Open, char Close)[] Wraps = [('"', '"'), ('“', '”'), ('\'', '\''), ('‘', '’'), ('«', '»'), ('`', '`'), ('*', '*'), ('_', '_')];

    /// <summary>The captions in their order, at most 1000, none of them without a word.</summary>
    public static IReadOnlyList<string> Parse(string answer)
    {
        var text = answer.Length > MaxAnswer ? answer[..MaxAnswer] : answer;
        var thought = text.LastIndexOf("</think>", StringComparison.OrdinalIgnoreCase); // models that think aloud do so first, and may be cut short
        text = thought >= 0 ? text[(thought + "</think>".Length)..] : text.AsSpan().TrimStart().StartsWith("<think>", StringComparison.OrdinalIgnoreCase) ? "" : text;
        return [.. (FromJson(text) ?? FromLines(text)).Select(Clean).Where(caption => PromptText.Normalize(caption).Length > 0).Take(MaxCaptions)];
    }

    /// <summary>A caption without what surrounds it: quotes, emphasis, a comma or full stop behind it, line breaks, characters that cannot be seen.</summary>
    public static string Clean(string caption)
    {
        var seen = new StringBuilder();
        foreach (var rune in (caption.Length > MaxLine ? caption[..MaxLine] : caption).Replace("**", "", StringComparison.Ordinal).EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned) && rune != Rune.ReplacementChar)
            {
                seen.Append(Rune.IsControl(rune) || Rune.IsWhiteSpace(rune) ? " " : rune.ToString());
            }
        }

        var text = string.Join(' ', seen.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries)).Replace('’', '\'');
        for (var before = -1; before != text.Length;)
        {
            before = text.Length;
            text = text.TrimEnd(' ', ',', ';', '.').TrimStart(' ');
            foreach (var (open, close) in Wraps)
            {
                text = text.Length >= 2 && text[0] == open && text[^1] == close ? text[1..^1].Trim() : text;
            }
        }

        return text;
    }

    // Null where there is no JSON with texts in it.
    private static List<string>? FromJson(string text)
    {
        var (begin, end) = (text.AsSpan().IndexOfAny('[', '{'), text.AsSpan().LastIndexOfAny(']', '}'));
        if (begin < 0 || end <= begin)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(text.AsMemory(begin, end + 1 - begin), new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = MaxDepth });
            var captions = new List<string>();
            Collect(document.RootElement, captions);
            return captions.Count > 0 ? captions : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: half a surrogate
        {
            return null;
        }
    }

    private static void Collect(JsonElement element, List<string> captions)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    if (item.ValueKind == JsonValueKind.Object && CaptionOf(item) is { } caption)
                    {
                        captions.Add(caption);
                    }
                    else
                    {
                        Collect(item, captions);
                    }
                }

                break;
            case JsonValueKind.Object:
                // {"title": ..., "captions": [...]}, or {"1": "...", "2": "..."}
                var nested = element.EnumerateObject().Where(p => p.Value.ValueKind is JsonValueKind.Array or JsonValueKind.Object).ToArray();
                foreach (var property in nested.Length > 0 ? nested : [.. element.EnumerateObject()])
                {
                    Collect(property.Value, captions);
                }

                break;
            case JsonValueKind.String:
                captions.Add(element.GetString()!);
                break;
        }
    }

    // Of {"id": 1, "caption": "..."} the caption; of an object with other names its longest text.
    private static string? CaptionOf(JsonElement item)
    {
        var texts = item.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.String).Select(p => (p.Name, Text: p.Value.GetString()!)).ToArray();
        return texts.OrderByDescending(t => Preferred.Contains(t.Name, StringComparer.OrdinalIgnoreCase)).ThenByDescending(t => t.Text.Length).Select(t => t.Text).FirstOrDefault();
    }

    private static IEnumerable<string> FromLines(string text)
    {
        string[] lines = [.. text.Split(['\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(line => line.Length > MaxLine ? line[..MaxLine] : line)];
        string[] listed = [.. lines.Select(line => Item().Match(line)).Where(match => match.Success).Select(match => match.Groups["caption"].Value)];
        return listed.Length > 0 ? listed : lines.Where(line => !line.EndsWith(':') && !line.StartsWith("```", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"^[>*_#\s]*(?:\(?\d{1,4}\s?[.):\]]\**(?!\d)\s*|\d{1,4}\s+[-–]\s+|[-*•–—+]\s+)(?<caption>\S.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Item();
}
