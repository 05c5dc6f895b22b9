using System.Globalization;
using Whence.Datasets.Prompts;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Datasets.Abc;

/// <summary>Which models a recipe asks for: all that follows from the recipe, the images and the prompts before anything is customized.</summary>
public sealed class AbcPlan
{
    // Streams of random numbers, one for each purpose.
    private const long Exemplars = 1, Prompts = 2, Seeds = 3, BaselineSeeds = 4;

    private readonly PromptFolder _prompts;
    private readonly List<AbcModel> _models = [];

    private AbcPlan(AbcRecipe recipe, PromptFolder prompts) => (Recipe, _prompts) = (recipe, prompts);

    /// <summary>The recipe.</summary>
    public AbcRecipe Recipe { get; }

    /// <summary>The models, set by set, split by split.</summary>
    public IReadOnlyList<AbcModel> Models => _models;

    /// <summary>Images that could not be read or decoded, which are left out.</summary>
    public IReadOnlyList<UnreadImage> Unread { get; private set; } = [];

    /// <summary>Makes the plan of a recipe.</summary>
    /// <param name="path">The recipe's file.</param>
    /// <param name="cancellation">Stops the reading of images.</param>
    /// <exception cref="WhenceException">The recipe or what it names cannot be read, or there are not enough images or prompts for it; the message says of what there are how many.</exception>
    public static async Task<AbcPlan> LoadAsync(string path, CancellationToken cancellation = default)
    {
        var (recipe, folder) = (AbcRecipe.Load(path), Path.GetDirectoryName(Path.GetFullPath(path))!);
        var (images, unread) = (new List<IReadOnlyList<AbcImage>>(), new List<UnreadImage>());
        var captions = recipe.Baseline?.Captions is { } table ? await MetadataTable.LoadAsync(Path.Combine(folder, table), cancellation) : null;
        foreach (var set in recipe.Sets)
        {
            images.Add(await AbcImages.LoadAsync(set, folder, captions, unread, cancellation));
        }

        // Only what is chosen is decoded; where that cannot be, something else is chosen, before any work is done with it.
        var (prompts, decoded) = (PromptFolder.Load(Path.Combine(folder, recipe.Prompts)), new HashSet<string>(StringComparer.Ordinal));
        while (true)
        {
            var (plan, before) = (Chosen(), unread.Count);
            foreach (var image in plan.Models.SelectMany(model => model.Exemplars).Where(image => decoded.Add(image.Sha256)))
            {
                try
                {
                    ImageDecoder.Decode(await ImageSources.ReadAsync(image.Source, DecodeLimits.Default.MaxFileBytes, cancellation));
                }
                catch (WhenceException e)
                {
                    unread.Add(new UnreadImage(image.Source, e.Message));
                }
            }

            if (unread.Count == before)
            {
                plan.Unread = unread;
                return plan;
            }

            var bad = unread.Select(image => image.Path).ToHashSet(StringComparer.Ordinal);
            images = [.. images.Select(set => (IReadOnlyList<AbcImage>)[.. set.Where(image => !bad.Contains(image.Source))])];
        }

        // Where too few are left, those that were left out may be why.
        AbcPlan Chosen()
        {
            try
            {
                return Of(recipe, prompts, images);
            }
            catch (WhenceException e) when (unread.Count > 0)
            {
                throw new WhenceException($"{e.Message} {unread.Count:N0} images cannot be read and were left out ({unread[0].Path}: {unread[0].Error}).", e);
            }
        }
    }

    /// <summary>Makes the plan of images that were read.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="prompts">Its prompts.</param>
    /// <param name="images">Of each of its sets, in the order of the sources.</param>
    /// <exception cref="WhenceException">There are not enough images or prompts, an image would be trained and tested with, or one of a baseline has no caption.</exception>
    public static AbcPlan Of(AbcRecipe recipe, PromptFolder prompts, IReadOnlyList<IReadOnlyList<AbcImage>> images)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(images);
        var plan = new AbcPlan(recipe, prompts);
        foreach (var (i, set) in recipe.Sets.Index())
        {
            var random = plan.Random(Exemplars, i);
            var chosen = set.Kind == AbcKind.ObjectCentric ? AbcChoice.Objects(set, images[i], ref random) : AbcChoice.Styles(set, images[i], ref random);
            foreach (var (number, (split, exemplars)) in chosen.Index())
            {
                plan.Add(set, number, split, exemplars);
            }
        }

        plan.CheckSplits();
        if (recipe.Baseline is { } baseline)
        {
            plan.Add(baseline);
        }

