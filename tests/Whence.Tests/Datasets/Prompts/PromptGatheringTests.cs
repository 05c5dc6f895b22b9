using FsCheck.Xunit;
using Whence.Datasets.Prompts;

namespace Whence.Tests.Datasets.Prompts;

public sealed class PromptGatheringTests : IDisposable
{
    private static readonly PromptGatheringOptions Few = new() { Train = 3, Validation = 1, Test = 2, Questions = 4 };
    private static readonly PromptQuery Cats = PromptQuery.Objects("cat");

    private readonly TempFolder _temp = new();

    private string Cat => _temp["cat.txt"];

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Answers_are_joined_until_there_are_enough_and_wait_for_approval()
    {
        using var chat = new ScriptedChat("1. A cat sleeps\n2. The cat sleeps!\n3. A dog barks\n4. A cat eats", "1. The cat eats\n" + Many(9));
        var report = await RunAsync(chat);
        Assert.Equal(new PromptGatheringReport(2, 6, 2, 1, 0), report);
        var file = PromptFile.Load(Cat);
        Assert.Equal(["cat"], file.Categories);
        Assert.All(file.Lines, line => Assert.Equal(PromptState.Waiting, line.State));
        Assert.Equal([3, 1, 2], Enum.GetValues<PromptSplit>().Select(split => file.Lines.Count(l => l.Split == split)));
        Assert.Contains("A <new1> {category} eats", file.Lines.Select(l => l.Text));
        Assert.Contains("Write 6 different", chat.Questions[0].Text, StringComparison.Ordinal);
        Assert.Contains("Write 4 different", chat.Questions[1].Text, StringComparison.Ordinal);
        Assert.Contains("\n- A cat eats", chat.Questions[1].Text, StringComparison.Ordinal);
        Assert.Empty(PromptList.Load(Cat).Prompts); // nothing is used that nobody approved
    }

    [Fact]
    public async Task What_a_person_approved_rejected_or_wrote_stays_and_only_what_is_missing_is_asked_for()
    {
        const string Edited = "# mine\nfor: cat\n\n[train]\nA <new1> {category} sleeps\n- A <new1> {category} explodes\n? A <new1> {category} waits\n\n[test]\nMy <new1> cat at home\n";
        File.WriteAllText(Cat, Edited);
        using var chat = new ScriptedChat("- A cat sleeps\n- A cat explodes\n- A cat waits\n- My cat at home\n" + Many(9));
        Assert.Equal(new PromptGatheringReport(1, 3, 4, 0, 0), await RunAsync(chat));
        var lines = File.ReadAllLines(Cat);
        Assert.Equal(Edited.Split('\n', StringSplitOptions.RemoveEmptyEntries), lines.Where(l => Edited.Split('\n', StringSplitOptions.RemoveEmptyEntries).Contains(l)));
        Assert.Equal(4, lines.Count(l => l.StartsWith('?')));

        var before = File.ReadAllBytes(Cat);
        using var silent = new ScriptedChat("");
        Assert.Equal(new PromptGatheringReport(0, 0, 0, 0, 0), await RunAsync(silent));
        Assert.Empty(silent.Questions);
        Assert.Equal(before, File.ReadAllBytes(Cat));
    }

