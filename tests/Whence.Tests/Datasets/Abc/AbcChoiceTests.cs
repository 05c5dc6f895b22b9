using FsCheck.Xunit;
using Whence.Datasets.Abc;

namespace Whence.Tests.Datasets.Abc;

public sealed class AbcChoiceTests
{
    private static readonly AbcSet Objects = new() { Name = "objects", Kind = AbcKind.ObjectCentric, Images = ["x"], Category = "object", Group = "group", Models = new() { Train = 4, Validation = 2, Test = 3, Unobserved = 3 } };
    private static readonly AbcSet Styles = new() { Name = "styles", Kind = AbcKind.StyleCentric, Images = ["x"], Group = "style", LeastExemplars = 2, MostExemplars = 5, Models = new() { Train = 6, Validation = 1, Test = 3 } };

    [Property(MaxTest = 100)]
    public void Objects_are_split_so_that_nothing_tested_was_trained_with_and_unobserved_groups_are_nowhere_else(int seed, byte categories, byte instances)
    {
        AbcImage[] images = [.. Enumerable.Range(0, 8 + (categories % 20)).SelectMany(c => Enumerable.Range(0, 3 + (instances % 4)).Select(i => Image($"{c}-{i}", $"c{c}", $"g{c / 2}")))];
        var random = new SplitMix64(seed, 1);
        var chosen = AbcChoice.Objects(Objects, images, ref random);
        Assert.Equal((4, 2, 3, 3), (Of(AbcSplit.Train).Length, Of(AbcSplit.Validation).Length, Of(AbcSplit.Test).Length, Of(AbcSplit.Unobserved).Length));
        Assert.Equal(12, chosen.Select(c => Assert.Single(c.Exemplars).Source).Distinct().Count());
        Assert.Empty(Of(AbcSplit.Unobserved).Select(e => e.Group).Intersect(chosen.Where(c => c.Split != AbcSplit.Unobserved).Select(c => c.Exemplars[0].Group)));
        Assert.Subset(Of(AbcSplit.Train).Select(e => e.Category).ToHashSet(), Of(AbcSplit.Validation).Concat(Of(AbcSplit.Test)).Select(e => e.Category).ToHashSet());

        AbcImage[] Of(AbcSplit split) => [.. chosen.Where(c => c.Split == split).SelectMany(c => c.Exemplars)];
    }

    [Property(MaxTest = 100)]
    public void Styles_of_one_split_are_in_no_other_and_no_image_is_an_exemplar_twice(int seed, byte styles)
    {
        AbcImage[] images = [.. Enumerable.Range(0, 3 + (styles % 12)).SelectMany(s => Enumerable.Range(0, 30).Select(i => Image($"{s}-{i}", null, $"s{s}")))];
        var random = new SplitMix64(seed, 1);
        var chosen = AbcChoice.Styles(Styles, images, ref random);
        Assert.Equal([6, 1, 3], ((AbcSplit[])[AbcSplit.Train, AbcSplit.Validation, AbcSplit.Test]).Select(split => chosen.Count(c => c.Split == split)));
        Assert.All(chosen, c => Assert.InRange(c.Exemplars.Count, 2, 5));
        Assert.All(chosen, c => Assert.Single(c.Exemplars.Select(e => e.Group).Distinct()));
        Assert.All(chosen.GroupBy(c => c.Exemplars[0].Group), style => Assert.Single(style.Select(c => c.Split).Distinct()));
        var all = chosen.SelectMany(c => c.Exemplars).Select(e => e.Source).ToArray();
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Fact]
    public void The_same_seed_chooses_the_same_and_another_one_others()
    {
        AbcImage[] images = [.. Enumerable.Range(0, 40).Select(i => Image($"{i}", $"c{i / 3}", $"g{i / 6}"))];
        Assert.Equal(Sources(1), Sources(1));
        Assert.NotEqual(Sources(1), Sources(2));

        string[] Sources(long seed)
        {
            var random = new SplitMix64(seed, 1);
            return [.. AbcChoice.Objects(Objects, images, ref random).Select(c => c.Exemplars[0].Source)];
        }
    }

