using Whence.Encoders.Text;

namespace Whence.Torch.Customization;

/// <summary>Which embedding a new token begins as.</summary>
internal static class RareTokens
{
    // The authors' words, for the first, second and third concept: of one token each in CLIP's vocabulary, and hardly ever written.
    private static readonly string[] Words = ["ktn", "pll", "ucd"];

    /// <summary>The id of a word that is one token.</summary>
    /// <exception cref="WhenceException">It is none, or several.</exception>
    public static int Of(ClipTokenizer tokenizer, string word) => Find(tokenizer, word)
        ?? throw new WhenceException($"The initializer '{word}' is {tokenizer.Encode(word).Tokens - 2} tokens of this model where one is needed; choose a short, common word, or leave it out.");

    /// <summary>The id of a rare token: the authors' word, or of a vocabulary that lacks it one of the symbols that were merged last, since merges are learned in the order of how often they are seen.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="concept">Number of the concept, from 0.</param>
    public static int Rare(ClipTokenizer tokenizer, int concept) =>
        (concept < Words.Length ? Find(tokenizer, Words[concept]) : null) ?? Math.Max(0, tokenizer.StartToken - 1 - concept);

    private static int? Find(ClipTokenizer tokenizer, string word) => tokenizer.Encode(word) is { Tokens: 3 } encoded ? encoded.Ids[1] : null;
}