        return plan;
    }

    /// <summary>The same with other numbers and a few of the models, to be tried out.</summary>
    internal AbcPlan Tried(AbcRecipe recipe, params IEnumerable<AbcModel> models)
    {
        var plan = new AbcPlan(recipe, _prompts);
        plan._models.AddRange(models);
        return plan;
    }

    private void Add(AbcSet set, int number, AbcSplit split, IReadOnlyList<AbcImage> exemplars)
    {
        var (category, place) = (set.Kind == AbcKind.ObjectCentric ? exemplars[0].Category : null, _models.Count);
        var seeds = Random(Seeds, place);
        var seed = seeds.Next(int.MaxValue);
        var samples = new List<AbcSample>();
        var counts = set.Draws.Of(split, Recipe.Sampling);
        foreach (var (type, list, count) in Lists(set, category, counts))
        {
            foreach (var prompt in Choose(list, split, count, place))
            {
                for (var i = 0; i < Recipe.Sampling.Each; i++)
                {
                    samples.Add(new AbcSample(type, prompt.Template.Fill(category), seeds.Next(int.MaxValue), prompt.Template.Fill(category, Recipe.Customization.Initializer)));
                }
            }
        }

        _models.Add(new AbcModel
        {
            Id = string.Create(CultureInfo.InvariantCulture, $"{set.Name}-{number:D4}"),
            Set = set.Name,
            Kind = set.Kind,
            Split = split,
            Exemplars = exemplars,
            Prompt = category is null ? set.ExemplarPrompt.Text : set.ExemplarPrompt.Fill(category),
            Seed = seed,
            Samples = samples,
        });
    }

    // After all others, with seeds that do not depend on whether these are made too.
    private void Add(AbcBaseline baseline)
    {
        (int Place, AbcModel Model)[] compared = [.. _models.Index().Where(m => baseline.Splits?.Contains(m.Item.Split) ?? true).GroupBy(m => (m.Item.Set, m.Item.Split)).SelectMany(split => split.Take(baseline.Most ?? int.MaxValue))];
        AbcImage[] without = [.. compared.SelectMany(c => c.Model.Exemplars).Where(image => string.IsNullOrWhiteSpace(image.Caption))];
        if (without.Length > 0)
        {
            throw new WhenceException(
                $"{without.Length:N0} exemplars have no caption, which the baseline is drawn with ({Listing.Of([.. without.Select(image => image.Name)])}); name a table that has one as 'baseline.captions' ('whence dataset captions' writes it), or have fewer models get a baseline by 'baseline.most'.");
        }

        if (baseline.Instead)
        {
            _models.Clear();
        }

        foreach (var (place, model) in compared)
        {
            var (set, seeds, samples) = (AbcRecipe.BaselineOf(model.Set), Random(BaselineSeeds, place), new List<AbcSample>());
            for (var i = 0; i < model.Samples.Count; i++)
            {
                samples.Add(new AbcSample("caption", model.Exemplars[i % model.Exemplars.Count].Caption!.Trim(), seeds.Next(int.MaxValue)));
            }

            _models.Add(model with { Id = set + model.Id[model.Set.Length..], Set = set, Prompt = null, Samples = samples });
        }
    }

    private (string Type, PromptList List, int Count)[] Lists(AbcSet set, string? category, AbcPromptCounts counts) => set.Kind == AbcKind.ObjectCentric
        ? [("gpt", _prompts.ObjectsOf(category!), counts.Captions), ("media", _prompts.Mediums(category!), counts.Procedural)]
        : [("gpt", _prompts.Styles(), counts.Captions), ("object", _prompts.StyleObjects(set.ObjectPrompt), counts.Procedural)];

    // Models are tested with the same prompts, so that they can be compared; those for training have different ones, so that many are seen.
    private IReadOnlyList<Prompt> Choose(PromptList list, AbcSplit split, int count, int model) => split switch
    {
        AbcSplit.Train => list.Choose(PromptSplit.Train, count, Random(Prompts, model + 1).Next(int.MaxValue)),
        AbcSplit.Validation => list.Choose(PromptSplit.Validation, count, Random(Prompts, model + 1).Next(int.MaxValue)),
        _ => list.Choose(PromptSplit.Test, count, Random(Prompts, 0).Next(int.MaxValue)),
    };

    // Two sets may have the same sources. What mappers are trained or chosen with, they may not be tested with.
    private void CheckSplits()
    {
        foreach (var image in _models.SelectMany(model => model.Exemplars.Select(exemplar => (exemplar.Sha256, exemplar.Name, Model: model))).GroupBy(use => (use.Sha256, use.Model.Kind)))
        {
            if (image.FirstOrDefault(use => IsTest(use.Model)) is { Model: { } tested } && image.FirstOrDefault(use => !IsTest(use.Model)) is { Model: { } other })
            {
                throw new WhenceException(
                    $"'{image.First().Name}' would be an exemplar of {other.Id} for {other.Split.ToString().ToLowerInvariant()} and of {tested.Id}, which is tested with; give the sets '{other.Set}' and '{tested.Set}' different images, by 'where' or 'images'.");
            }
        }

        static bool IsTest(AbcModel model) => model.Split is AbcSplit.Test or AbcSplit.Unobserved;
    }

    // Of its own for each purpose and place, whatever other seeds have.
    private SplitMix64 Random(long purpose, int place) => new(new SplitMix64(Recipe.Seed, purpose).Next(int.MaxValue), place);
}
