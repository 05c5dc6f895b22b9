using Whence.Datasets;
using Whence.Datasets.Abc;
using Whence.Images;
using Whence.Tests.Datasets.Abc;
using Whence.Tests.Evaluation;
using Whence.Torch.Abc;
using Whence.Torch.Encoders;

namespace Whence.Tests.Torch.Abc;

public sealed class AbcBuilderTests : AbcBuilding
{
    [Fact]
    public void A_built_data_set_has_test_cases_whose_images_are_there()
    {
        Assert.Equal(["train_things.json", "val_things.json", "test_things.json", "test_unobserved_things.json", "train_looks.json", "test_looks.json"], Builder("out").Build(cancellation: TestContext.Current.CancellationToken));
        var test = TestCase.Load(Temp["out/test_things.json"]);
        Assert.Equal(["gpt", "media"], test.PromptTypes);
        var model = Assert.Single(test.Models);
        Assert.All(model.Exemplars.Concat(model.Synthesized.Values.SelectMany(paths => paths)), path => Assert.True(File.Exists(Temp[$"out/{path}"]), path));
        Assert.Equal((2, 2), (model.Synthesized["gpt"].Count, model.Synthesized["media"].Count));
        Assert.Equal(2, TestCase.Load(Temp["out/train_things.json"]).Models.Count);
    }

    [Fact]
    public void A_concept_begins_as_the_word_that_stands_for_it_before()
    {
        Builder("rare").Build(cancellation: TestContext.Current.CancellationToken);
        Change("\"augment\": false", "\"augment\": false, \"initializer\": \"a\"");
        Builder("word").Build(cancellation: TestContext.Current.CancellationToken);
        var (rare, word) = (AbcRecord.Load(Temp["rare"], "things-0000"), AbcRecord.Load(Temp["word"], "things-0000"));
        Assert.All(word.Before!, before => Assert.StartsWith("a kind", before.Prompt));
        Assert.All(rare.Before!, before => Assert.StartsWith("kind", before.Prompt));
        Assert.NotEqual(rare.Loss, word.Loss);
    }

    [Fact]
    public void In_bfloat16_other_pictures_of_the_same_kind_are_drawn()
    {
        Builder("single").Build(cancellation: TestContext.Current.CancellationToken);
        Change("\"seed\": 4", "\"precision\": \"bfloat16\", \"seed\": 4");
        Builder("half").Build(cancellation: TestContext.Current.CancellationToken);
        var (single, half) = (TestCase.Load(Temp["single/test_things.json"]), TestCase.Load(Temp["half/test_things.json"]));
        foreach (var (one, other) in single.Models[0].Synthesized["gpt"].Zip(half.Models[0].Synthesized["gpt"]))
        {
            var (a, b) = (ImageDecoder.Decode(File.ReadAllBytes(Temp[$"single/{one}"])), ImageDecoder.Decode(File.ReadAllBytes(Temp[$"half/{other}"])));
            Assert.Equal((a.Width, a.Height), (b.Width, b.Height));
            Assert.NotEqual(File.ReadAllBytes(Temp[$"single/{one}"]), File.ReadAllBytes(Temp[$"half/{other}"]));
        }
    }

