using System.Text.RegularExpressions;

namespace Whence.Datasets.Prompts;

/// <summary>
/// A question to a chat model for captions, and what makes prompts of them. The two questions are those of appendix A of the paper, in our words: captions with a category as their subject,
/// whose word then becomes <c>&lt;new1&gt; {category}</c>; and captions of paintings, which get "in the style of &lt;new1&gt; art" behind them.
/// </summary>
public sealed partial class PromptQuery
{
    /// <summary>The question for objects, with places for <c>{count}</c> and <c>{category}</c>.</summary>
    public const string ObjectsQuestion =
        "Write {count} different captions of pictures in which a {category} is the subject. Each caption has the word \"{category}\". Each fits every kind of {category} and names none in "
        + "particular. Let poses, places and actions differ. Each is something that a text-to-image model can draw as a realistic picture. Answer with a numbered list of the captions and nothing else.";

    /// <summary>The question for styles, with a place for <c>{count}</c>.</summary>
    public const string StylesQuestion =
        "Write {count} different captions that would suit paintings. Let subjects and moods differ, and name no artist, style or medium. Answer with a numbered list of the captions and nothing else.";

    private const string StyleEnding = $" in the style of {PromptTemplate.Token} art";
    private const int MaxCaption = 300;

    private readonly string _question;
    private readonly Regex? _subject;

    private PromptQuery(string question, string? category, params ReadOnlySpan<string> places)
    {
        foreach (var place in places)
        {
            if (!question.Contains(place, StringComparison.Ordinal))
            {
                throw new WhenceException($"The question '{question}' has no place for {place}.");
            }
        }

        if (PromptTemplate.Stranger(question, places) is { } stranger)
        {
            throw new WhenceException($"'{stranger}' is no placeholder of a question; there are {string.Join(" and ", places.ToArray())}.");
        }

        (_question, Category) = (question, category);
        _subject = category is null ? null : SubjectOf(category);
    }

    /// <summary>The category that is asked for; null for styles.</summary>
    public string? Category { get; }

    /// <summary>Asks for captions of objects of a category.</summary>
    /// <param name="category">A word or more, as one says them: "dog", "musical instrument".</param>
    /// <param name="question">Another question than <see cref="ObjectsQuestion"/>.</param>
    /// <exception cref="WhenceException">The category has other characters than letters, digits, spaces, hyphens and apostrophes, or the question lacks a place.</exception>
    public static PromptQuery Objects(string category, string question = ObjectsQuestion)
    {
        ArgumentNullException.ThrowIfNull(category);
        ArgumentNullException.ThrowIfNull(question);
        return Named().IsMatch(category)
            ? new PromptQuery(question, category, "{count}", PromptTemplate.Category)
            : throw new WhenceException($"The category '{category}' cannot be asked for: it is words of letters and digits with one space, hyphen or apostrophe between, at most 60 characters.");
    }

    /// <summary>Asks for captions of paintings.</summary>
    /// <param name="question">Another question than <see cref="StylesQuestion"/>.</param>
    /// <exception cref="WhenceException">The question lacks a place.</exception>
    public static PromptQuery Styles(string question = StylesQuestion)
    {
        ArgumentNullException.ThrowIfNull(question);
        return new PromptQuery(question, null, "{count}");
    }

    /// <summary>The question.</summary>
    /// <param name="count">Captions to ask for.</param>
    /// <param name="known">Captions that there are, which are not to come again.</param>
    public string Ask(int count, IReadOnlyList<string> known)
    {
        ArgumentNullException.ThrowIfNull(known);
        var question = PromptText.Put(_question, "{count}", count.ToString(System.Globalization.CultureInfo.InvariantCulture));
        question = Category is null ? question : PromptText.Put(question, PromptTemplate.Category, Category);
        return known.Count == 0 ? question : $"{question}\nThese are there already; write none of them again:\n{string.Join('\n', known.Select(caption => $"- {caption}"))}";
    }

    /// <summary>What makes a prompt of a caption; null where it cannot be one: too long, with brackets, or without the subject's word or anything else.</summary>
    public string? PromptOf(string caption)
    {
        ArgumentNullException.ThrowIfNull(caption);
        if (caption.Length is 0 or > MaxCaption || caption.AsSpan().IndexOfAny("<>{}") >= 0)
        {
            return null;
        }

        var prompt = _subject is null ? caption + StyleEnding : _subject.Replace(caption, $"{PromptTemplate.Token} {PromptTemplate.Category}");

        // Marks and headings would be read as such when the file is read again.
        return prompt.Contains(PromptTemplate.Token, StringComparison.Ordinal) && !"?-#[".Contains(prompt[0], StringComparison.Ordinal)
            && PromptText.Normalize(caption) is { Length: > 0 } words && words != PromptText.Normalize(Category ?? "")
            ? prompt : null;
    }

    /// <summary>The caption that a prompt was made of.</summary>
    internal string CaptionOf(PromptTemplate prompt)
    {
        var text = prompt.Text.EndsWith(StyleEnding, StringComparison.Ordinal) ? prompt.Text[..^StyleEnding.Length] : prompt.Fill(Category ?? "thing", token: null);
        return text.Trim();
    }

    /// <summary>A new file for what comes.</summary>
    internal PromptFile NewFile(string path) => PromptFile.Parse(
        path,
        $"""
        # Prompts that a chat model wrote. A line that begins with ? waits: take the mark away to use it, or write - in its place to keep it from coming again.
        {(Category is null ? "# Captions of paintings, for styles." : $"for: {Category}")}

        [train]

        [validation]

        [test]

        """.ReplaceLineEndings("\n"));

    // The word by itself, not a part of another; its plural is another.
    private static Regex SubjectOf(string category)
    {
        var words = string.Join(@"\s+", category.Split(' ').Select(Regex.Escape));
        return new Regex($@"(?<![\p{{L}}\p{{N}}-]){words}(?![\p{{L}}\p{{N}}-])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    }

    [GeneratedRegex(@"^(?=.{1,60}\z)[\p{L}\p{N}]+(?:[ '-][\p{L}\p{N}]+)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Named();
}
