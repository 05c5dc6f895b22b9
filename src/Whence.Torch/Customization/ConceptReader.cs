using System.Globalization;
using System.Numerics.Tensors;
using Whence.Torch.Diffusion;
using Whence.Vectors;

namespace Whence.Torch.Customization;

/// <summary>Reads the files of <see cref="ConceptWeights"/>: the layout is told by the names of the tensors.</summary>
internal static class ConceptReader
{
    private const string StateDict = "state_dict.", UNet = "unet.", ModifierToken = "modifier_token.", TextEncoder = "text_encoder.", Embeddings = "embed";
    private const string U = ".u", V = ".v";
    private const string Known = "CompVis's .ckpt, the authors' delta.bin, Hugging Face's .bin or .safetensors, or the paper's .pt";

    /// <summary>What a tensor of a file is.</summary>
    /// <param name="Format">The layout that has such a name; null: any.</param>
    /// <param name="Name">Of the weight in diffusers' U-Net, or of the token; null for all tokens of CompVis.</param>
    /// <param name="IsToken">Whether it is an embedding.</param>
    /// <param name="Factor">u or v of a product; null for a whole weight.</param>
    private readonly record struct Meaning(ConceptFormat? Format, string? Name, bool IsToken, char? Factor);

    /// <exception cref="WhenceException">Missing, damaged, of no known layout.</exception>
    public static (ConceptWeights Concept, ConceptFormat Format) Read(string path, UNetSpec? unet)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
        {
            throw new WhenceException($"'{path}': is a folder; name the file of the concept in it ({Known}).");
        }

        using var checkpoint = Checkpoint.Open(path);
        CheckSize(checkpoint);
        var (format, meanings) = Tell(checkpoint, unet ?? new());
        var tokens = ReadTokens(checkpoint, meanings).ToList();
        if (format is ConceptFormat.HuggingFace or ConceptFormat.Release)
        {
            tokens.AddRange(Beside(path, unet).Where(beside => tokens.TrueForAll(token => token.Name != beside.Name)));
        }

