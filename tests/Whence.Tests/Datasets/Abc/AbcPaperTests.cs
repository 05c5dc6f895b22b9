using Whence.Datasets.Abc;
using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Abc;

/// <summary><c>recipes/abc-paper.json</c> beside Table 1 and section 3 of the paper.</summary>
public sealed class AbcPaperTests
{
    private static readonly AbcRecipe Paper = AbcRecipe.Load(Path.Combine(SharedData.RepositoryRoot, "recipes", "abc-paper.json"));

    // Table 1: models, and images of captions and of procedural prompts.
    [Theory]
    [InlineData("imagenet", AbcSplit.Train, 4744, 284_640, 759_040)]
    [InlineData("imagenet", AbcSplit.Validation, 593, 14_232, 14_232)]
    [InlineData("imagenet", AbcSplit.Test, 593, 23_720, 23_720)]
    [InlineData("imagenet100", AbcSplit.Unobserved, 1000, 40_000, 40_000)]
    [InlineData("bamfg", AbcSplit.Train, 10_607, 1_697_120, 1_272_840)]
    [InlineData("bamfg", AbcSplit.Validation, 250, 6000, 6000)]
    [InlineData("bamfg", AbcSplit.Test, 250, 10_000, 10_000)]
    [InlineData("artchive", AbcSplit.Test, 255, 10_200, 10_200)]
    public void Every_split_has_the_numbers_of_the_table(string set, AbcSplit split, int models, int captions, int procedural)
    {
        var counts = Counts().Single(c => c.Set == set && c.Split == split);
        Assert.Equal((models, captions, procedural), (counts.Models, counts.Captions, counts.Procedural));
    }

    [Fact]
    public void All_in_all_it_is_the_paper()
    {
        Assert.Equal(8, Counts().Count());
        Assert.Equal([(AbcKind.ObjectCentric, 6930, 1_199_584), (AbcKind.StyleCentric, 11_362, 3_022_360)], Counts().GroupBy(c => c.Kind).Select(g => (g.Key, g.Sum(c => c.Models), g.Sum(c => c.Captions + c.Procedural))));
        Assert.Equal(new AbcCustomization { Steps = 125, Batch = 8, LearningRate = 8e-5, Augment = true }, Paper.Customization);
        Assert.Equal((200, 6.0, 1.0, 4), (Paper.Sampling.Steps, Paper.Sampling.Guidance, Paper.Sampling.Eta, Paper.Sampling.Each));
    }

    [Fact]
    public void A_plan_of_a_few_models_of_each_set_draws_the_paper_s_prompts_from_the_repository_s_lists()
    {
        AbcCounts[] few = [new() { Train = 8, Validation = 1, Test = 1 }, new() { Unobserved = 10 }, new() { Train = 1, Validation = 1, Test = 1 }, new() { Test = 2 }];
        AbcImage[][] images =
        [
            [.. Enumerable.Range(0, 10).Select(i => Image($"a{i}", "n02094258", "dog"))],
            [.. Enumerable.Range(0, 10).Select(i => Image($"b{i}", "n01530575", "bird"))],
            [.. Enumerable.Range(0, 21).Select(i => Image($"c{i}", $"10154{i % 3}_0", null))],
            [Image("d", "cave", null), .. Enumerable.Range(0, 67).Select(i => Image($"e{i}", "goya", null))],
        ];
        var plan = AbcPlan.Of(Paper with { Sets = [.. Paper.Sets.Zip(few, (set, models) => set with { Models = models })] }, PromptFolder.Load(Path.Combine(SharedData.RepositoryRoot, "prompts", "stable-diffusion")), images);
        Assert.Equal(
            [
                ("imagenet", AbcSplit.Train, 220), ("imagenet", AbcSplit.Validation, 48), ("imagenet", AbcSplit.Test, 80), ("imagenet100", AbcSplit.Unobserved, 80),
                ("bamfg", AbcSplit.Train, 280), ("bamfg", AbcSplit.Validation, 48), ("bamfg", AbcSplit.Test, 80), ("artchive", AbcSplit.Test, 80),
            ],
            plan.Models.Select(m => (m.Set, m.Split, m.Samples.Count)).Distinct());
        Assert.Equal(["<new1> dog", "<new1> bird", "A picture in the style of <new1> art"], plan.Models.Select(m => m.Prompt).Distinct());
        Assert.Equal([1, 7, 67], plan.Models.Select(m => m.Exemplars.Count).Distinct().Order());
        Assert.Contains("A painting of river in the style of <new1> art", Prompts("artchive"));
        Assert.Contains("A picture of river in the style of <new1> art", Prompts("bamfg"));
        Assert.Contains("A tattoo of <new1> bird", Prompts("imagenet100"));

        IEnumerable<string> Prompts(string set) => plan.Models.Where(m => m.Set == set).SelectMany(m => m.Samples).Select(s => s.Prompt);
    }

    private static IEnumerable<(string Set, AbcKind Kind, AbcSplit Split, int Models, int Captions, int Procedural)> Counts() =>
        from set in Paper.Sets
        from split in Enum.GetValues<AbcSplit>().Zip(set.Models.Named, (name, models) => (Split: name, models.Count))
        where split.Count > 0
        let draws = set.Draws.Of(split.Split, Paper.Sampling)
        select (set.Name, set.Kind, split.Split, split.Count, split.Count * draws.Captions * Paper.Sampling.Each, split.Count * draws.Procedural * Paper.Sampling.Each);

    private static AbcImage Image(string name, string folder, string? category) => new($"{name}.jpg", name, 1, category, folder, null, category is null ? null : folder);
}
