using System.Text.Json.Serialization;
using Whence.Encoders;
using static Whence.Files.RecipeChecks;

namespace Whence.Datasets.Abc;

/// <summary>What is wrong with a customized model.</summary>
public enum AbcFault
{
    /// <summary>Its samples are hardly more like the exemplars than what the model drew of the same words before.</summary>
    Concept,

    /// <summary>Its samples are hardly more like what the model drew of their own words before than like what it drew of others.</summary>
    Prompt,
}

/// <summary>
/// How it is checked that a customization took, by features of encoders: its samples are compared with the exemplars, and with what the model drew of the same words before it was customized, without
/// <c>&lt;new1&gt;</c> or with the word that it begins as in its place. Models that fail are left out of the lists. Encoders and thresholds only judge what was drawn: with others, a data set that is there is judged anew, and nothing is made anew.
/// </summary>
public sealed record AbcCheck
{
    /// <summary>Name of the encoder (<see cref="EncoderRegistry"/>). Default resnet18, which is always there.</summary>
    public string Encoder { get; init; } = EncoderRegistry.DefaultName;

    /// <summary>Name of the encoder that says too how like the exemplars of a style samples are, which show other things than they. Default resnet18-style, which is always there.</summary>
    public string StyleEncoder { get; init; } = EncoderRegistry.StyleName;

    /// <summary>Images of each prompt that the model draws before it is customized, 1 to 10,000, but no more than samples of it. Default 1: of the paper's 4 samples a quarter more to draw.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>
    /// Least gain in similarity to the exemplars, of a style by one of both encoders: one sees textures wherever they are, the other may see grounds and colours. From -2, which takes every model, to 2. Default 0.02: a customization that changed nothing gains 0, and the mean over a model's prompts is taken to be
    /// uncertain by about so much. Not fitted to any data set.
    /// </summary>
    public double Shows { get; init; } = 0.02;

    /// <summary>
    /// Least share of other prompts that samples are less like than their own, from 0, which takes every model, to 1. Default 0.55: a model that draws the same whatever the prompt has 0.5, give or take.
    /// Not fitted to any data set.
    /// </summary>
    public double Obeys { get; init; } = 0.55;

    /// <summary>Similarity to an exemplar, -1 to 1, from which on a sample may be a copy of it. Default 0.95.</summary>
    public double CopySimilarity { get; init; } = 0.95;

    /// <summary>Mean difference from that exemplar's colours, 0 to 1, up to which it then is one. Default 0.05: more than an autoencoder changes of a picture.</summary>
    public double CopyPixels { get; init; } = 0.05;

    internal void Validate()
    {
        // The name becomes part of the data set, which others go on with: it must mean the same there.
        foreach (var (key, name) in ((string, string)[])[("encoder", Encoder), ("styleEncoder", StyleEncoder)])
        {
            Require(!string.IsNullOrWhiteSpace(name) && !name.AsSpan().ContainsAny('/', '\\') && !name.EndsWith(".json", StringComparison.OrdinalIgnoreCase), $"'check.{key}' is '{name}', it must be a name that 'whence encoders list' shows; list a spec's folder in WHENCE_MODELS");
        }

        InRange("check.samples", Samples, 1, 10_000);
        InRange("check.shows", Shows, -2, 2);
        InRange("check.obeys", Obeys, 0, 1);
        InRange("check.copySimilarity", CopySimilarity, -1, 1);
        InRange("check.copyPixels", CopyPixels, 0, 1);
    }

    /// <summary>Of the samples of a model those whose words are drawn before it is customized, with the same noise.</summary>
    internal IEnumerable<AbcSample> Before(AbcModel model) => model.Samples.Where(sample => sample.Plain is not null).GroupBy(sample => sample.Prompt, StringComparer.Ordinal).SelectMany(prompt => prompt.Take(Samples));

    /// <summary>The record with what follows from its measures: its faults, and which samples are copies.</summary>
    internal AbcRecord Judge(AbcRecord record)
    {
        AbcFault[] faults = record.Check is not { } measured ? [] : [.. Faults(measured)];
        return record with
        {
            Faults = faults.Length > 0 ? faults : null,
            Samples = [.. record.Samples.Select(sample => sample with { Copy = sample.Similarity >= CopySimilarity && sample.Pixels <= CopyPixels ? true : null })],
        };
    }

    private IEnumerable<AbcFault> Faults(AbcCheckRecord measured)
    {
        if (measured.Gain < Shows)
        {
            yield return AbcFault.Concept;
        }

        if (measured.Obeyed < Obeys) // what could not be measured is no fault
        {
            yield return AbcFault.Prompt;
        }
    }
}

/// <summary>What was measured of a customized model.</summary>
/// <param name="Similarity">Of samples to the exemplars, mean cosine of features, of those whose words were drawn before too.</param>
/// <param name="Uncustomized">Of what the model drew of these words before, with the same noise.</param>
/// <param name="StyleSimilarity">Of a style, the first by <see cref="AbcCheck.StyleEncoder"/>; null of an object.</param>
/// <param name="StyleUncustomized">Of a style, the second by it; null of an object.</param>
/// <param name="Obeyed">
/// Mean over samples of the share of other prompts whose images, drawn before, a sample is less like than that of its own prompt, drawn with other noise. 0.5 is chance. Null where there is one prompt, or
/// one sample of each.
/// </param>
public sealed record AbcCheckRecord(double Similarity, double Uncustomized, double? StyleSimilarity, double? StyleUncustomized, double? Obeyed)
{
    /// <summary>What customization gained in similarity to the exemplars, of a style by the encoder that sees more of it.</summary>
    [JsonIgnore]
    public double Gain => Math.Max(Similarity - Uncustomized, (StyleSimilarity - StyleUncustomized) ?? double.NegativeInfinity);
}
