using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Whence.Encoders;
using Whence.Files;
using static Whence.Files.RecipeChecks;

namespace Whence.Datasets.Abc;

/// <summary>
/// The folder of a data set: <c>dataset.json</c> with the recipe and what it was made of, <c>models/ID/</c> with a model each, and, when all are there, the lists of test cases and
/// <c>manifest.json</c>.
/// </summary>
internal static class AbcFolder
{
    public const string HeaderName = "dataset.json", ManifestName = "manifest.json", LockName = "dataset.lock";

    private const string FormatName = "whence-abc-dataset";

    /// <summary>Begins a data set, or finds the one that was begun.</summary>
    /// <param name="folder">Its folder, which is made.</param>
    /// <param name="header">What it is made of.</param>
    /// <param name="measures">Whether models that are there can be measured by other encoders than before.</param>
    /// <returns>Whether they must be, and then <see cref="EndMeasuring"/> called; until then the folder says that nobody knows what they were measured by.</returns>
    /// <exception cref="WhenceException">Another data set is there, or files that are none.</exception>
    public static bool Begin(string folder, AbcHeader header, bool measures = false)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, HeaderName);
        if (!File.Exists(path))
        {
            if (Directory.EnumerateFileSystemEntries(folder).Any(entry => Path.GetFileName(entry) != LockName && !entry.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal)))
            {
                throw new WhenceException($"{folder}: holds files, but no {HeaderName}; name an empty folder.");
            }

            Save(folder, header);
            return false;
        }

        var there = LoadHeader(folder);
        var anew = !there.Encoders.SequenceEqual(header.Encoders);
        if (!there.IsOf(header) || (anew && !measures))
        {
            throw new WhenceException($"{folder}: holds a data set of another recipe, other images, prompts, encoders of the check or another model; go on with what it was begun with ({HeaderName} has it), or name another folder.");
        }

        if (anew || there.Recipe.Check != header.Recipe.Check)
        {
            if (anew)
            {
                Unjudge(folder, there); // what is said of the models is not true any more
            }

            Save(folder, there with { Recipe = there.Recipe with { Check = header.Recipe.Check }, Encoders = anew ? [] : there.Encoders, Outcome = null }); // other encoders or thresholds
        }

        return anew;
    }

    /// <summary>Writes that all models that are there were measured by the encoders of a header.</summary>
    public static void EndMeasuring(string folder, AbcHeader header) => Save(folder, LoadHeader(folder) with { Encoders = header.Encoders });

    /// <summary>What a data set is made of.</summary>
    /// <exception cref="WhenceException">Missing or damaged.</exception>
    public static AbcHeader LoadHeader(string folder) =>
        RecipeJson.Load<AbcHeader>(Path.Combine(folder, HeaderName), FormatName, AbcHeader.CurrentVersion, header => header.Validate());

    /// <summary>Ends a data set whose models are all there: judges them, and writes the lists of test cases, the manifest and what the check found.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="ids">The models, in their order.</param>
    /// <returns>The names of the lists.</returns>
    public static IReadOnlyList<string> End(string folder, IEnumerable<string> ids)
    {
        var header = LoadHeader(folder);
        AbcRecord[] records = [.. ids.Select(id => AbcRecord.Load(folder, id)).Select(record => header.Recipe.Check?.Judge(record) ?? record)];
        header = header with { Outcome = header.Recipe.Check is null ? null : AbcOutcome.Of(records) };
        var lists = AbcTestCases.Write(folder, records);
        AbcCaptions.Write(folder, records, header.Recipe.Customization.Initializer);
        AtomicFile.Write(Path.Combine(folder, ManifestName), stream => JsonSerializer.Serialize(stream, new AbcManifest { Header = header, Models = records }, RecipeJson.Indented));
        Save(folder, header);
        return lists;
    }

    private static void Unjudge(string folder, AbcHeader header)
    {
        File.Delete(Path.Combine(folder, ManifestName));
        foreach (var set in header.Recipe.Sets.SelectMany(set => (string[])[set.Name, AbcRecipe.BaselineOf(set.Name)]))
        {
            foreach (var split in Enum.GetValues<AbcSplit>())
            {
                File.Delete(Path.Combine(folder, AbcTestCases.NameOf(set, split)));
            }
        }
    }

    /// <summary>A checksum of all that models follow from before a network is asked.</summary>
    public static string Sha256(AbcPlan plan) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(plan.Models, RecipeJson.Options)));

    /// <summary>A header of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="model">Checksum of the base model.</param>
    /// <param name="encoders">What models are checked with; none for no check.</param>
    public static AbcHeader HeaderOf(AbcPlan plan, string model, params IReadOnlyList<EncoderSpec> encoders) => new()
    {
        Format = FormatName,
        Version = AbcHeader.CurrentVersion,
        Recipe = plan.Recipe,
        Model = model,
        Encoders = [.. encoders.Select(encoder => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(encoder, SpecJson.Options))))],
        Plan = Sha256(plan),
        Ids = [.. plan.Models.Select(m => m.Id)],
    };

    private static void Save(string folder, AbcHeader header) => AtomicFile.Write(Path.Combine(folder, HeaderName), stream => JsonSerializer.Serialize(stream, header, RecipeJson.Indented));
}

/// <summary>What a data set is made of, as <c>dataset.json</c> has it.</summary>
internal sealed record AbcHeader
{
    public const int CurrentVersion = 1;

    /// <summary>Always <c>whence-abc-dataset</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>The recipe.</summary>
    public required AbcRecipe Recipe { get; init; }

    /// <summary>Checksum of the base model: of its weights, and of how it takes noise away.</summary>
    public required string Model { get; init; }

    /// <summary>Checksums of the specs of the encoders that models are checked with, which have those of their weights; none for no check.</summary>
    public IReadOnlyList<string> Encoders { get; init; } = [];

    /// <summary>Checksum of the plan: exemplars, prompts, seeds.</summary>
    public required string Plan { get; init; }

    /// <summary>Names of all models.</summary>
    public required IReadOnlyList<string> Ids { get; init; }

    /// <summary>What the check found; null for no check, and until all models are there.</summary>
    public AbcOutcome? Outcome { get; init; }

    /// <summary>Whether the models of both are the same: where the model and the images lie does not matter, nor by what models are judged.</summary>
    public bool IsOf(AbcHeader other) =>
        Model == other.Model && Plan == other.Plan && Ids.SequenceEqual(other.Ids) && Recipe.Customization == other.Recipe.Customization && Recipe.Sampling == other.Recipe.Sampling
        && Recipe.Threads == other.Recipe.Threads && Recipe.Check?.Samples == other.Recipe.Check?.Samples;

    /// <summary>Whether it is known by which encoders models were measured: not after an interruption while others measured them anew.</summary>
    [JsonIgnore]
    public bool IsMeasured => Recipe.Check is null || Encoders.Count > 0;

    /// <summary>Refuses a header that no builder wrote: names become paths.</summary>
    public void Validate()
    {
        Recipe.Validate();
        Require(Ids.Count > 0 && Ids.All(AbcSet.IsName) && Ids.Distinct(StringComparer.Ordinal).Count() == Ids.Count, "'ids' must be different names of letters, digits and hyphens");
    }
}

/// <summary>All of a data set, as <c>manifest.json</c> has it.</summary>
internal sealed record AbcManifest
{
    /// <summary>What it is made of.</summary>
    public required AbcHeader Header { get; init; }

    /// <summary>The models.</summary>
    public required IReadOnlyList<AbcRecord> Models { get; init; }
}
