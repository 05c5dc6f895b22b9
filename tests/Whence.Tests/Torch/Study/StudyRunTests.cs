using System.Text.Json.Nodes;
using Whence.Mapping;
using Whence.Torch.Study;

namespace Whence.Tests.Torch.Study;

public sealed class StudyRunTests : IDisposable
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_features_to_a_report_and_what_is_done_is_passed_over()
    {
        var recipe = ToyStudy.Write(_temp["r"]);
        var (result, _) = await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        Assert.Equal((8, 0), (result.Done, result.Before));
        var page = File.ReadAllText(result.Report);
        Assert.Contains("| Toy | object+style |", page, StringComparison.Ordinal);
        Assert.Contains("*the paper, Table 3*", page, StringComparison.Ordinal);
        Assert.Contains("*0.277*", page, StringComparison.Ordinal); // CLIP, pretrained, ImageNet-Seen, gpt, R@10
        Assert.Contains("Toy, pretrained: not calibrated; the fit ended at", page, StringComparison.Ordinal); // features turned by 60 degrees say nothing
        foreach (var figure in page.Split('(').Select(p => p.Split(')')[0]).Where(p => p.StartsWith("figures/", StringComparison.Ordinal)))
        {
            Assert.True(File.Exists(Path.Combine(_temp["out", "report"], figure)), figure);
        }

        // The turn is found: it is linear, and channels cannot turn.
        Assert.True(Recall("object+style") > Recall("pretrained") + 0.3, page);
        Assert.True(Recall("channel") < Recall("object+style"), page);
        Assert.Equal("object+style.safetensors", Path.GetFileName(Assert.Single(Directory.GetFiles(_temp["out", "toy", "object+style"], "*.safetensors", SearchOption.AllDirectories))));
        Assert.Empty(Directory.GetDirectories(_temp["out", "toy", "distractors"], "mapped-*", SearchOption.AllDirectories));

        var before = ToyStudy.Report(_temp["out"]);
        var (again, lines) = await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        Assert.Equal((0, 8), (again.Done, again.Before));
        Assert.All(lines, line => Assert.EndsWith("done before", line, StringComparison.Ordinal));
        Assert.Equal(before, ToyStudy.Report(_temp["out"]));

        double Recall(string variant) => double.Parse(
            File.ReadLines(_temp["out", "report", "results.csv"]).Select(l => l.Split(',')).Single(l => l[2] == variant && l[3] == "" && l[4] == "" && l[6] == "recall@10")[7],
            System.Globalization.CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData("toy/pretrained/evaluation/results.json", new[] { "evaluate" })]
    [InlineData("toy/object+style/mapper/object+style.safetensors", new[] { "object+style: train" })]
    [InlineData("toy/object+style/calibration/calibration.json", new[] { "object+style: calibrate" })]
    [InlineData("report/report.md", new[] { "report" })]
    public async Task A_file_that_is_gone_or_changed_is_made_again_to_the_same_bytes(string file, string[] steps)
    {
        var recipe = ToyStudy.Write(_temp["r"]);
        await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        var (path, report) = (Path.Combine(_temp["out"], file), ToyStudy.Report(_temp["out"]));
        var expected = File.ReadAllBytes(path);
        foreach (var delete in new[] { true, false })
        {
            if (delete)
            {
                File.Delete(path);
            }
            else
            {
                File.AppendAllText(path, "x");
            }

            // The same bytes come out, so that nothing that follows is made again.
            var (result, lines) = await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
            Assert.Equal((1, 7), (result.Done, result.Before));
            var redone = Assert.Single(lines, l => !l.EndsWith("done before", StringComparison.Ordinal));
            Assert.Contains(steps[0], redone, StringComparison.Ordinal);
            Assert.Contains(delete ? "is gone" : "is another file now", redone, StringComparison.Ordinal);
            Assert.Equal(expected, File.ReadAllBytes(path));
            Assert.Equal(report, ToyStudy.Report(_temp["out"]));
        }
    }

    [Fact]
    public async Task A_changed_input_makes_again_what_follows_from_it_and_nothing_else()
    {
        var recipe = ToyStudy.Write(_temp["r"]);
        await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        new Mapping.Turned(ToyStudy.Dimension, seed: 9, noise: 0.6).Models("train_styles", 30, 3).Save(_temp["r", "train_styles.safetensors"]);
        Assert.Equal(
            ["Toy, object+style: train", "Toy, object+style: evaluate", "Toy, object+style: calibrate", "Toy, channel: train", "Toy, channel: evaluate", "report"],
            (await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation)).Lines.Where(l => !l.EndsWith("done before", StringComparison.Ordinal)).Select(l => l.Split(" (")[0]));

        ToyStudy.Write(_temp["other"], r => r["variants"]![1]!["epochs"] = 5);
        File.Copy(_temp["other", "recipe.json"], recipe, overwrite: true);
        var (_, lines) = await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        Assert.Contains("Toy, channel: train (again, since 'epochs' is another)", lines);
        Assert.Contains("Toy, object+style: train: done before", lines);
        Assert.Equal(5, MapperPair.Load(_temp["out", "toy", "channel", "mapper", "channel.safetensors"]).Provenance!.Options["epochs"] is "5" ? 5 : 0);
    }

    [Fact]
    public async Task Interrupted_between_any_two_steps_and_resumed_it_ends_with_the_same_report()
    {
        var recipe = ToyStudy.Write(_temp["r"]);
        await ToyStudy.RunAsync(recipe, _temp["expected"], cancellation: Cancellation);
        var (done, interruptions) = (false, 0);
        while (!done)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            try
            {
                // One step further each time: the one that begins is interrupted at once, or as soon as it looks.
                await ToyStudy.RunAsync(recipe, _temp["out"], line => { if (!line.EndsWith("done before", StringComparison.Ordinal) && !line.Contains("going on", StringComparison.Ordinal)) { stop.Cancel(); } }, stop.Token);
                done = true;
            }
            catch (OperationCanceledException)
            {
                interruptions++;
            }
        }

        Assert.True(interruptions > 5);
        Assert.Equal(ToyStudy.Report(_temp["expected"]), ToyStudy.Report(_temp["out"]));
    }

    [Fact]
    public async Task Two_runs_at_once_are_refused()
    {
        var recipe = ToyStudy.Write(_temp["r"]);
        var refused = "";
        await ToyStudy.RunAsync(recipe, _temp["out"], line =>
        {
            if (line.Contains("pretrained: evaluate", StringComparison.Ordinal))
            {
                refused = Assert.Throws<WhenceException>(() => ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation).GetAwaiter().GetResult()).Message;
            }
        }, Cancellation);
        Assert.Contains("is writing this study", refused, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_variants_spaces_are_evaluated_as_they_are_and_without_validation_nothing_is_calibrated()
    {
        var recipe = ToyStudy.Write(_temp["r"], r =>
        {
            r["variants"] = new JsonArray();
            r["spaces"]![0]!.AsObject().Remove("validation");
            var second = r["spaces"]![0]!.DeepClone();
            second["label"] = "Toy, again";
            second.AsObject().Remove("encoder");
            r["spaces"]!.AsArray().Add(second);
        });
        var (result, _) = await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        Assert.Equal(3, result.Done);
        var page = File.ReadAllText(result.Report);
        Assert.Contains("is not calibrated", page, StringComparison.Ordinal);
        Assert.DoesNotContain("## Training", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_papers_variants_are_trained_where_none_are_named_as_far_as_there_are_files()
    {
        var recipe = ToyStudy.Write(_temp["r"], r =>
        {
            r.AsObject().Remove("variants");
            r["training"]!["epochs"] = 1;
        });
        Assert.Equal(
            ["object", "style", "object+style", "object+style, no regularizer", "object+style, channel", "object+style, mlp"],
            StudyRecipe.Load(recipe).Trained().Select(v => v.Name));
        var (result, _) = await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        Assert.Contains("is left out", File.ReadAllText(result.Report), StringComparison.Ordinal);
        Assert.Equal(6, File.ReadLines(_temp["out", "report", "trainings.csv"]).Skip(1).Count());
    }
}
