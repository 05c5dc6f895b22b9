
using Whence.Torch.Diffusion;

namespace Whence.Torch.Customization;

/// <summary>
/// What Custom Diffusion (Kumari et al. 2023) trains of a model, for one concept or several: weights of the U-Net's cross-attention, as a rule those of keys
/// and values, and the embeddings of new tokens. 75 MB for Stable Diffusion 1.x. Never changes.
/// </summary>
public sealed class ConceptWeights
{
    /// <summary>Weights and tokens.</summary>
    /// <param name="weights">By diffusers' names in the U-Net, for example <c>mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight</c>.</param>
    /// <param name="tokens">New tokens, in the order of their ids.</param>
    /// <exception cref="ArgumentException">A name is none of the cross-attention, a token is there twice or cannot be one, or embeddings differ in width.</exception>
    public ConceptWeights(IReadOnlyDictionary<string, ConceptWeight> weights, IReadOnlyList<ConceptToken> tokens)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(tokens);
        if (weights.Keys.FirstOrDefault(name => !ConceptNames.IsWeight(name)) is { } other)
        {
            throw new ArgumentException($"'{other}' is no weight of the U-Net's cross-attention.", nameof(weights));
        }

        if (Problem(tokens) is { } problem)
        {
            throw new ArgumentException(problem, nameof(tokens));
        }

        (Weights, Tokens) = (weights, tokens);
    }

    /// <summary>The weights by diffusers' names in the U-Net.</summary>
    public IReadOnlyDictionary<string, ConceptWeight> Weights { get; }

    /// <summary>The new tokens, in the order of their ids.</summary>
    public IReadOnlyList<ConceptToken> Tokens { get; }

    /// <summary>Whether weights are products to be added to the base model's.</summary>
    public bool IsCompressed => Weights.Values.Any(weight => weight.Rank is not null);

    /// <summary>Reads a file of any layout, told apart by its content. Nothing of it is executed.</summary>
    /// <param name="path">The file. Files of tokens beside it (<c>&lt;new1&gt;.bin</c>) are read too where its layout keeps them so.</param>
    /// <param name="unet">Sizes of the U-Net, by whose blocks CompVis's names count; null: those of Stable Diffusion 1.x.</param>
    /// <exception cref="WhenceException">Missing, damaged, of no such layout, or with values that are not finite.</exception>
    public static ConceptWeights Load(string path, UNetSpec? unet = null) => ConceptReader.Read(path, unet).Concept;

    /// <summary>The layout of a file.</summary>
    /// <exception cref="WhenceException">As for <see cref="Load"/>.</exception>
    public static ConceptFormat FormatOf(string path, UNetSpec? unet = null) => ConceptReader.Read(path, unet).Format;

    /// <summary>Writes a file beside its place and renames it. The same concept gives the same bytes.</summary>
    /// <param name="path">
    /// Where to: <c>.safetensors</c>, or as torch.save writes for any other extension. Layouts that keep tokens apart write <c>&lt;new1&gt;.bin</c> beside it.
    /// </param>
    /// <param name="format">The layout.</param>
    /// <param name="unet">As for <see cref="Load"/>.</param>
    /// <exception cref="WhenceException">It cannot be written, or the layout cannot hold it.</exception>
    public void Save(string path, ConceptFormat format = ConceptFormat.Delta, UNetSpec? unet = null) => ConceptWriter.Write(this, path, format, unet);

    /// <summary>Looks, before any work, whether a concept with tokens of these names can be saved in a layout.</summary>
    /// <param name="path">As for <see cref="Save"/>.</param>
    /// <param name="format">The layout.</param>
    /// <param name="tokens">Names of the tokens, in their order.</param>
    /// <returns>The files beside it that the tokens would be kept in; empty for a layout that has them in the same file.</returns>
    /// <exception cref="WhenceException">The layout cannot hold such tokens, or not under this name.</exception>
    public static IReadOnlyList<string> TokenFiles(string path, ConceptFormat format, IReadOnlyList<string> tokens)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tokens);
        ConceptWriter.CheckTokens(path, format, tokens);
        return format is ConceptFormat.HuggingFace or ConceptFormat.Release ? [.. tokens.Select(token => ConceptWriter.Beside(path, token))] : [];
    }

    /// <summary>The same under other names of tokens, so that several concepts can be used together.</summary>
    /// <param name="names">As many as there are tokens, in their order.</param>
    /// <exception cref="ArgumentException">More or fewer names, or some that cannot be tokens.</exception>
    public ConceptWeights WithTokens(params IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        return names.Count == Tokens.Count
            ? new ConceptWeights(Weights, [.. Tokens.Zip(names, (token, name) => token with { Name = name })])
            : throw new ArgumentException($"{names.Count} names for {Tokens.Count} tokens.", nameof(names));
    }

    /// <summary>What is wrong with tokens; null where nothing is.</summary>
    internal static string? Problem(IReadOnlyList<ConceptToken> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            var (name, embedding) = tokens[i];
            if (string.IsNullOrEmpty(name) || name.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) || !IsWellFormed(name))
            {
                return $"'{name}' cannot be a token: it must hold something, without white space";
            }

            if (tokens.Take(i).Any(before => before.Name == name))
            {
                return $"the token '{name}' is there twice";
            }

            if (embedding.Count == 0 || embedding.Count != tokens[0].Embedding.Count)
            {
                return $"the token '{name}' has {embedding.Count} values and '{tokens[0].Name}' has {tokens[0].Embedding.Count}";
            }
        }

        return null;
    }

    private static bool IsWellFormed(string name)
    {
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsSurrogate(name[i]) && !(i + 1 < name.Length && char.IsSurrogatePair(name[i], name[++i])))
            {
                return false;
            }
        }

        return true;
    }
}
