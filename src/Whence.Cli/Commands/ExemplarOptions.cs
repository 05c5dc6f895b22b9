using System.CommandLine;
using System.Text.Json;
using Whence.Torch.Customization;

namespace Whence.Cli.Commands;

/// <summary>Options that say what a model is customized to.</summary>
internal sealed class ExemplarOptions
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        AllowTrailingCommas = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    private readonly Option<string[]> _exemplar = Files("--exemplar", "Images of the concept, or folders of them");
    private readonly Option<string?> _category = new("--category") { Description = "The concept is an object of this kind, such as cat; it is trained as '<new1> cat'", HelpName = "NAME" };
    private readonly Option<bool> _style = new("--style") { Description = "The concept is a style; it is trained as 'A picture in the style of <new1> art'" };
    private readonly Option<string?> _prompt = new("--prompt") { Description = "Or the prompt that it is trained with, which holds the token", HelpName = "TEXT" };
    private readonly Option<string> _token = new("--token") { Description = "What stands for the concept in prompts", HelpName = "TOKEN", DefaultValueFactory = _ => "<new1>" };
    private readonly Option<string?> _initializer = new("--initializer") { Description = "A word whose embedding the token begins as [default: a rare one, the authors' ktn]", HelpName = "WORD" };
    private readonly Option<string?> _concepts = new("--concepts")
    {
        Description = "Several concepts instead, as JSON: [{\"exemplar\": [FILE, ...], \"category\": NAME | \"style\": true | \"prompt\": TEXT, \"token\": TOKEN, \"initializer\": WORD}, ...]",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _prior = Files("--regularization", "Other images of the category, or folders of them, so that the model does not forget it");
    private readonly Option<string[]> _priorCaption = new("--regularization-caption")
    {
        Description = "Their caption, or one for each [default: the category]",
        HelpName = "TEXT",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<double> _priorWeight = new("--prior-weight") { Description = "Weight of their loss", HelpName = "X", DefaultValueFactory = _ => 1 };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_exemplar, _category, _style, _prompt, _token, _initializer, _concepts, _prior, _priorCaption, _priorWeight])
        {
            command.Options.Add(option);
        }
    }

    public double PriorWeight(ParseResult parsed) => parsed.GetValue(_priorWeight);

    public IReadOnlyList<CustomizationConcept> Concepts(ParseResult parsed)
    {
        var given = new Entry(
            parsed.GetValue(_exemplar), parsed.GetValue(_category), parsed.GetValue(_style), parsed.GetValue(_prompt), parsed.GetValue(_token), parsed.GetValue(_initializer));
        if (parsed.GetValue(_concepts) is not { } file)
        {
            return given.Exemplar is { Length: > 0 } ? [given.ToConcept("", "<new1>", "--exemplar")] : throw new WhenceException("--exemplar: give images of the concept, or several concepts by --concepts.");
        }

        if (given is not { Exemplar: null or [], Category: null, Style: false, Prompt: null, Initializer: null } || parsed.GetResult(_token) is { Implicit: false })
        {
            throw new WhenceException("--concepts says all of it: leave out --exemplar, --category, --style, --prompt, --token and --initializer.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        return [.. Read(file).Select((entry, i) => entry.ToConcept(folder, $"<new{i + 1}>", $"'{file}', concept {i + 1}"))];
    }

    public RegularizationImages? Prior(ParseResult parsed)
    {
        var files = ExemplarFiles.In(parsed.GetValue(_prior) ?? []);
        var captions = parsed.GetValue(_priorCaption) ?? [];
        return (files.Count, captions.Length, parsed.GetValue(_category)) switch
        {
            (0, 0, _) => null,
            (0, _, _) => throw new WhenceException("--regularization-caption needs --regularization images."),
            (_, > 0, _) => new RegularizationImages(files, captions),
            (_, _, { } category) => new RegularizationImages(files, [category]),
            _ => throw new WhenceException("--regularization needs --regularization-caption, or --category."),
        };
    }

    private static Entry[] Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<Entry[]>(File.ReadAllText(file), Json) is { Length: > 0 } entries && Array.TrueForAll(entries, entry => entry is not null)
                ? entries
                : throw new WhenceException($"'{file}': holds no concept; give a list with at least one.");
        }
        catch (JsonException e)
        {
            throw new WhenceException($"'{file}': is no list of concepts ({e.Message.ReplaceLineEndings(" ")}); see --help for what each may hold.", e);
        }
    }

    private static Option<string[]> Files(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "IMG|DIR",
        AllowMultipleArgumentsPerToken = true,
    };

    private sealed record Entry(string?[]? Exemplar, string? Category, bool Style, string? Prompt, string? Token, string? Initializer)
    {
        public CustomizationConcept ToConcept(string folder, string byDefault, string where)
        {
            if ((Category is null ? 0 : 1) + (Style ? 1 : 0) + (Prompt is null ? 0 : 1) != 1)
            {
                throw new WhenceException($"{where}: say what it is by one of category, style and prompt.");
            }

            if (Category is not null && string.IsNullOrWhiteSpace(Category))
            {
                throw new WhenceException($"{where}: the category is empty; say what kind of thing it is, such as cat.");
            }

            var token = Token ?? byDefault;
            return new CustomizationConcept
            {
                Exemplars = ExemplarFiles.In([.. (Exemplar ?? []).Select(path => string.IsNullOrEmpty(path) ? "" : Path.Combine(folder, path))]),
                Token = token,
                Prompts = [Prompt ?? (Style ? CustomizationConcept.StylePrompt(token) : CustomizationConcept.ObjectPrompt(token, Category!))],
                Initializer = Initializer,
            };
        }
    }
}
