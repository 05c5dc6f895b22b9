using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Calibration;
using Whence.Datasets;
using Whence.Mapping;
using Whence.Tests.Encoders;
using Whence.Torch.Study;

namespace Whence.Tests.Torch.Study;

public sealed class StudyRunTests(ToyStudy.Finished finished) : IClassFixture<ToyStudy.Finished>, IDisposable
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task From_features_to_a_report_and_what_is_done_is_passed_over()
    {
        var recipe = finished.CopyTo(_temp.Path); // what is elsewhere now is as good
        Assert.Equal((8, 0), (finished.Result.Done, finished.Result.Before));
        var page = File.ReadAllText(_temp["out", "report", "report.md"]);
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

    [Fact]
    public async Task A_file_that_is_gone_or_changed_is_made_again_to_the_same_bytes()
    {
        var recipe = finished.CopyTo(_temp.Path);
        var report = ToyStudy.Report(_temp["out"]);
        foreach (var (file, step, delete) in new[]
        {
            ("toy/pretrained/evaluation/results.json", "pretrained: evaluate", true), ("toy/object+style/mapper/object+style.safetensors", "object+style: train", true),
            ("toy/object+style/mapper/object+style.training.csv", "object+style: train", false), ("toy/object+style/calibration/calibration.json", "object+style: calibrate", false),
            ("report/report.md", "report", false),
        })
        {
            var path = Path.Combine(_temp["out"], file);
            var expected = File.ReadAllBytes(path);
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
            Assert.Contains(step, redone, StringComparison.Ordinal);
            Assert.Contains(delete ? "is gone" : "is another file now", redone, StringComparison.Ordinal);
            Assert.Equal(expected, File.ReadAllBytes(path));
            Assert.Equal(report, ToyStudy.Report(_temp["out"]));
        }
    }

    [Theory]
    [InlineData("not JSON")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"format": "whence-study-step", "version": 1, "inputs": {}, "outputs": {"../../../../precious": "00"}}""")]
    public async Task A_stamp_that_means_nothing_costs_its_step_and_nothing_else(string stamp)
    {
        var recipe = finished.CopyTo(_temp.Path);
        File.WriteAllText(_temp["precious"], "kept");
        File.WriteAllText(_temp["out", "toy", "channel", "mapper", "step.json"], stamp);
        var report = ToyStudy.Report(_temp["out"]);
        Assert.Equal(1, (await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation)).Result.Done);
        Assert.Equal(report, ToyStudy.Report(_temp["out"]));
        Assert.Equal("kept", File.ReadAllText(_temp["precious"]));
    }

    [Fact]
    public async Task A_changed_input_makes_again_what_follows_from_it_and_nothing_else()
    {
        var recipe = finished.CopyTo(_temp.Path);
        new Mapping.Turned(ToyStudy.Dimension, seed: 9, noise: 0.6).Models("train_styles", 30, 3).Save(_temp["r", "train_styles.safetensors"]);
        Assert.Equal(
            ["Toy, object+style: train", "Toy, object+style: evaluate", "Toy, object+style: calibrate", "Toy, channel: train", "Toy, channel: evaluate", "report"],
            (await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation)).Lines.Where(l => !l.EndsWith("done before", StringComparison.Ordinal)).Select(l => l.Split(" (")[0]));

        ToyStudy.Write(_temp["other"], r =>
        {
            r["variants"]![1]!["epochs"] = 5;
            r["calibration"]!["domain"] = "points on a sphere";
            r["against"] = JsonNode.Parse("""[{"across": "test_artchive", "up": "test_observed_imagenet"}]""");
        });
        File.Copy(_temp["other", "recipe.json"], recipe, overwrite: true);
        var (_, lines) = await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        Assert.Contains("Toy, channel: train (again, since 'epochs' is another)", lines);
        Assert.Contains("Toy, object+style: train: done before", lines);
        Assert.Contains("Toy, object+style: calibrate (again, since 'domain' is another)", lines);
        Assert.Equal("points on a sphere", Calibrator.Load(_temp["out", "toy", "object+style", "calibration", "calibration.json"]).Domain);
        var page = File.ReadAllText(_temp["out", "report", "report.md"]);
        Assert.Contains("against-recall-10-test_observed_imagenet-test_artchive.png", page, StringComparison.Ordinal);
        Assert.Contains("| Toy | object+style | channel |", page, StringComparison.Ordinal); // a difference of the variants
        Assert.Equal(5, MapperPair.Load(_temp["out", "toy", "channel", "mapper", "channel.safetensors"]).Provenance!.Options["epochs"] is "5" ? 5 : 0);
    }

    [Fact]
    public async Task Interrupted_between_any_two_steps_and_resumed_it_ends_with_the_same_report()
    {
        var recipe = ToyStudy.Write(_temp["r"]);
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
        Assert.Equal(finished.Report, ToyStudy.Report(_temp["out"]));
    }

    [Fact]
    public async Task Two_runs_at_once_are_refused()
    {
        var (recipe, refused) = (finished.CopyTo(_temp.Path), "");
        File.Delete(_temp["out", "report", "report.md"]);
        await ToyStudy.RunAsync(recipe, _temp["out"], line =>
            refused = refused.Length > 0 ? refused
                : Assert.Throws<WhenceException>(() => ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation).GetAwaiter().GetResult()).Message, Cancellation);
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
    public async Task A_space_may_be_evaluated_without_some_variants()
    {
        var recipe = ToyStudy.Write(_temp["r"], r =>
        {
            var second = r["spaces"]![0]!.DeepClone();
            second["label"] = "Untrained";
            second["variants"] = new JsonArray("channel");
            r["spaces"]!.AsArray().Add(second);
        });
        var (result, lines) = await ToyStudy.RunAsync(recipe, _temp["out"], cancellation: Cancellation);
        Assert.Equal(7 + 4 + 1, result.Done);
        Assert.Contains("Untrained, channel: train", lines);
        Assert.DoesNotContain("Untrained, object+style: train", lines);
        Assert.Contains("'Untrained' is left without 'object+style', as the recipe says", File.ReadAllText(result.Report), StringComparison.Ordinal);
    }

    [Fact]
    public void The_papers_variants_are_trained_where_none_are_named_as_far_as_there_are_files()
    {
        Assert.Equal(
            ["object", "style", "object+style", "object+style, no regularizer", "object+style, channel", "object+style, mlp"], Trained(_ => { }));
        Assert.Equal("object+style, strong", Trained(r => r["spaces"]![0]!["trainStrong"] = r["spaces"]![0]!["train"]!.DeepClone()).Last());
        Assert.Equal("object+style, uncustomized", Trained(r => r["spaces"]![0]!["trainUncustomized"] = r["spaces"]![0]!["train"]!.DeepClone()).Last());
        Assert.Equal(["object"], Trained(r => r["spaces"]![0]!["train"]!.AsObject().Remove("styles")));

        IEnumerable<string> Trained(Action<JsonNode> change) => StudyRecipe.Load(ToyStudy.Write(_temp["r"], r =>
        {
            r.AsObject().Remove("variants");
            change(r);
        })).Trained().Select(v => v.Name);
    }

    [Fact]
    public async Task Images_become_features_first_with_views_for_what_is_learned_from()
    {
        TestImages.WriteFolder(_temp["images"], 24);
        TestImages.WriteFolder(_temp["others"], 12);
        foreach (var number in Enumerable.Range(0, 12))
        {
            File.WriteAllText(_temp["others", $"{number:D5}.json"], $$"""{"kind": "{{(number % 4 == 0 ? "left out" : "taken")}}"}""");
        }

        TinyOnnx.Write(_temp.Path, "tiny");
        foreach (var (name, first) in new[] { ("train_objects", 0), ("train_styles", 8), ("plain", 4), ("test", 16) })
        {
            File.WriteAllText(_temp[name + ".json"], JsonSerializer.Serialize(Enumerable.Range(0, 4).Select(m => new
            {
                exemplar = new[] { Image(first + (2 * m)) },
                synth = new { gpt = new[] { Image(first + (2 * m) + 1) } },
                class_id = "x",
            })));
        }

        File.WriteAllText(_temp["recipe.json"], """
            {
              "format": "whence-study", "version": 1,
              "spaces": [{"label": "Tiny", "encoder": "tiny.json", "distractors": "others", "distractorsWhere": "kind = 'taken'", "train": {"objects": ["train_objects.json"], "styles": ["train_styles.json"]}, "trainUncustomized": {"objects": ["plain.json"], "styles": ["train_styles.json"]}, "test": ["test.json"]}],
              "variants": [{"name": "mild", "train": "both"}, {"name": "strong", "train": "both", "augment": "strong"}, {"name": "plain", "train": "both", "uncustomized": true}],
              "training": {"epochs": 2}, "validation": {"holdOut": 0.5}, "extraction": {"views": 2, "images": "images"}
            }
            """);
        var (result, lines) = await ToyStudy.RunAsync(_temp["recipe.json"], _temp["out"], cancellation: Cancellation);
        Assert.Equal(1 + 6 + 1 + 6 + 1 + 1, result.Done);
        Assert.Contains("Tiny: features of plain.json with mild views", lines);
        Assert.True(File.Exists(_temp["out", "report", "figures", "tiny", "sheets", "test-1.png"]));
        Assert.Contains("![Tiny: test-1](figures/tiny/sheets/test-1.png)", File.ReadAllText(result.Report), StringComparison.Ordinal);
        Assert.Equal(result.Done, File.ReadLines(_temp["out", StudyTimings.FileName]).Skip(1).Count(line => line.Contains(",yes,", StringComparison.Ordinal)));
        Assert.Contains("Tiny: features of train_styles.json with strong views", lines);
        var trained = TestCaseFeatures.Load(_temp["out", "tiny", "features", "train_styles.strong", "train_styles.safetensors"]);
        Assert.Equal((2, "tiny"), (trained.ViewsPerImage, trained.Encoder));
        Assert.Equal(0, TestCaseFeatures.Load(_temp["out", "tiny", "features", "test", "test.safetensors"]).ViewsPerImage);
        Assert.Contains("encoder tiny, 9 distractors (others)", File.ReadAllText(result.Report), StringComparison.Ordinal);

        Assert.Equal(0, (await ToyStudy.RunAsync(_temp["recipe.json"], _temp["out"], cancellation: Cancellation)).Result.Done);
        Assert.Equal(result.Done, File.ReadLines(_temp["out", StudyTimings.FileName]).Count() - 1);
        File.SetLastWriteTimeUtc(_temp["images", Image(16)], new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.Equal(
            ["Tiny: features of test.json"],
            (await ToyStudy.RunAsync(_temp["recipe.json"], _temp["out"], cancellation: Cancellation)).Lines.Where(l => !l.EndsWith("done before", StringComparison.Ordinal)).Select(l => l.Split(" (")[0]));

        File.Delete(_temp["images", Image(3)]);
        var error = await Assert.ThrowsAsync<WhenceException>(() => ToyStudy.RunAsync(_temp["recipe.json"], _temp["out"], cancellation: Cancellation));
        Assert.Contains("1 of 8 images are missing", error.Message, StringComparison.Ordinal);

        static string Image(int number) => $"{number:D5}.png";
    }
}
