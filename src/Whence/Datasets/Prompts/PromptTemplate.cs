using System.Text.RegularExpressions;

namespace Whence.Datasets.Prompts;

/// <summary>
/// A prompt with a place for the concept, <c>&lt;new1&gt;</c> (the paper's V*), and, of objects, for what kind of thing it is, <c>{category}</c>: "The &lt;new1&gt; {category} sleeps in a
/// basket".
/// </summary>
public sealed partial class PromptTemplate
{
    /// <summary>What stands for the concept.</summary>
    public const string Token = "<new1>";

    /// <summary>What stands for its category.</summary>
    public const string Category = "{category}";

    private PromptTemplate(string text) => Text = text;

    /// <summary>The template as it was written.</summary>
    public string Text { get; }

    /// <summary>Whether it has a place for a category.</summary>
    public bool NeedsCategory => Text.Contains(Category, StringComparison.Ordinal);

    /// <summary>Reads a template.</summary>
    /// <exception cref="WhenceException">It has no place for the concept, or a placeholder that there is none of.</exception>
    public static PromptTemplate Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Stranger(text, Token, Category) is { } stranger
            ? throw new WhenceException($"'{stranger}' is no placeholder of a prompt; there are {Token} and {Category}")
            : text.Contains(Token, StringComparison.Ordinal) ? new PromptTemplate(text)
            : throw new WhenceException($"'{text}' has no place for the concept; write {Token} where it belongs");
    }

    /// <summary>The prompt.</summary>
    /// <param name="category">What kind of thing the concept is; null where the template has no place for it.</param>
    /// <param name="token">What stands for the concept in a model; null leaves it out, for a model that knows none. An article before it is the one that what follows takes.</param>
    /// <exception cref="ArgumentException">There is no category, but a place for one.</exception>
    public string Fill(string? category = null, string? token = Token)
    {
        if (NeedsCategory && string.IsNullOrEmpty(category))
        {
            throw new ArgumentException($"'{Text}' needs a category.", nameof(category));
        }

        var text = Replaced(Text, token);
        return category is null ? text : PromptText.Put(text, Category, category);
    }

    /// <summary>A prompt with something else for the concept, or without it where that is null.</summary>
    internal static string Replaced(string prompt, string? token) => token is null
        ? prompt.Replace($"{Token} ", "", StringComparison.Ordinal).Replace(Token, "", StringComparison.Ordinal).Trim()
        : PromptText.Put(prompt, Token, token);

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>The first piece of a text in angle brackets or braces that is none of the known ones, or a bracket without another; null where there is none.</summary>
    internal static string? Stranger(string text, params ReadOnlySpan<string> known)
    {
        foreach (Match match in Bracketed().Matches(text))
        {
            if (!known.Contains(match.Value))
            {
                return match.Value;
            }
        }

        return null;
    }

    [GeneratedRegex(@"<[^<>{}]*>|\{[^<>{}]*\}|[<>{}]", RegexOptions.CultureInvariant)]
    private static partial Regex Bracketed();
}
