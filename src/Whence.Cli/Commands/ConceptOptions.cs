using System.CommandLine;
using Whence.Torch.Customization;
using Whence.Torch.Diffusion;

namespace Whence.Cli.Commands;

/// <summary>The option that gives a model concepts.</summary>
internal sealed class ConceptOptions
{
    private readonly Option<string[]> _custom = new("--custom")
    {
        Description = "Concepts of whence customize, or the authors', Hugging Face's and the paper's files; other names for their tokens after a =, with commas between",
        HelpName = "FILE[=TOKEN,...]",
        AllowMultipleArgumentsPerToken = true,
    };

    public void AddTo(Command command) => command.Add(_custom);

    /// <summary>Customizes the model; only within an action, since it loads libtorch.</summary>
    public void Apply(ParseResult parsed, DiffusionModel model)
    {
        var given = parsed.GetValue(_custom) ?? [];
        if (given.Length > 0)
        {
            ConceptLoader.Apply(model, [.. given.Select(text => Load(text, model))]);
        }
    }

    private static (string Name, ConceptWeights Concept) Load(string given, DiffusionModel model)
    {
        var at = given.LastIndexOf('=');
        if (at < 0 || File.Exists(given) || !File.Exists(given[..at]))
        {
            at = -1; // a file's own name may hold a =, as delta_epoch=000004.ckpt does
        }

        var file = at < 0 ? given : given[..at];
        var concept = ConceptLoader.Load(model, file);
        if (at < 0)
        {
            return (file, concept);
        }

        var names = given[(at + 1)..].Split(',');
        try
        {
            return (file, concept.WithTokens(names));
        }
        catch (ArgumentException)
        {
            throw new WhenceException(
                $"--custom {given}: has {concept.Tokens.Count} tokens ({string.Join(", ", concept.Tokens.Select(token => token.Name))}); give as many different names without white space.");
        }
    }
}
