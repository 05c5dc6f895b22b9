using Whence.Torch.Diffusion;
using Whence.Torch.Mapping;
using Whence.Vectors;
using static TorchSharp.torch;

namespace Whence.Torch.Customization;

/// <summary>Gives a model concepts that were trained before.</summary>
public static class ConceptLoader
{
    /// <summary>Reads a file of a concept for a model: <see cref="ConceptWeights.Load"/> with the sizes of its U-Net.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="WhenceException">It cannot be read, or is of no known layout.</exception>
    public static ConceptWeights Load(DiffusionModel model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        return ConceptWeights.Load(path, model.UNet.Spec);
    }

    /// <summary>
    /// Customizes a model in place: its text encoder learns the tokens, its U-Net takes the weights. Where several concepts have a weight, what each of them changed is added
    /// up, which works for concepts that have little to do with each other; ones that are to be seen together are better trained together.
    /// </summary>
    /// <param name="model">The base model that they were trained on.</param>
    /// <param name="concepts">What each is called in messages, as a rule its file, and the concept.</param>
    /// <exception cref="WhenceException">A token is there twice, or a concept was trained on another model; all that does not fit is named.</exception>
    public static void Apply(DiffusionModel model, params IReadOnlyList<(string Name, ConceptWeights Concept)> concepts)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(concepts);
        CheckTokens(model, concepts);
        var parameters = model.UNet.named_parameters().Where(p => ConceptNames.IsWeight(p.name)).ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
        foreach (var (name, concept) in concepts)
        {
            CheckFits(name, concept, parameters, model.TextEncoder.Spec.Width);
        }

        ConceptToken[] tokens = [.. concepts.SelectMany(c => c.Concept.Tokens)];
        var tokenizer = model.Tokenizer.AddTokens([.. tokens.Select(token => token.Name)]); // refuses words that it has, while nothing is changed
        using var none = no_grad();
        foreach (var (weight, parameter) in parameters)
        {
            var changes = concepts.Where(c => c.Concept.Weights.ContainsKey(weight)).Select(c => c.Concept.Weights[weight]).ToArray();
            if (changes.Length > 0)
            {
                using var scope = NewDisposeScope();
                var before = TensorValues.Of(parameter.detach().to(ScalarType.Float32, CPU).contiguous()).ToArray();
                parameter.copy_(TensorValues.ToTensor(Join(before, changes), parameter.shape));
            }
        }

        if (tokens.Length > 0)
        {
            using var scope = NewDisposeScope();
            var rows = TensorValues.ToTensor([.. tokens.SelectMany(token => token.Embedding)], tokens.Length, model.TextEncoder.Spec.Width);
            model.TextEncoder.SetTokens(model.Tokenizer.VocabularySize, rows);
            model.Tokenizer = tokenizer;
        }

        model.Name = NameOf(model, concepts.Select(c => c.Name));
    }

    /// <summary>The name of a model that has concepts, for the metadata of its images.</summary>
    private static string NameOf(DiffusionModel model, IEnumerable<string> concepts) =>
        string.Join(" + ", concepts.Select(concept => Path.GetFileName(concept)!).Prepend(model.Name).Where(name => name.Length > 0));

    private static float[] Join(float[] before, ConceptWeight[] changes)
    {
        var joined = changes[0].Over(before); // of one concept to the bit
        foreach (var change in changes[1..])
        {
            var other = change.Over(before);
            for (var i = 0; i < joined.Length; i++)
            {
                joined[i] += other[i] - before[i];
            }
        }

        return joined;
    }

    private static void CheckTokens(DiffusionModel model, IReadOnlyList<(string Name, ConceptWeights Concept)> concepts)
    {
        var owners = model.Tokenizer.AddedTokens.ToDictionary(token => token, _ => "the model", StringComparer.Ordinal);
        foreach (var (name, concept) in concepts)
        {
            foreach (var token in concept.Tokens)
            {
                if (!owners.TryAdd(token.Name, $"'{name}'"))
                {
                    throw new WhenceException($"The token '{token.Name}' is in {owners[token.Name]} and in '{name}'; give one of them another name, as in {Path.GetFileName(name)}=<other>.");
                }
            }
        }
    }

    private static void CheckFits(string name, ConceptWeights concept, Dictionary<string, TorchSharp.Modules.Parameter> parameters, int width)
    {
        string[] unknown = [.. concept.Weights.Keys.Where(weight => !parameters.ContainsKey(weight))];
        string[] misshapen =
        [
            .. concept.Weights.Where(w => parameters.TryGetValue(w.Key, out var own) && !w.Value.Shape.SequenceEqual(own.shape))
                .Select(w => $"{w.Key} is [{string.Join(", ", w.Value.Shape)}] instead of [{string.Join(", ", parameters[w.Key].shape)}]"),
        ];
        string[] parts =
        [
            .. unknown.Length == 0 ? (string[])[] : [$"{unknown.Length} weights that this model has not: {Listing.Of(unknown, maxLength: 160)}"],
            .. misshapen.Length == 0 ? (string[])[] : [$"{misshapen.Length} of another shape: {Listing.Of(misshapen, maxLength: 240)}"],
            .. concept.Tokens.All(token => token.Embedding.Count == width) ? (string[])[] : [$"tokens of {concept.Tokens[0].Embedding.Count} values where the text encoder has {width}"],
        ];
        if (parts.Length > 0)
        {
            throw new WhenceException($"'{name}' was trained on another model: {string.Join("; ", parts)}; take the concept's own base model.");
        }
    }
}
