using Whence.Bench.BaseModel;

namespace Whence.Tests.Bench;

public class PromptChoiceTests
{
    // Every object by both designers, but the last one; each treated in one of three ways.
    private static readonly Drawing[] Trained =
    [
        .. from i in Enumerable.Range(0, 12)
           from style in (string[])["noto", "fluent", ((string[])["outline", "mosaic", "inverted"])[i % 3]]
           where i < 11 || style != "fluent"
           select new Drawing(new Content($"object {i}", $"kind {i % 4}", "things", style, style is not ("noto" or "fluent")), Caption($"object {i}", style)),
    ];

    [Fact]
    public void Seen_prompts_are_captions_plain_and_treated_in_turns_and_their_styles_too()
    {
        var prompts = PromptChoice.Seen(Trained, 12, seed: 1);
        Assert.Equal(12, prompts.Select(p => p.Text).Distinct().Count());
        Assert.All(prompts, p => Assert.Contains(Trained, d => d.Caption == p.Text && d.Content == p.Content));
        Assert.All(prompts.Index(), p => Assert.Equal(p.Index % 2 == 1, p.Item.Content.IsTreated));
        Assert.All(prompts.CountBy(p => p.Content.Style), style => Assert.Equal(style.Key is "noto" or "fluent" ? 3 : 2, style.Value));
    }

    [Fact]
    public void A_caption_of_several_images_is_one_prompt() => Assert.Equal(35, PromptChoice.Seen([.. Trained, .. Trained], 1000, seed: 1).Count);

    [Fact]
    public void Unseen_prompts_are_pairs_of_what_was_trained_with_but_not_together()
    {
        var prompts = PromptChoice.Unseen(Trained, new HashSet<(string, string)>(), Caption, 1000, seed: 1);

        // The last object in fluent, and each object in the two treatments that it has not.
        Assert.Equal(1 + (12 * 2), prompts.Count);
        Assert.Equal("object 11 in fluent", Assert.Single(prompts, p => !p.Content.IsTreated).Text);
        Assert.All(prompts, p =>
        {
            Assert.Equal(Caption(p.Content.Object, p.Content.Style), p.Text);
            Assert.DoesNotContain(Trained, d => d.Content.Object == p.Content.Object && d.Content.Style == p.Content.Style);
            Assert.Contains(Trained, d => d.Content.Object == p.Content.Object && d.Content.Subgroup == p.Content.Subgroup);
            Assert.Contains(Trained, d => d.Content.Style == p.Content.Style && d.Content.IsTreated == p.Content.IsTreated);
        });
    }

    [Fact]
    public void Pairs_of_which_there_is_a_picture_that_was_dropped_are_no_unseen_prompts()
    {
        // The last object's drawing in fluent, and one of its two treatments that it has not.
        var prompts = PromptChoice.Unseen(Trained, new HashSet<(string, string)> { ("object 11", "fluent"), ("object 11", "outline") }, Caption, 1000, seed: 1);
        Assert.Equal((12 * 2) - 1, prompts.Count);
        Assert.All(prompts, p => Assert.True(p.Content.IsTreated));
        Assert.Equal("mosaic", Assert.Single(prompts, p => p.Content.Object == "object 11").Content.Style);
    }

    [Fact]
    public void Prompts_after_others_are_none_of_them_and_also_in_turns()
    {
        var (first, later) = (PromptChoice.Seen(Trained, 12, seed: 1), PromptChoice.Seen(Trained, 8, seed: 1, after: 12));
        Assert.Equal(8, later.Count);
        Assert.Empty(first.Intersect(later));
        Assert.Equal(4, later.Count(p => p.Content.IsTreated));
        Assert.Empty(PromptChoice.Seen(Trained, 8, seed: 1, after: 1000));
    }

    [Fact]
    public void The_seed_decides()
    {
        Assert.Equal(PromptChoice.Seen(Trained, 10, seed: 1), PromptChoice.Seen(Trained, 10, seed: 1));
        Assert.NotEqual(PromptChoice.Seen(Trained, 10, seed: 1), PromptChoice.Seen(Trained, 10, seed: 2));
    }

    private static string Caption(string name, string style) => $"{name} in {style}";
}