        return ConceptWeights.Problem(tokens) is { } problem
            ? throw new WhenceException($"'{path}': {problem}; make the file again, or name each concept's token differently.")
            : (new ConceptWeights(ReadWeights(checkpoint, meanings), tokens), format);
    }

    /// <summary>Tensors of a pickle may share their numbers, and a few bytes of it claim any amount of memory.</summary>
    private static void CheckSize(Checkpoint checkpoint)
    {
        var claimed = checkpoint.Tensors.Values.Aggregate((Int128)0, (sum, info) => sum + ((Int128)info.Count * info.Type.Size()));
        var length = new FileInfo(checkpoint.Path).Length;
        if (claimed > length)
        {
            throw new WhenceException($"'{checkpoint.Path}': its tensors claim {claimed} bytes in a file of {length}: it is damaged, or they share storages; save clones of them.");
        }
    }

    private static (ConceptFormat Format, Dictionary<string, Meaning> Meanings) Tell(Checkpoint checkpoint, UNetSpec unet)
    {
        var fromCompVis = ConceptNames.FromCompVis(unet);
        var meanings = checkpoint.Tensors.ToDictionary(pair => pair.Key, pair => Interpret(pair.Key, pair.Value, fromCompVis), StringComparer.Ordinal);
        var unknown = meanings.Where(pair => pair.Value is null).Select(pair => pair.Key).ToArray();
        if (meanings.Count == unknown.Length)
        {
            throw new WhenceException($"'{checkpoint.Path}' holds no concept of Custom Diffusion in a layout that is known ({Known}); it holds {Listing.Of(unknown)}.");
        }

        if (Array.Exists(unknown, name => name.StartsWith(TextEncoder, StringComparison.Ordinal)))
        {
            throw new WhenceException($"'{checkpoint.Path}' holds a text encoder that was trained too, which is not applied; take a concept that was trained without it.");
        }

        if (unknown.Length > 0)
        {
            throw new WhenceException(
                $"'{checkpoint.Path}' holds more than the cross-attention and tokens of a concept: {Listing.Of(unknown)}; CompVis's names are read as those of a U-Net of {unet.BlockChannels.Count} steps with {unet.LayersPerBlock} layers each. If it is a whole model, give it as the model.");
        }

        var formats = meanings.Values.Where(m => m!.Value.Format is not null).Select(m => m!.Value.Format!.Value).Distinct().ToArray();
        return formats.Length <= 1
            ? (formats is [var format] ? format : ConceptFormat.Tokens, meanings.ToDictionary(pair => pair.Key, pair => pair.Value!.Value, StringComparer.Ordinal))
            : throw new WhenceException($"'{checkpoint.Path}' mixes layouts ({string.Join(", ", formats)}); it is damaged, save the concept again.");
    }

    private static Meaning? Interpret(string tensor, TensorInfo info, Func<string, string?> fromCompVis)
    {
        var name = tensor.StartsWith(StateDict, StringComparison.Ordinal) ? tensor[StateDict.Length..] : tensor;
        if (name == Embeddings)
        {
            return new(ConceptFormat.CompVis, null, IsToken: true, null);
        }

        if (name.StartsWith(ModifierToken, StringComparison.Ordinal))
        {
            return new(ConceptFormat.Delta, name[ModifierToken.Length..], IsToken: true, null);
        }

        var factor = name.EndsWith(U, StringComparison.Ordinal) || name.EndsWith(V, StringComparison.Ordinal) ? name[^1] : (char?)null;
        var whole = factor is null ? name : name[..^U.Length];
        (ConceptFormat Format, string? Weight)[] candidates =
        [
            (ConceptFormat.CompVis, fromCompVis(whole)),
            (ConceptFormat.Delta, whole.StartsWith(UNet, StringComparison.Ordinal) && ConceptNames.IsWeight(whole[UNet.Length..]) ? whole[UNet.Length..] : null),
            (ConceptFormat.HuggingFace, ConceptNames.FromHuggingFace(whole)),
            (ConceptFormat.Release, ConceptNames.IsWeight(whole) ? whole : null),
        ];
        return Array.Find(candidates, c => c.Weight is not null) is { Weight: { } weight, Format: var format } ? new(format, weight, IsToken: false, factor)
            : info.Shape is [_] or [1, _] && tensor.StartsWith('<') && tensor.EndsWith('>') ? new(null, tensor, IsToken: true, null)
            : null;
    }

    private static Dictionary<string, ConceptWeight> ReadWeights(Checkpoint checkpoint, Dictionary<string, Meaning> meanings)
    {
        var weights = new Dictionary<string, ConceptWeight>(StringComparer.Ordinal);
        foreach (var (tensor, meaning) in meanings.Where(pair => !pair.Value.IsToken && pair.Value.Factor != 'v'))
        {
            var weight = meaning.Factor is null ? ReadWhole(checkpoint, tensor) : ReadProduct(checkpoint, tensor);
            if (!weights.TryAdd(meaning.Name!, weight))
            {
                throw new WhenceException($"'{checkpoint.Path}': '{meaning.Name}' is there twice; it is damaged, save the concept again.");
            }
        }

        return meanings.FirstOrDefault(pair => pair.Value.Factor == 'v' && !meanings.ContainsKey(pair.Key[..^V.Length] + U)) is { Key: { } alone }
            ? throw new WhenceException($"'{checkpoint.Path}': '{alone}' is there without its u; it is damaged, save the concept again.")
            : weights;
    }

    private static ConceptWeight ReadWhole(Checkpoint checkpoint, string tensor)
    {
        var info = checkpoint.Tensors[tensor];
        var dimensions = tensor.EndsWith(".bias", StringComparison.Ordinal) ? 1 : 2;
        return info.Shape.Count == dimensions
            ? ConceptWeight.Whole(Values(checkpoint, tensor), info.Shape)
            : throw new WhenceException($"'{checkpoint.Path}': '{tensor}' is {info} where {dimensions} dimensions are needed; it is damaged, save the concept again.");
    }

    private static ConceptWeight ReadProduct(Checkpoint checkpoint, string u)
    {
        var v = u[..^U.Length] + V;
        return checkpoint.Tensors.GetValueOrDefault(v)?.Shape is [var rank and > 0 and < int.MaxValue, > 0] && checkpoint.Tensors[u].Shape is [> 0, var same] && same == rank
            ? ConceptWeight.LowRank(Values(checkpoint, u), Values(checkpoint, v), (int)rank)
            : throw new WhenceException(
                $"'{checkpoint.Path}': '{u}' is {checkpoint.Tensors[u]} and '{v}' is {checkpoint.Tensors.GetValueOrDefault(v)?.ToString() ?? "missing"}, which are no product; it is damaged, save the concept again.");
    }

    private static IEnumerable<ConceptToken> ReadTokens(Checkpoint checkpoint, Dictionary<string, Meaning> meanings)
    {
        foreach (var (tensor, meaning) in meanings.Where(pair => pair.Value.IsToken))
        {
            var info = checkpoint.Tensors[tensor];
            if (info.Shape is not ([> 0] or [> 0, > 0]) || (info.Shape.Count == 2 && info.Shape[0] != 1 && meaning.Name is not null))
            {
                throw new WhenceException($"'{checkpoint.Path}': '{tensor}' is {info} where the embedding of a token is needed; it is damaged, or not of Custom Diffusion.");
            }

            var values = Values(checkpoint, tensor);
            var width = (int)info.Shape[^1];
            for (var row = 0; row * width < values.Length; row++)
            {
                yield return new ConceptToken(meaning.Name ?? Numbered(row), values[(row * width)..((row + 1) * width)]);
            }
        }
    }

    public static string Numbered(int row) => string.Create(CultureInfo.InvariantCulture, $"<new{row + 1}>");

    private static float[] Values(Checkpoint checkpoint, string tensor)
    {
        var info = checkpoint.Tensors[tensor];
        if (info.Type.IsInteger())
        {
            throw new WhenceException($"'{checkpoint.Path}': '{tensor}' is {info} where numbers with a fraction are needed; it is damaged, save the concept again.");
        }

        var values = checkpoint.ReadSingle(tensor);
        return TensorPrimitives.IsFiniteAll<float>(values)
            ? values
            : throw new WhenceException($"'{checkpoint.Path}': '{tensor}' has values that are not finite; the training went wrong or the file is damaged, take another.");
    }

    /// <summary>Tokens in files of their own, <c>&lt;new1&gt;.bin</c>: those with the extension of the weights' file where a token has several.</summary>
    private static List<ConceptToken> Beside(string path, UNetSpec? unet)
    {
        var own = Path.GetFullPath(path);
        var files = Directory.EnumerateFiles(Path.GetDirectoryName(own)!, "<*>.*")
            .Where(file => Path.GetExtension(file) is ".bin" or ".safetensors" && Path.GetFileNameWithoutExtension(file) is ['<', .., '>'])
            .OrderBy(file => Path.GetExtension(file) != Path.GetExtension(own)).ThenBy(file => file, StringComparer.Ordinal);
        var tokens = new List<ConceptToken>();
        foreach (var file in files)
        {
            var (concept, format) = Read(file, unet);
            if (format == ConceptFormat.Tokens)
            {
                tokens.AddRange(concept.Tokens.Where(token => tokens.TrueForAll(before => before.Name != token.Name)));
            }
        }

        return tokens;
    }
}
