using System.Buffers;
using System.Text;

namespace Whence.Encoders.Text;

/// <summary>Tokens that were added to a vocabulary: their ids follow on it, and they are found whole in a text, before it is cleaned. Never changes.</summary>
internal sealed class AddedTokens
{
    private readonly ClipVocabulary _vocabulary;
    private readonly string[] _tokens;
    private readonly SearchValues<string> _anyToken;

    public AddedTokens(ClipVocabulary vocabulary, IReadOnlyList<string> tokens)
    {
        (_vocabulary, _tokens, _anyToken) = (vocabulary, [.. tokens], SearchValues.Create([.. tokens], StringComparison.Ordinal));
        for (var i = 0; i < _tokens.Length; i++)
        {
            if (string.IsNullOrEmpty(_tokens[i]) || _tokens[i].Any(char.IsWhiteSpace) || Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(_tokens[i])) != _tokens[i])
            {
                throw new ArgumentException($"'{_tokens[i]}' cannot be a token: it must hold something, without white space and halves of letters.", nameof(tokens));
            }

            if (vocabulary.Contains(_tokens[i]) || vocabulary.Contains(_tokens[i] + ByteSymbols.WordEnd) || Array.IndexOf(_tokens, _tokens[i]) < i)
            {
                throw new WhenceException($"The tokenizer already has the token '{_tokens[i]}'; choose another, for example '<new1>'.");
            }
        }
    }

    /// <summary>The tokens; the first has the vocabulary's count as its id.</summary>
    public IReadOnlyList<string> Tokens => _tokens;

    /// <summary>Finds the first token in a text, of those that begin there the longest.</summary>
    /// <returns>Where it begins, its length and its id; -1 and the rest without a meaning where there is none.</returns>
    public (int At, int Length, int Id) Find(ReadOnlySpan<char> text)
    {
        var at = _tokens.Length == 0 ? -1 : text.IndexOfAny(_anyToken);
        var best = -1;
        for (var i = 0; at >= 0 && i < _tokens.Length; i++)
        {
            if (text[at..].StartsWith(_tokens[i], StringComparison.Ordinal) && (best < 0 || _tokens[i].Length > _tokens[best].Length))
            {
                best = i;
            }
        }

        return (at, best < 0 ? 0 : _tokens[best].Length, _vocabulary.Count + best);
    }
}