    [Fact]
    public void Too_few_images_are_an_error_that_says_how_many_there_are()
    {
        AbcImage[] few = [.. Enumerable.Range(0, 9).Select(i => Image($"{i}", $"c{i}", $"g{i}"))];
        var random = new SplitMix64(1, 1);
        Assert.Contains("of 9 in 9 groups there are 3 and 6", Assert.Throws<WhenceException>(() => AbcChoice.Objects(Objects, few, ref random)).Message);
        Assert.Contains("0 styles with at least 2 images", Assert.Throws<WhenceException>(() => AbcChoice.Styles(Styles, few, ref random)).Message);
        AbcImage[] narrow = [.. Enumerable.Range(0, 9).Select(i => Image($"{i}", null, $"s{i % 3}"))];
        Assert.Contains("have images for 1 only", Assert.Throws<WhenceException>(() => AbcChoice.Styles(Styles, narrow, ref random)).Message);
    }

    [Fact]
    public void A_category_in_two_groups_cannot_be_held_out_and_is_refused()
    {
        AbcImage[] images = [.. Enumerable.Range(0, 60).Select(i => Image($"{i}", $"c{i % 10}", $"g{i % 7}"))];
        var random = new SplitMix64(1, 1);
        Assert.Contains("cannot be held out", Assert.Throws<WhenceException>(() => AbcChoice.Objects(Objects, images, ref random)).Message);
    }

    [Property(MaxTest = 100)]
    public void Classes_are_split_and_held_out_though_one_word_stands_for_several(int seed)
    {
        AbcImage[] images = [.. Enumerable.Range(0, 200).Select(i => Image($"{i}", i % 20 < 10 ? "dog" : "bird", $"n{i % 20}") with { Class = $"n{i % 20}" })];
        var random = new SplitMix64(seed, 1);
        var chosen = AbcChoice.Objects(Objects with { Class = "folder", Group = null, Models = new() { Train = 120, Validation = 15, Test = 15, Unobserved = 50 } }, images, ref random);
        var unobserved = Classes(AbcSplit.Unobserved);
        Assert.Equal(5, unobserved.Count);
        Assert.All(unobserved.Values, count => Assert.Equal(10, count));
        Assert.All(Classes(AbcSplit.Train).Values, count => Assert.Equal(8, count));
        Assert.All(Classes(AbcSplit.Validation).Concat(Classes(AbcSplit.Test)), kind => Assert.Equal(1, kind.Value));
        Assert.Empty(unobserved.Keys.Intersect(Classes(AbcSplit.Train).Keys));

        Dictionary<string, int> Classes(AbcSplit split) => chosen.Where(c => c.Split == split).CountBy(c => c.Exemplars[0].Class!).ToDictionary();
    }

    [Property(MaxTest = 100)]
    public void All_images_of_a_style_become_exemplars_where_that_is_asked_for(int seed)
    {
        AbcImage[] images = [.. Enumerable.Range(0, 12).SelectMany(s => Enumerable.Range(0, s + 1).Select(i => Image($"{s}-{i}", null, $"s{s}")))];
        var random = new SplitMix64(seed, 1);
        var chosen = AbcChoice.Styles(Styles with { AllExemplars = true, LeastExemplars = 1, MostExemplars = 10, Models = new() { Train = 12 } }, images, ref random);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10], chosen.Select(c => c.Exemplars.Count).Order());
    }

    [Property(MaxTest = 100)]
    public void Unobserved_categories_are_as_many_as_their_share_of_the_groups_allows(int seed)
    {
        AbcImage[] images = [.. Enumerable.Range(0, 400).Select(i => Image($"{i}", $"c{i % 40}", $"g{i % 40}"))];
        var random = new SplitMix64(seed, 1);
        var chosen = AbcChoice.Objects(Objects with { Models = new() { Train = 30, Unobserved = 10 } }, images, ref random);
        Assert.Equal(10, chosen.Where(c => c.Split == AbcSplit.Unobserved).Select(c => c.Exemplars[0].Category).Distinct().Count());
    }

    [Property(MaxTest = 100)]
    public void Styles_of_unequal_size_give_as_many_models_as_they_can(int seed, byte small)
    {
        AbcImage[] images = [.. Enumerable.Range(0, 2 + (small % 3)).Select(i => Image($"a{i}", null, "a")), .. Enumerable.Range(0, 16).Select(i => Image($"b{i}", null, "b"))];
        var random = new SplitMix64(seed, 1);
        var most = ((2 + (small % 3)) / 2) + 8;
        Assert.Equal(most, AbcChoice.Styles(Styles with { Models = new() { Train = most } }, images, ref random).Count);
    }

    private static AbcImage Image(string name, string? category, string group) => new($"{name}.png", name, 1, category, group, null);
}