    [Fact]
    public async Task What_other_files_have_is_not_wanted_again()
    {
        var others = PromptFile.Parse("other.txt", "for: cat\n[test]\nA <new1> {category} number 0\n- A <new1> cat number 1\n");
        using var chat = new ScriptedChat(Many(9));
        var report = await PromptGathering.RunAsync(chat, Cats, Cat, [others], Few);
        Assert.Equal((6, 2), (report.Added, report.Repeated));
        Assert.DoesNotContain("number 0", File.ReadAllText(Cat), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_person_may_edit_the_file_while_the_model_thinks()
    {
        using var chat = new ScriptedChat(_ =>
        {
            File.WriteAllText(Cat, "for: cat\n[train]\nA <new1> {category} number 3\n");
            return Many(9);
        });
        Assert.Equal(new PromptGatheringReport(1, 5, 1, 0, 0), await RunAsync(chat));
        Assert.StartsWith("for: cat\n[train]\nA <new1> {category} number 3\n? ", File.ReadAllText(Cat), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupted_or_broken_off_it_keeps_what_has_been_gathered()
    {
        using var stop = new CancellationTokenSource();
        using var chat = new ScriptedChat(_ => "1. A cat sleeps", _ =>
        {
            stop.Cancel();
            throw new OperationCanceledException(stop.Token);
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PromptGathering.RunAsync(chat, Cats, Cat, [], Few, cancellation: stop.Token));
        Assert.Equal("A <new1> {category} sleeps", PromptFile.Load(Cat).Lines.Single().Text);
        using var broken = new ScriptedChat(_ => "1. A cat eats", _ => throw new WhenceException("gone"));
        await Assert.ThrowsAsync<WhenceException>(() => RunAsync(broken));
        Assert.Equal(2, PromptFile.Load(Cat).Lines.Count);
    }

    [Theory]
    [InlineData("I'm sorry, but I can't do that.")]
    [InlineData("")]
    [InlineData("1. A dog\n2. A horse")]
    public async Task Answers_without_prompts_are_an_error_that_shows_the_answer(string answer)
    {
        using var chat = new ScriptedChat(answer);
        var message = (await Assert.ThrowsAsync<WhenceException>(() => RunAsync(chat))).Message;
        Assert.Contains("hold no prompts with 'cat' as their subject", message, StringComparison.Ordinal);
        Assert.Contains(answer.Split('.', '\n')[0], message, StringComparison.Ordinal);
        Assert.Equal(2, chat.Questions.Count);
        Assert.False(File.Exists(Cat));
    }

    [Fact]
    public async Task Repetitions_end_after_the_questions_and_the_report_says_what_is_missing()
    {
        using var chat = new ScriptedChat("1. A cat sleeps");
        Assert.Equal(new PromptGatheringReport(4, 1, 3, 0, 5), await RunAsync(chat));
    }

    [Fact]
    public async Task A_file_that_is_for_something_else_is_refused()
    {
        using var chat = new ScriptedChat(Many(3));
        File.WriteAllText(Cat, "for: dog\n[train]\n");
        Assert.Contains("is not for 'cat'", (await Assert.ThrowsAsync<WhenceException>(() => RunAsync(chat))).Message, StringComparison.Ordinal);
        File.WriteAllText(Cat, "template: A {medium} of <new1>\n[train]\n");
        Assert.Contains("has a template", (await Assert.ThrowsAsync<WhenceException>(() => PromptGathering.RunAsync(chat, PromptQuery.Styles(), Cat, [], Few))).Message, StringComparison.Ordinal);
        Assert.Empty(chat.Questions);
    }

    [Property(MaxTest = 60)]
    public bool No_two_lines_say_the_same_and_the_same_seed_deals_the_same(int seed, byte train, byte validation, byte test)
    {
        // Captions of few words, whose case, punctuation and articles vary: most repeat others.
        var random = new Random(seed);
        string Word() => ((string[])["sleeps", "Sleeps!", "eats", "EATS", "plays, alone", "plays alone", "in the rain", "in rain"])[random.Next(8)];
        string Answer() => string.Join('\n', Enumerable.Range(1, 12).Select(i => $"{i}. {((string[])["A cat", "The cat", "the Cat's"])[random.Next(3)]} {Word()} {Word()}."));
        string[] answers = [Answer(), Answer(), Answer()];
        var options = new PromptGatheringOptions { Train = train % 12, Validation = validation % 4, Test = test % 8, Questions = 3, Seed = seed };
        var files = new List<PromptFile>();
        foreach (var name in (string[])["a.txt", "b.txt"])
        {
            var report = Gather(_temp[name], answers, options);
            files.Add(File.Exists(_temp[name]) ? PromptFile.Load(_temp[name]) : PromptFile.Parse("none", ""));
            if (report.Added != files[^1].Lines.Count || report.Missing != options.Train + options.Validation + options.Test - report.Added)
            {
                return false;
            }
        }

        string[] forms = [.. files[0].Lines.Select(l => PromptText.Normalize(PromptTemplate.Parse(l.Text).Fill("cat")))];
        return forms.Distinct().Count() == forms.Length && files[0].Text == files[1].Text
            && files[0].Lines.Count(l => l.Split == PromptSplit.Train) <= options.Train && files[0].Lines.Count(l => l.Split == PromptSplit.Test) <= options.Test;
    }

    private static PromptGatheringReport Gather(string path, string[] answers, PromptGatheringOptions options)
    {
        File.Delete(path);
        using var chat = new ScriptedChat(answers);
        return PromptGathering.RunAsync(chat, Cats, path, [], options).GetAwaiter().GetResult();
    }

    private static string Many(int count) => string.Join('\n', Enumerable.Range(0, count).Select(i => $"{i + 1}. A cat number {i}"));

    private Task<PromptGatheringReport> RunAsync(ScriptedChat chat) => PromptGathering.RunAsync(chat, Cats, Cat, [], Few);
}
