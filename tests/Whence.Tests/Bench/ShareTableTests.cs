using Whence.Bench.BaseModel;
using Whence.Images;

namespace Whence.Tests.Bench;

public class ShareTableTests
{
    private static readonly double[] Right = [1, 1, 1, 1, 1, 1], Wrong = [0, 0, 0, 0, 0, 0];

    private static readonly AskedPrompt[] Prompts = [Ask("noto", isTreated: false), Ask("outline", isTreated: true), Ask("mosaic", isTreated: true)];

    [Fact]
    public void All_prompts_are_given_together_and_by_kind()
    {
        var table = new ShareTable(Prompts);
        table.Add("samples", [Judged(0, Right), Judged(1, Wrong), Judged(1, Right), Judged(2, Wrong)]);
        Assert.Equal([("all", 3, 3), ("plain", 1, 1), ("treated", 2, 2)], Lines(table));
        Assert.Equal([0.5, 1, 0.25], table.Figures.Select(line => (double)line!["shares"]!["object"]![0]!));
    }

    [Fact]
    public void What_covers_some_prompts_only_has_no_line_of_all()
    {
        var table = new ShareTable(Prompts);
        table.Add("true pictures", [Judged(1, Right), Judged(2, Right)]);
        table.Add("chance", [null, null, Right]);
        Assert.Equal([("treated", 2, 2), ("treated", 1, 2)], Lines(table));
    }

    [Fact]
    public void Prompts_of_one_kind_have_one_line()
    {
        var table = new ShareTable(Prompts[1..]);
        table.Add("whole", [Right, Wrong]);
        table.Add("part", [Right, null]);
        table.Add("none", new double[]?[2]);
        Assert.Equal([("all", 2, 2), ("treated", 1, 2)], Lines(table));
    }

    [Fact]
    public void Measures_that_cannot_hold_are_in_no_figure()
    {
        var table = new ShareTable(Prompts, "both");
        table.Add("chance", [Right, Right, Right]);
        table.Add("samples", [Judged(0, Right)], "style");
        Assert.All(table.Figures, line => Assert.False(line!["shares"]!.AsObject().ContainsKey("both")));
        Assert.Equal(["object", "object in 5", "subgroup", "group"], table.Figures[^1]!["shares"]!.AsObject().Select(share => share.Key));
    }

    private static AskedPrompt Ask(string style, bool isTreated) => new($"a red apple, {style} style", new Content("red apple", "food-fruit", "food-drink", style, isTreated));

    private static JudgedPicture Judged(int prompt, double[] values) => new(new Picture(prompt, new RgbImage(1, 1)), [0], values);

    private static IEnumerable<(string Kind, int Count, int Of)> Lines(ShareTable table) => table.Figures.Select(line => ((string)line!["prompts"]!, (int)line["count"]!, (int)line["of"]!));
}
