using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Prompts;

public sealed class PromptListTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Only_approved_prompts_count_and_what_says_the_same_is_left_out_with_a_remark()
    {
        var list = List("[train]\nThe <new1> {category} sleeps\n? A <new1> {category} waits\n- A <new1> {category} is out\na <new1> {category}  SLEEPS.\n");
        Assert.Equal("The <new1> {category} sleeps", list.Prompts.Single().Template.Text);
        Assert.Contains("f.txt: line 2 in [train] and f.txt: line 5 in [train] say the same", list.Remarks.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_in_two_splits_is_refused_with_the_lines()
    {
        var message = Assert.Throws<WhenceException>(() => List("[train]\na <new1>, asleep\nan <new1> awake\n[test]\n<new1> asleep\n<new1> AWAKE\n")).Message;
        Assert.Contains("line 2 in [train] and f.txt: line 5 in [test] say the same", message, StringComparison.Ordinal);
        Assert.Contains("1 more", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[train]\nThe <new1> {animal}\n", "f.txt: line 2: '{animal}' is no placeholder")]
    [InlineData("[train]\nThe {category}\n", "f.txt: line 2: 'The {category}' has no place")]
    [InlineData("template: A {thing} of <new1>\n[train]\nphoto\n", "needs one of {medium}, {object}, {style}")]
    [InlineData("template: A {medium}, {object} of <new1>\n[train]\nphoto\n", "needs one of")]
    [InlineData("template: A {medium} of {category}\n[train]\nphoto\n", "f.txt: line 3: 'A photo of {category}' has no place")]
    [InlineData("template: A {medium} of <new1>\n[train]\nphoto of {category}\n", "line 3 has a placeholder, '{category}'")]
    public void Placeholders_are_checked_with_the_line(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<WhenceException>(() => List(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Lines_are_put_into_a_template_which_may_be_another()
    {
        File.WriteAllText(_temp["f.txt"], "template: A picture of {object} in the style of <new1> art\n[test]\nsun\nan owl\n");
        Assert.Equal("A picture of sun in the style of <new1> art", PromptList.Load(_temp["f.txt"]).Prompts[0].Template.Text);
        Assert.Equal("A painting of an owl, <new1>", PromptList.Load(_temp["f.txt"], "A painting of {object}, <new1>").For(PromptSplit.Test)[1].Template.Text);
    }

    [Fact]
    public void A_choice_follows_from_the_seed_and_one_prompt_more_changes_at_most_one()
    {
        string[] lines = [.. Enumerable.Range(0, 40).Select(i => $"<new1> number {i}")];
        var list = List("[train]\n" + string.Join('\n', lines));
        string[] Chosen(PromptList from, long seed) => [.. from.Choose(PromptSplit.Train, 10, seed).Select(p => p.Template.Text)];
        var chosen = Chosen(list, 5);
        Assert.Equal(chosen, Chosen(List("[train]\n" + string.Join('\n', lines)), 5));
        Assert.Equal(10, chosen.Distinct().Count());
        Assert.Equal(chosen.OrderBy(c => Array.IndexOf(lines, c)), chosen);
        Assert.NotEqual(chosen, Chosen(list, 6));
        Assert.True(chosen.Except(Chosen(List("[train]\n<new1> once more\n" + string.Join('\n', lines)), 5)).Count() <= 1);
        Assert.Contains("has 40 approved prompts below [train], 41 are wanted", Assert.Throws<WhenceException>(() => list.Choose(PromptSplit.Train, 41, 0)).Message, StringComparison.Ordinal);
        Assert.Empty(list.Choose(PromptSplit.Test, 0, 0));
    }

    [Fact]
    public void A_folder_gives_a_category_the_lists_that_name_it_or_those_for_any()
    {
        Directory.CreateDirectory(_temp["objects"]);
        File.WriteAllText(_temp["objects", "any.txt"], "[train]\n<new1> {category} on a table\n");
        File.WriteAllText(_temp["objects", "pets.txt"], "for: dog, cat\n[train]\n<new1> {category} asleep\n");
        File.WriteAllText(_temp["objects", "cat.txt"], "for: Cat\n[test]\n<new1> cat on a roof\n");
        File.WriteAllText(_temp["objects", "cup.txt"], "for: cup\n[test]\n? <new1> cup of tea\n");
        var folder = PromptFolder.Load(_temp.Path);
        Assert.Equal(["<new1> cat on a roof", "<new1> {category} asleep"], folder.ObjectsOf("cat").Prompts.Select(p => p.Template.Text));
        Assert.Equal(["<new1> {category} asleep"], folder.ObjectsOf("DOG").Prompts.Select(p => p.Template.Text));
        Assert.Equal(["<new1> {category} on a table"], folder.ObjectsOf("cup").Prompts.Select(p => p.Template.Text)); // what waits hides nothing
        Assert.Contains("has no styles.txt", Assert.Throws<WhenceException>(() => folder.Styles()).Message, StringComparison.Ordinal);

        File.WriteAllText(_temp["objects", "cat.txt"], "for: cat\n[test]\n<new1> cat, asleep\n");
        Assert.Contains("say the same", Assert.Throws<WhenceException>(() => PromptFolder.Load(_temp.Path)).Message, StringComparison.Ordinal); // a list names the category, another has a place for it
        File.Delete(_temp["objects", "cat.txt"]);
        File.WriteAllText(_temp["mediums.txt"], "template: {medium} <new1> {category} asleep\n[test]\nthe\n");
        Assert.Contains("say the same", Assert.Throws<WhenceException>(() => PromptFolder.Load(_temp.Path)).Message, StringComparison.Ordinal); // between objects and mediums
        Assert.Contains("holds no prompts", Assert.Throws<WhenceException>(() => PromptFolder.Load(_temp["objects"])).Message, StringComparison.Ordinal);
    }

    private static PromptList List(string text) => PromptList.Of([PromptFile.Parse("f.txt", text)]);
}
