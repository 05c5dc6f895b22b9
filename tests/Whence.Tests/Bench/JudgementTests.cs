using Whence.Bench.BaseModel;

namespace Whence.Tests.Bench;

public class JudgementTests
{
    private static readonly Content Apple = new("red apple", "food-fruit", "food-drink", "noto", false);
    private static readonly Content Pear = new("pear", "food-fruit", "food-drink", "noto", false);
    private static readonly Content Tiger = new("tiger", "animal-mammal", "animals-nature", "fluent", false);

    [Fact]
    public void Object_and_style_count_of_the_nearest_only()
    {
        Assert.Equal([1, 1, 1, 1, 1, 1], Judgement.Of(Apple, [Apple, Tiger]));
        Assert.Equal([1, 0, 0, 1, 1, 1], Judgement.Of(Apple, [Apple with { Style = "fluent" }, Apple]));
        Assert.Equal([0, 1, 0, 0, 1, 1], Judgement.Of(Apple, [Pear, Pear, Pear, Pear, Pear, Apple]));
        Assert.Equal([0, 0, 0, 1, 0, 0], Judgement.Of(Apple, [Tiger, Tiger, Tiger, Tiger, Apple]));
    }

    [Fact]
    public void Chance_is_the_share_of_what_there_is()
    {
        // 10 pictures, of which two show an apple, one of them in noto.
        Content[] among = [Apple, Apple with { Style = "fluent" }, Pear, Pear, Pear, Tiger, Tiger, Tiger, Tiger, Tiger];
        var chance = Judgement.Chance(Apple, among);
        double[] expected = [0.2, 0.4, 0.1, 1 - (8 * 7 * 6 * 5 * 4 / (10.0 * 9 * 8 * 7 * 6)), 0.5, 0.5];
        Assert.All(expected.Zip(chance), pair => Assert.Equal(pair.First, pair.Second, 12));
    }

    [Fact]
    public void What_is_in_all_pictures_is_certain_and_what_is_in_none_impossible()
    {
        Assert.Equal([1, 1, 1, 1, 1, 1], Judgement.Chance(Apple, [.. Enumerable.Repeat(Apple, 7)]));
        Assert.Equal([0, 0, 0, 0, 0, 0], Judgement.Chance(Apple, [.. Enumerable.Repeat(Tiger, 7)]));
    }

    [Fact]
    public void Means_are_over_samples_and_prompts_without_any_are_passed_over()
    {
        double[] yes = [1, 0, 0, 0, 0, 0], no = [0, 0, 0, 0, 0, 0];
        var share = Judgement.Mean([[yes, yes], [no, yes], []], 0)!;
        Assert.Equal(0.75, share.Mean);
        Assert.Equal(2, share.Prompts);
        Assert.InRange(share.Low, 0.5, 0.75);
        Assert.InRange(share.High, 0.75, 1);
        Assert.Null(Judgement.Mean([[]], 0));
    }

    [Fact]
    public void A_prompt_counts_as_any_other_however_many_samples_it_has()
    {
        double[] yes = [1], no = [0];
        var share = Judgement.Mean([[yes], [no, no, no], [yes, no]], 0)!;
        Assert.Equal(0.5, share.Mean);
        Assert.Equal(3, share.Prompts);
        Assert.Equal(share, Judgement.Mean([[yes], [no], [[0.5]]], 0));
    }

    [Fact]
    public void Samples_of_a_prompt_stay_together_in_the_interval()
    {
        double[] yes = [1], no = [0];
        var together = Judgement.Mean([.. Enumerable.Range(0, 20).Select(i => (IReadOnlyList<double[]>)[.. Enumerable.Repeat(i % 2 == 0 ? yes : no, 4)])], 0)!;
        var apart = Judgement.Mean([.. Enumerable.Range(0, 80).Select(i => (IReadOnlyList<double[]>)[i % 2 == 0 ? yes : no])], 0)!;
        Assert.True(together.High - together.Low > 1.5 * (apart.High - apart.Low));
    }
}
