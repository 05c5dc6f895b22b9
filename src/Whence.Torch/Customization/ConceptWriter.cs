using Whence.Torch.Diffusion;
using Whence.Vectors;

namespace Whence.Torch.Customization;

/// <summary>Writes the files of <see cref="ConceptWeights"/>.</summary>
internal static class ConceptWriter
{
    private const string Safetensors = ".safetensors";

    /// <exception cref="WhenceException">It cannot be written, or the layout cannot hold it.</exception>
    public static void Write(ConceptWeights concept, string path, ConceptFormat format, UNetSpec? unet)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        CheckTokens(path, format, [.. concept.Tokens.Select(token => token.Name)]);
        var weights = concept.Weights.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToArray();
        switch (format)
        {
            case ConceptFormat.CompVis:
                Save(path, new TorchItems { { "state_dict", CompVis(concept, weights, unet ?? new()) } }, concept);
                break;
            case ConceptFormat.Delta:
                Save(
                    path,
                    new TorchItems { { "unet", Items(weights, name => name) }, { "modifier_token", Items(concept.Tokens) } },
                    concept);
                break;
            case ConceptFormat.HuggingFace or ConceptFormat.Release:
                if (concept.IsCompressed)
                {
                    throw new WhenceException($"'{path}': the layout {format} has no place for compressed weights; write {ConceptFormat.Delta} or {ConceptFormat.CompVis}.");
                }

                SaveBeside(concept, path);
                Save(path, Items(weights, format == ConceptFormat.Release ? name => name : ConceptNames.ToHuggingFace), concept);
                break;
            case ConceptFormat.Tokens:
                if (weights.Length > 0)
                {
                    throw new WhenceException($"'{path}': the layout {format} has no place for weights; write {ConceptFormat.Delta}.");
                }

                Save(path, Items(concept.Tokens), concept);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(format), format, null);
        }
    }

    /// <summary>Whether a layout can hold tokens of these names in a file.</summary>
    /// <exception cref="WhenceException">It cannot.</exception>
    public static void CheckTokens(string path, ConceptFormat format, IReadOnlyList<string> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            switch (format)
            {
                case ConceptFormat.CompVis when tokens[i] != ConceptReader.Numbered(i):
                    throw new WhenceException($"'{path}': CompVis's layout names no tokens, they are '<new1>', '<new2>' and so on, but this concept has '{tokens[i]}'; write {ConceptFormat.Delta}.");
                case ConceptFormat.HuggingFace or ConceptFormat.Release when tokens[i] is not ['<', .., '>'] || tokens[i].IndexOfAny(Path.GetInvalidFileNameChars()) >= 0:
                    throw new WhenceException($"'{path}': this layout keeps '{tokens[i]}' in a file of its own, '{tokens[i]}{Extension(path)}', which must begin with '<' and end with '>' and be a file's name; write {ConceptFormat.Delta}, or call the token '<new1>'.");
                case ConceptFormat.HuggingFace or ConceptFormat.Release when Path.GetFileName(path) == tokens[i] + Extension(path):
                    throw new WhenceException($"'{path}': is where this layout keeps the token '{tokens[i]}'; give the weights another name.");
            }
        }
    }

    /// <summary>Where a layout keeps a token of its own file.</summary>
    public static string Beside(string path, string token) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, token + Extension(path));

    private static string Extension(string path) => Path.GetExtension(path) == Safetensors ? Safetensors : ".bin";

    private static TorchItems CompVis(ConceptWeights concept, KeyValuePair<string, ConceptWeight>[] weights, UNetSpec unet)
    {
        var items = Items(weights, name => ConceptNames.ToCompVis(name, unet));
        if (concept.Tokens.Count > 0)
        {
            items.Add(TensorData.FromSingle("embed", [.. concept.Tokens.SelectMany(token => token.Embedding)], concept.Tokens.Count, concept.Tokens[0].Embedding.Count));
        }

        return items;
    }

    private static TorchItems Items(KeyValuePair<string, ConceptWeight>[] weights, Func<string, string> nameOf)
    {
        var items = new TorchItems();
        foreach (var (name, weight) in weights)
        {
            if (weight.Rank is { } rank)
            {
                items.Add(nameOf(name), new TorchItems
                {
                    TensorData.FromSingle("u", weight.Values, weight.Shape[0], rank),
                    TensorData.FromSingle("v", weight.Right, rank, weight.Shape[1]),
                });
            }
            else
            {
                items.Add(TensorData.FromSingle(nameOf(name), weight.Values, [.. weight.Shape]));
            }
        }

        return items;
    }

    private static TorchItems Items(IEnumerable<ConceptToken> tokens)
    {
        var items = new TorchItems();
        foreach (var token in tokens)
        {
            items.Add(TensorData.FromSingle(token.Name, [.. token.Embedding], token.Embedding.Count));
        }

        return items;
    }

    private static void Save(string path, TorchItems items, ConceptWeights concept)
    {
        if (concept.Weights.Count + concept.Tokens.Count == 0)
        {
            throw new WhenceException($"'{path}': a concept without weights and tokens is not written.");
        }

        if (Path.GetExtension(path) == Safetensors)
        {
            SafetensorsFile.Write(path, [.. items.Flatten()], new Dictionary<string, string> { ["format"] = "pt" });
        }
        else
        {
            TorchFileWriter.Write(path, items);
        }
    }

    private static void SaveBeside(ConceptWeights concept, string path)
    {
        foreach (var token in concept.Tokens)
        {
            Save(Beside(path, token.Name), Items([token]), concept);
        }
    }
}