    [Fact]
    public void A_baseline_is_drawn_from_captions_and_listed_by_itself()
    {
        File.WriteAllText(Recipe, AbcFixture.WithBaseline(File.ReadAllText(Recipe)));
        var lists = Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(["train_things-baseline.json", "val_things-baseline.json", "test_things-baseline.json", "test_unobserved_things-baseline.json", "train_looks-baseline.json", "test_looks-baseline.json"], lists.Skip(6));
        var test = TestCase.Load(Temp["out/test_things-baseline.json"]);
        Assert.Equal(4, Assert.Single(test.Models).Synthesized["caption"].Count);
        Assert.Equal(TestCase.Load(Temp["out/test_things.json"]).Models[0].Exemplars.Count, test.Models[0].Exemplars.Count);
        var record = AbcRecord.Load(Temp["out"], "things-baseline-0003");
        Assert.Null(record.Prompt);
        Assert.Null(record.Loss);
        Assert.Null(record.Check);
        Assert.All(record.Samples, s => Assert.True(s.Similarity <= 1.001 && s.Pixels >= 0));

        var estimate = AbcEstimate.Measure(AbcFixture.Plan(Recipe), Temp["base"], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(13, estimate.Models);
        Change("\"most\": 1", "\"most\": 1, \"instead\": true");
        Builder("alone").Build(cancellation: TestContext.Current.CancellationToken);
        var beside = Files("out");
        Assert.All(Files("alone").Where(file => file.Key.StartsWith("models", StringComparison.Ordinal)), file => Assert.Equal(file.Value, beside[file.Key]));
        Assert.Equal(0.0, AbcEstimate.Measure(AbcFixture.Plan(Recipe), Temp["base"], cancellation: TestContext.Current.CancellationToken).Customizing);
    }

    [Fact]
    public async Task Captions_of_all_images_are_in_a_table_without_the_concept()
    {
        File.WriteAllText(Recipe, AbcFixture.WithBaseline(File.ReadAllText(Recipe)));
        Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        var table = await MetadataTable.LoadAsync(Temp["out/captions.csv"], TestContext.Current.CancellationToken);
        var records = AbcFixture.Plan(Recipe).Models.Select(m => AbcRecord.Load(Temp["out"], m.Id)).ToArray();
        Assert.Equal(records.Sum(r => r.Exemplars.Count + r.Samples.Count), table.Count);
        Assert.Matches("^kind. one( again)?$|^kind. three( again)?$", Of(records[0].Samples[0].Path));
        Assert.Equal(records[0].Exemplars[0].Caption, Of(records[0].Exemplars[0].Path));
        Assert.Equal(records[^1].Samples[0].Prompt, Of(records[^1].Samples[0].Path));

        Change("\"steps\": 3", "\"steps\": 3, \"initializer\": \"a\"");
        Builder("begun").Build(cancellation: TestContext.Current.CancellationToken);
        table = await MetadataTable.LoadAsync(Temp["begun/captions.csv"], TestContext.Current.CancellationToken);
        Assert.StartsWith("a kind", Of(records[0].Samples[0].Path), StringComparison.Ordinal);

        string? Of(string path) => table.FindCaption(new ImageItem(Temp[path], path, _ => throw new NotSupportedException()));
    }

    [Fact]
    public void Made_at_once_models_are_the_same_bytes_as_one_after_the_other()
    {
        File.WriteAllText(Recipe, AbcFixture.WithBaseline(File.ReadAllText(Recipe)));
        Change("\"seed\": 4", "\"threads\": 1, \"seed\": 4");
        Builder("one", atOnce: 1).Build(cancellation: TestContext.Current.CancellationToken);
        var (models, reports) = (AbcFixture.Plan(Recipe).Models.Count, new List<AbcProgress>());
        Builder("three", atOnce: 3).Build(progress: new Listener<AbcProgress>(reports.Add), cancellation: TestContext.Current.CancellationToken);
        AssertSame("one", "three");
        Assert.Equal(Enumerable.Range(0, models + 1), reports.Select(r => r.Made));
        Assert.All(reports, r => Assert.Equal((r.Made, models, 3), (r.Done, r.Models, r.AtOnce)));
    }

    [Fact]
    public void As_many_are_made_at_once_as_there_are_cores_for()
    {
        Assert.Equal(1, Builder("out").AtOnce);
        Change("\"seed\": 4", "\"threads\": 1, \"seed\": 4");
        Assert.Equal(Environment.ProcessorCount, Builder("out").AtOnce);
        Assert.Equal(1, new AbcBuilder(AbcFixture.Plan(Recipe), Temp["base"], Temp["out"], EncoderDevice.Cuda).AtOnce);
        Change("\"threads\": 1", "\"threads\": 1024");
        Assert.Equal(1, Builder("out").AtOnce);
    }

    [Fact]
    public void The_time_that_is_left_is_shared_by_those_made_at_once()
    {
        Assert.Null(new AbcProgress(4, 9, 0, 0, 0, 2).Left);
        Assert.Equal(TimeSpan.FromSeconds(60), new AbcProgress(3, 11, 2, 20, 10, 2).Left);
        Assert.Equal(TimeSpan.FromSeconds(10), new AbcProgress(7, 8, 7, 70, 0, 64).Left); // the last one takes as long as any
        Assert.Equal(TimeSpan.Zero, new AbcProgress(8, 8, 8, 80, 0, 64).Left);
    }

    [Fact]
    public void A_model_that_fails_stops_the_others_and_what_is_whole_is_kept()
    {
        Builder("whole").Build(cancellation: TestContext.Current.CancellationToken);
        var builder = Builder("out", atOnce: 2);
        var uses = AbcFixture.Plan(Recipe).Models.SelectMany(m => m.Exemplars.Select(e => (m.Id, e.Source))).GroupBy(use => use.Source);
        var (failing, exemplar) = uses.Where(use => use.Count() == 1).Select(use => use.Single()).First(use => use.Id is not ("things-0000" or "things-0001"));
        var bytes = File.ReadAllBytes(exemplar);
        File.WriteAllText(exemplar, "no image any more");
        var made = 0;
        var e = Assert.Throws<WhenceException>(() => builder.Build(progress: new Listener<AbcProgress>(p => made = p.Made), cancellation: TestContext.Current.CancellationToken));
        Assert.Contains($"models/{failing}", e.Message, StringComparison.Ordinal);
        Assert.Equal(made, Directory.GetFiles(Temp["out"], "model.json", SearchOption.AllDirectories).Length);
        Assert.False(File.Exists(Temp[$"out/models/{failing}/model.json"]) || File.Exists(Temp["out/manifest.json"]));
        File.WriteAllBytes(exemplar, bytes);
        Builder("out", atOnce: 2).Build(cancellation: TestContext.Current.CancellationToken);
        AssertSame("whole", "out");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Interrupted_at_any_model_it_goes_on_to_the_same_bytes_and_makes_none_twice(int atOnce)
    {
        File.WriteAllText(Recipe, AbcFixture.WithBaseline(File.ReadAllText(Recipe)));
        Builder("whole").Build(cancellation: TestContext.Current.CancellationToken);
        var made = 0;
        for (var finished = false; !finished;)
        {
            using var stop = new CancellationTokenSource();
            try
            {
                var before = made;
                Builder("parts", atOnce).Build(
                    progress: new Listener<AbcProgress>(p =>
                    {
                        made += p.Made > 0 ? 1 : 0;
                        if (p.Made == 1)
                        {
                            // As if killed in the middle of the next model.
                            stop.Cancel();
                        }
                    }),
                    cancellation: stop.Token);
                finished = true;
            }
            catch (OperationCanceledException)
            {
                // goes on
            }
        }

        Assert.Equal(AbcFixture.Plan(Recipe).Models.Count, made);
        AssertSame("whole", "parts");
    }

    [Fact]
    public void What_a_kill_left_of_a_model_is_made_anew()
    {
        Builder("whole").Build(cancellation: TestContext.Current.CancellationToken);
        Builder("killed").Build(cancellation: TestContext.Current.CancellationToken);
        File.Delete(Temp["killed/models/things-0001/model.json"]);
        File.Delete(Temp["killed/manifest.json"]);
        File.WriteAllText(Temp["killed/models/things-0001/samples/gpt-000.png"], "half");
        File.WriteAllText(Temp["killed/models/things-0001/samples/stray.png"], "stray");
        Builder("killed").Build(cancellation: TestContext.Current.CancellationToken);
        AssertSame("whole", "killed");
    }

    [Fact]
    public void Two_parts_joined_are_what_one_run_makes()
    {
        File.WriteAllText(Recipe, AbcFixture.WithBaseline(File.ReadAllText(Recipe)));
        Builder("whole").Build(cancellation: TestContext.Current.CancellationToken);
        Assert.Empty(Builder("first").Build(0, 2, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("are in no part", Assert.Throws<WhenceException>(() => AbcParts.Join([Temp["first"]], Temp["joined"])).Message);
        Assert.Empty(Builder("second").Build(1, 2, cancellation: TestContext.Current.CancellationToken));
        AbcParts.Join([Temp["first"], Temp["second"]], Temp["joined"]);
        AssertSame("whole", "joined");

        Change("\"shows\": -2", "\"shows\": 2");
        Builder("second").Build(1, 2, cancellation: TestContext.Current.CancellationToken);
        Assert.Contains("thresholds", Assert.Throws<WhenceException>(() => AbcParts.Join([Temp["first"], Temp["second"]], Temp["again"])).Message);
        Change("\"shows\": 2", "\"shows\": -2");
        Builder("second").Build(1, 2, cancellation: TestContext.Current.CancellationToken);

        File.AppendAllText(Temp["second/models/things-0001/samples/gpt-000.png"], "x");
        Assert.Contains("gpt-000.png: damaged", Assert.Throws<WhenceException>(() => AbcParts.Join([Temp["first"], Temp["second"]], Temp["again"])).Message);
    }

    [Fact]
    public void AnotherRecipe_model_or_folder_is_refused()
    {
        Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        foreach (var (old, changed) in ((string, string)[])[("\"guidance\": 2", "\"guidance\": 3"), ("\"seed\": 4", "\"precision\": \"bfloat16\", \"seed\": 4"), ("\"seed\": 4", "\"threads\": 1, \"seed\": 4"), ("\"obeys\": 0", "\"samples\": 2")])
        {
            Change(old, changed);
            Assert.Contains("another recipe", Assert.Throws<WhenceException>(() => Builder("out").Build()).Message);
            Change(changed, old);
        }

        Directory.CreateDirectory(Temp["mine"]);
        File.WriteAllText(Temp["mine/letter.txt"], "dear");
        Assert.Contains("name an empty folder", Assert.Throws<WhenceException>(() => Builder("mine").Build()).Message);
        Assert.Equal("dear", File.ReadAllText(Temp["mine/letter.txt"]));
    }

    [Theory]
    [InlineData("\"set\": \"things\"", "\"set\": \"../../x\"")]
    [InlineData("models/things-0000/samples/gpt-000.png", "models/things-0000/../../../x.png")]
    [InlineData("models/things-0000/samples/gpt-000.png", "/etc/hostname")]
    [InlineData("models/things-0000/before/gpt-000.png", "models/things-0001/before/gpt-000.png")]
    [InlineData("\"before\": [", "\"before\": [null,")]
    [InlineData("models/things-0000/exemplars", "models/things-0001/exemplars")]
    public void A_record_of_a_stranger_cannot_name_files_elsewhere(string old, string changed)
    {
        Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        var path = Temp["out/models/things-0000/model.json"];
        var text = File.ReadAllText(path);
        Assert.Contains(old, text);
        File.WriteAllText(path, text.Replace(old, changed));
        Assert.Contains("outside its folder", Assert.Throws<WhenceException>(() => AbcParts.Join([Temp["out"]], Temp["joined"])).Message);
        Assert.Empty(Directory.GetFiles(Temp.Path, "*x*.json"));
    }

    [Fact]
    public void A_header_whose_names_are_paths_is_refused()
    {
        Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        var path = Temp["out/dataset.json"];
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"things-0000\"", "\"../things-0000\""));
        Assert.Contains("'ids'", Assert.Throws<WhenceException>(() => AbcParts.Join([Temp["out"]], Temp["joined"])).Message);
    }

    [Fact]
    public void A_kill_while_it_begins_leaves_a_folder_that_can_be_begun_again()
    {
        Directory.CreateDirectory(Temp["out"]);
        File.WriteAllText(Temp["out/dataset.json.whence-tmp"], "{");
        Assert.NotEmpty(Builder("out").Build(cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Exemplars_with_other_pixels_are_another_data_set()
    {
        Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        foreach (var file in Directory.GetFiles(Temp["things"]))
        {
            File.WriteAllBytes(file, TestImages.Png(100 + int.Parse(Path.GetFileNameWithoutExtension(file))));
        }

        Assert.Contains("other images", Assert.Throws<WhenceException>(() => Builder("out").Build()).Message);
    }

    [Fact]
    public void A_prompt_whose_concept_would_be_cut_off_is_refused_before_any_work()
    {
        File.WriteAllText(Temp["prompts/styles.txt"], "[train]\na long way before <new1> comes\na very long way before <new1> comes\n[test]\n<new1>\n");
        Assert.Contains("does not hold <new1> within", Assert.Throws<WhenceException>(() => Builder("out").Build()).Message);
        Assert.False(File.Exists(Temp["out/dataset.json"]));
    }

    [Fact]
    public void A_word_to_begin_as_that_the_model_has_not_is_refused_before_any_work()
    {
        Change("\"augment\": false", "\"augment\": false, \"initializer\": \"not one token\"");
        Assert.Contains("'not one token' is", Assert.Throws<WhenceException>(() => Builder("out").Build()).Message);
        Assert.False(File.Exists(Temp["out/dataset.json"]));
    }

    [Fact]
    public void Exemplars_that_are_trained_with_different_prompts_tell_theirs()
    {
        Change("\"prompt\": \"<new1> art\"", "\"category\": \"kind\", \"prompt\": \"<new1> {category}\"");
        var plan = AbcFixture.Plan(Recipe);
        Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        foreach (var model in plan.Models)
        {
            var record = AbcRecord.Load(Temp["out"], model.Id);
            Assert.Equal(model.Prompt, record.Prompt);
            Assert.Equal(model.Kind == AbcKind.ObjectCentric ? model.Exemplars.Select(_ => (string?)null) : model.ExemplarPrompts, record.Exemplars.Select(e => e.Prompt));
        }
    }

    [Fact]
    public void Damaged_records_say_which_folder_to_delete()
    {
        Builder("out").Build(cancellation: TestContext.Current.CancellationToken);
        foreach (var text in (string[])["", "{", "null", "[]", "{\"id\": 3}", File.ReadAllText(Temp["out/models/things-0001/model.json"])])
        {
            File.WriteAllText(Temp["out/models/things-0000/model.json"], text);
            Assert.Contains("models/things-0000", Assert.Throws<WhenceException>(() => Builder("out").Build()).Message);
        }
    }

    [Fact]
    public void An_estimate_is_of_all_models_and_images()
    {
        var plan = AbcFixture.Plan(Recipe);
        var estimate = AbcEstimate.Measure(plan, Temp["base"], cancellation: TestContext.Current.CancellationToken);
        Assert.True(estimate.Customizing > 0 && estimate.Sampling > 0);
        Assert.Equal(plan.Models.Count, estimate.Models);
        Builder("out").Build(0, 2, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(0, AbcEstimate.Measure(plan, Temp["base"], Temp["out"], 0, 2, cancellation: TestContext.Current.CancellationToken).Models);
        Assert.Equal(plan.Models.Count / 2, AbcEstimate.Measure(plan, Temp["base"], Temp["out"], cancellation: TestContext.Current.CancellationToken).Models);
        Assert.True(estimate.Bytes > 100 * plan.Models.Sum(m => m.Samples.Count));
        Assert.Equal(1, estimate.AtOnce);

        Change("\"seed\": 4", "\"threads\": 1, \"seed\": 4");
        var several = AbcEstimate.Measure(AbcFixture.Plan(Recipe), Temp["base"], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((plan.Models.Count, Math.Min(Environment.ProcessorCount, plan.Models.Count)), (several.Models, several.AtOnce));
        Assert.True(several.Customizing > 0 && several.Sampling > 0);
    }
}
