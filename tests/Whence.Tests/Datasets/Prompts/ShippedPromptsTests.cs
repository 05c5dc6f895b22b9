using System.Text.RegularExpressions;
using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Prompts;

/// <summary>The lists in <c>prompts/</c>: that they are disjoint, <see cref="PromptFolder.Load"/> checks.</summary>
public sealed partial class ShippedPromptsTests
{
    private static readonly string Shipped = Path.Combine(SharedData.RepositoryRoot, "prompts");

    [Fact]
    public void Stable_Diffusion_has_as_many_prompts_as_the_paper_and_its_test()
    {
        var folder = PromptFolder.Load(Path.Combine(Shipped, "stable-diffusion"));
        Assert.True(folder.Categories.Count >= 100);
        Assert.All(folder.Categories.Append("toaster"), category =>
        {
            Assert.Equal((15, 6, 10), Counts(folder.ObjectsOf(category)));
            Assert.All(folder.ObjectsOf(category).Prompts, p => Assert.Contains("<new1> {category}", p.Template.Text, StringComparison.Ordinal));
        });
        Assert.Equal((40, 6, 10), Counts(folder.Mediums("dog")));
        Assert.Equal((40, 6, 10), Counts(folder.Styles()));
        Assert.Equal((30, 6, 10), Counts(folder.StyleObjects()));

        // Tests that the paper's authors made, from their public code.
        Assert.Equal(
            ["charcoal drawing", "color pencil sketch", "photo", "photorealistic painting", "tattoo", "watercolor painting", "woodcut", "ink drawing", "oil on canvas painting", "ultrafine detailed painting"],
            folder.Mediums("dog").For(PromptSplit.Test).Select(p => Regex.Match(p.Template.Text, "^An? (.*) of <new1> {category}$").Groups[1].Value));
        Assert.Equal(
            "animal cloud flower grass moon river sky star sun tree".Split(' ').Select(thing => $"A painting of {thing} in the style of <new1> art"),
            folder.StyleObjects("A painting of {object} in the style of <new1> art").For(PromptSplit.Test).Select(p => p.Template.Text));
    }

    [Fact]
    public void The_small_model_is_asked_in_words_that_it_knows()
    {
        var folder = PromptFolder.Load(Path.Combine(Shipped, "emoji64"));
        PromptList[] lists = [folder.ObjectsOf("carrot"), folder.Mediums("carrot"), folder.Styles(), folder.StyleObjects()];
        Assert.Equal([(15, 6, 10), (12, 6, 10), (20, 6, 10), (30, 6, 10)], lists.Select(Counts));
        var known = File.ReadLines(Path.Combine(Shipped, "emoji64", "words.txt")).Where(line => line[0] != '#').SelectMany(line => line.Split(' ')).ToHashSet(StringComparer.Ordinal);
        Assert.True(known.Count > 200);
        Assert.Empty(lists.SelectMany(list => list.Prompts).SelectMany(p => Words().Matches(p.Template.Fill("carrot", token: null)).Select(m => m.Value)).Where(word => !known.Contains(word)).Distinct());
    }

    [Fact]
    public void No_list_has_a_prompt_twice() => Assert.All(
        Directory.EnumerateFiles(Shipped, "*.txt", SearchOption.AllDirectories).Where(file => !file.EndsWith("words.txt", StringComparison.Ordinal)),
        file => Assert.Empty(PromptList.Load(file).Remarks));

    private static (int Train, int Validation, int Test) Counts(PromptList list) => (list.For(PromptSplit.Train).Count, list.For(PromptSplit.Validation).Count, list.For(PromptSplit.Test).Count);

    [GeneratedRegex(@"[^\s,]+")]
    private static partial Regex Words();
}
