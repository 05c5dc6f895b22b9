using Whence.Datasets.Abc;

namespace Whence.Reports;

/// <summary>A model as a site shows it.</summary>
internal sealed class SiteModel(AbcRecord record)
{
    /// <summary>What was made of it.</summary>
    public AbcRecord Record => record;

    /// <summary>What it shows: a category or a style.</summary>
    public string Name => record.Category ?? record.Group;

    /// <summary>What it is for.</summary>
    public string Split => record.Split.ToString().ToLowerInvariant();

    /// <summary>The file of its page.</summary>
    public string PageName => record.Id + ".html";

    /// <summary>What it drew, by prompts, in the order of the record: each has the number of its place here.</summary>
    public IReadOnlyList<SitePrompt> Prompts { get; } =
        [.. record.Samples.GroupBy(sample => (sample.Type, sample.Prompt)).Select((prompt, place) => new SitePrompt(place, prompt.Key.Type, prompt.Key.Prompt, [.. prompt]))];

    /// <summary>All pictures that are shown, relative to the data set.</summary>
    public IEnumerable<string> Images => record.Exemplars.Select(exemplar => exemplar.Path).Concat(record.Samples.Select(sample => sample.Path));

    /// <summary>Why it is in no list; empty where it is in one.</summary>
    public string Left => string.Join(", ", (record.Faults ?? []).Select(fault => fault switch
    {
        AbcFault.Concept => "its images are hardly more like the exemplars than what was drawn before",
        _ => "its images hardly follow their prompts",
    }));

    /// <summary>A path with slashes as an address.</summary>
    public static string Address(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    /// <summary>What prompts of a type are, for people.</summary>
    public static string TypeName(string type) => type switch
    {
        "gpt" => "written prompts (gpt)",
        "media" => "mediums (media)",
        "object" => "objects (object)",
        "caption" => "the exemplars' captions (caption)",
        _ => type,
    };
}

/// <summary>A prompt and what was drawn of it.</summary>
/// <param name="Place">Its number in the model, from 0.</param>
/// <param name="Type">Its type.</param>
/// <param name="Text">The prompt.</param>
/// <param name="Samples">The images, at least one.</param>
internal sealed record SitePrompt(int Place, string Type, string Text, IReadOnlyList<AbcSampleRecord> Samples)
{
    /// <summary>Where it stands in the model's page.</summary>
    public string Anchor => $"p{Place}";
}
