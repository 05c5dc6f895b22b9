using Whence.Encoders.Text;

namespace Whence.Torch.Customization;

/// <summary>Which embedding a new token begins as.</summary>
internal static class RareTokens
{
    // The authors' symbols, for the first, second and third concept: pieces of words that are hardly ever written. The first is 42170 in CLIP's vocabulary.
    private static readonly string[] Symbols = ["ktn", "pll", "ucd"];

    /// <summary>The id of a word that is one token.</summary>
    /// <exception cref="WhenceException">It is none, or several.</exception>
    public static int Of(ClipTokenizer tokenizer, string word) => tokenizer.Encode(word) is var encoded && encoded.Tokens == 3
        ? encoded.Ids[1]
        : throw new WhenceException($"The initializer '{word}' is {encoded.Tokens - 2} tokens of this model where one is needed; choose a short, common word, or leave it out.");

    /// <summary>The id of a rare token: the authors', or of a vocabulary that lacks it one of the symbols that were merged last, since merges are learned in the order of how often they are seen.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="concept">Number of the concept, from 0.</param>
    public static int Rare(ClipTokenizer tokenizer, int concept) =>
        (concept < Symbols.Length ? tokenizer.Find(Symbols[concept]) : null) ?? Math.Max(0, tokenizer.StartToken - 1 - concept);
}
