using System.Text.Json.Nodes;
using Whence.Datasets;
using Whence.Datasets.Abc;
using Whence.Tests.Torch.Mapping;
using Whence.Torch.Study;

namespace Whence.Tests.Torch.Study;

public sealed class StudyRecipeTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static TheoryData<string, string> Bad => new()
    {
        { "no key 'epoch' in 'variants[0]', known are 'name', 'train'", """{"variants": [{"name": "x", "train": "both", "epoch": 3}]}""" },
        { "no key 'variant'", """{"variant": []}""" },
        { "no key 'Object' in 'spaces[0].train'", """{"spaces": [{"label": "t", "distractors": "d", "test": ["t"], "train": {"Object": []}}]}""" },
        { "space 't' has no 'test' files", """{"spaces": [{"label": "t", "distractors": "d"}]}""" },
        { "space 't' has no 'distractors', neither of its own nor in 'sources'", """{"spaces": [{"label": "t", "test": ["t"]}]}""" },
        { "'label' is missing in 'spaces[0]'", """{"spaces": [{"distractors": "d"}]}""" },
        { "no key 'label' in 'sources'", """{"sources": {"label": "t"}}""" },
        { "variant 'u' cannot be trained in space 'Toy': it has no 'trainUncustomized'", """{"variants": [{"name": "u", "train": "both", "uncustomized": true}]}""" },
        { "space 'Toy': no variant 'x' is trained; there are 'v'", """{"variants": [{"name": "v", "train": "both"}], "spaces": [{"label": "Toy", "distractors": "distractors.safetensors", "train": {"objects": ["train_objects.safetensors"], "styles": ["train_styles.safetensors"]}, "test": ["test_artchive.safetensors"], "variants": ["x"]}]}""" },
        { "'against' names 'test_nothing', which no space is tested with; there are test_observed_imagenet, test_artchive", """{"against": [{"across": "test_artchive", "up": "test_nothing"}]}""" },
        { "'sheets' must be from 0 to 600", """{"sheets": 601}""" },
        { "captions.csv", """{"spaces": [{"label": "Toy", "distractors": "distractors.safetensors", "captions": "captions.csv", "test": ["test_artchive.safetensors"]}], "variants": []}""" },
        { "$.training.epochs", """{"training": {"epochs": "many"}}""" },
        { "'epochs' is 0", """{"training": {"epochs": 0}}""" },
        { "'batch' is 1", """{"variants": [{"name": "x", "train": "both", "batch": 1}]}""" },
        { "'learningRate' is -1", """{"training": {"learningRate": -1}}""" },
        { "$.variants[0].train", """{"variants": [{"name": "x", "train": "all"}]}""" },
        { "a regularizer is for linear", """{"variants": [{"name": "x", "train": "both", "kind": "mlp", "regularizer": 1}]}""" },
        { "whose folder 'a-b' is taken", """{"variants": [{"name": "a b", "train": "both"}, {"name": "A-B", "train": "both"}]}""" },
        { "whose folder 'pretrained' is taken", """{"variants": [{"name": "Pretrained", "train": "both"}]}""" },
        { "whose folder 'sheets' is taken", """{"variants": [{"name": "Sheets", "train": "both"}]}""" },
        { "no letter or digit", """{"variants": [{"name": "..", "train": "both"}]}""" },
        { "version 2", """{"version": 2}""" },
        { "'spaces' is empty", """{"spaces": []}""" },
        { "'spaces[0]' must be an object in braces", """{"spaces": ["x"]}""" },
        { "must be whole numbers from 1 on, ascending", """{"evaluation": {"recallAt": [10, 5]}}""" },
        { "'calibration' has a number out of range", """{"calibration": {"top": 1}}""" },
        { "variant 's' cannot be trained in space 'Toy': its 'train' has no 'styles'", """{"variants": [{"name": "s", "train": "styles"}], "spaces": [{"label": "Toy", "distractors": "distractors.safetensors", "train": {"objects": ["train_objects.safetensors"]}, "test": ["test_artchive.safetensors"]}]}""" },
        { "there is no 'trainStrong'", """{"variants": [{"name": "s", "train": "both", "augment": "strong"}]}""" },
        { "none.safetensors", """{"spaces": [{"label": "Toy", "distractors": "distractors.safetensors", "test": ["none.safetensors"]}], "variants": []}""" },
        { "'a/x.json' and 'b/x.json' have one name", """{"spaces": [{"label": "Toy", "distractors": "distractors.safetensors", "train": {"objects": ["a/x.json"], "styles": ["b/x.json"]}, "test": ["test_artchive.safetensors"]}], "variants": [{"name": "v", "train": "both"}]}""" },
        { "nowhere.npy", """{"spaces": [{"label": "Toy", "distractors": "nowhere.npy", "test": ["test_artchive.safetensors"]}], "variants": []}""" },
        { "variant 'm': ", """{"variants": [{"name": "m", "train": "both", "maskBy": "source"}]}""" },
        { "'emoji' or 'build'", """{"datasets": [{"out": "x"}]}""" },
        { "'emoji' or 'build'", """{"datasets": [{"out": "x", "emoji": "a.json", "build": "b.json"}]}""" },
        { "'distractorsWhere' chooses among images", """{"spaces": [{"label": "Toy", "distractors": "distractors.safetensors", "distractorsWhere": "a = 'b'", "test": ["test_artchive.safetensors"]}], "variants": []}""" },
        { "raise 'calibration.top'", """{"calibration": {"top": 3}}""" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task What_is_wrong_is_said_in_one_line_before_anything_is_written(string expected, string change)
    {
        var recipe = ToyStudy.Write(_temp["r"], r =>
        {
            foreach (var (key, value) in JsonNode.Parse(change)!.AsObject())
            {
                r[key] = value?.DeepClone();
            }
        });
        var error = await Assert.ThrowsAsync<WhenceException>(() => StudyRun.OpenAsync(recipe, _temp["out"], cancellation: TestContext.Current.CancellationToken));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(recipe, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.False(Directory.Exists(_temp["out"]));
    }

    [Theory]
    [InlineData("abc-tiny-study.json", 3)]
    [InlineData("abc-mini-study.json", 8)]
    public void Recipes_of_the_repository_study_the_lists_that_their_data_sets_have(string name, int variants)
    {
        var folder = Path.Combine(SharedData.RepositoryRoot, "recipes");
        var recipe = StudyRecipe.Load(Path.Combine(folder, name));
        Assert.Equal(variants, recipe.Trained().Count);
        Assert.All(recipe.Datasets, dataset => Assert.True(File.Exists(Path.Combine(folder, (dataset.Emoji ?? dataset.Build)!))));
        var built = recipe.Datasets.Single(dataset => dataset.Build is not null);
        var sets = AbcRecipe.Load(Path.Combine(folder, built.Build!)).Sets.Select(set => set.Name).ToArray();
        foreach (var file in recipe.Spaces.SelectMany(space => (string[])[.. recipe.Trained(space).SelectMany(space.FilesOf), .. space.Validation, .. space.Test]))
        {
            Assert.StartsWith(built.Out + "/", file, StringComparison.Ordinal);
            Assert.Contains(Path.GetFileNameWithoutExtension(file).Split('_')[^1].Replace("-baseline", ""), sets);
        }
    }

    [Fact]
    public void What_a_space_does_not_say_of_its_sources_is_that_of_all()
    {
        var recipe = StudyRecipe.Load(ToyStudy.Write(_temp["r"], r =>
        {
            r["sources"] = JsonNode.Parse("""{"distractors": "all.npy", "distractorsWhere": "a = 'b'", "captions": "c.csv", "train": {"objects": ["o"]}, "validation": ["v"], "test": ["t"]}""");
            r["spaces"] = JsonNode.Parse("""[{"label": "One"}, {"label": "Two", "train": {"styles": ["s"]}, "test": ["u"]}, {"label": "Three", "distractors": "own", "test": ["w"]}]""");
            r["variants"] = new JsonArray();
        }));
        Assert.Equal(["all.npy", "all.npy", "own"], recipe.Spaces.Select(s => s.Distractors));
        Assert.Equal(["a = 'b'", "a = 'b'", null], recipe.Spaces.Select(s => s.DistractorsWhere));
        Assert.Equal(["o", "s", ""], recipe.Spaces.Select(s => string.Join(",", [.. s.Train.Objects, .. s.Train.Styles])));
        Assert.Equal(["t", "u", "w"], recipe.Spaces.Select(s => Assert.Single(s.Test)));
        Assert.Equal(["v c.csv", "v c.csv", " "], recipe.Spaces.Select(s => $"{string.Join(",", s.Validation)} {s.Captions}"));
    }

    [Fact]
    public async Task Features_that_do_not_fit_together_are_refused()
    {
        var recipe = ToyStudy.Write(_temp["r"]);
        await RefusedAsync("features of 16 values, the distractors 'distractors.safetensors' of 8", new Turned(16, 1).Models("val_styles", 5), "val_styles");
        await RefusedAsync("'val_styles.safetensors' has features of encoder 'dino', where 'clip' is expected", new Turned(8, 1).Models("val_styles", 5, encoder: "dino"), "val_styles");
        new Turned(8, 1).Models("val_styles", 5).Save(_temp["r", "val_styles.safetensors"]);
        new Turned(8, 1).Distractors(_temp["r", "index"], 9, encoder: "dino");
        ToyStudy.Write(_temp["r2"], r => r["spaces"]![0]!["distractors"] = "index");
        var recipeOfIndex = _temp["r", "index.json"];
        File.Copy(_temp["r2", "recipe.json"], recipeOfIndex);
        Assert.Contains("'index' has features of encoder 'dino', where 'clip' is expected", (await Assert.ThrowsAsync<WhenceException>(
            () => StudyRun.OpenAsync(recipeOfIndex, _temp["out"], cancellation: TestContext.Current.CancellationToken))).Message, StringComparison.Ordinal);
        File.WriteAllText(_temp["r", "val_styles.safetensors"], "no features");
        Assert.Contains("val_styles.safetensors", (await Assert.ThrowsAsync<WhenceException>(OpenAsync)).Message, StringComparison.Ordinal);
        File.WriteAllText(recipe, "{\"format\": \"whence-study\",");
        Assert.StartsWith(recipe, (await Assert.ThrowsAsync<WhenceException>(OpenAsync)).Message, StringComparison.Ordinal);
        File.WriteAllText(recipe, "{\"format\": \"whence-study\", \"format\": \"x\"}");
        Assert.StartsWith(recipe, (await Assert.ThrowsAsync<WhenceException>(OpenAsync)).Message, StringComparison.Ordinal);

        Task<StudyRun> OpenAsync() => StudyRun.OpenAsync(recipe, _temp["out"], cancellation: TestContext.Current.CancellationToken);

        async Task RefusedAsync(string expected, TestCaseFeatures features, string name)
        {
            features.Save(_temp["r", name + ".safetensors"]);
            Assert.Contains(expected, (await Assert.ThrowsAsync<WhenceException>(OpenAsync)).Message, StringComparison.Ordinal);
        }
    }
}
