using System.Text.Json.Nodes;
using Whence.Tests.Evaluation;
using Whence.Tests.Torch.Diffusion.Training;
using Whence.Torch.Diffusion.Training;
using Whence.Torch.Training;
using Whence.Vectors;
using static Whence.Tests.Torch.Diffusion.Training.GeneratorTrainerTests;

namespace Whence.Tests.Torch.Training;

/// <summary>Whose recipe and state lie in a training's folder.</summary>
public sealed class RecipeRecordTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task The_recipe_s_own_file_is_not_written_over_and_its_record_can_be_trained_with()
    {
        var path = ToyGenerator.Write(_temp["here"]);
        var bytes = File.ReadAllBytes(path);
        var trainer = await GeneratorTrainer.OpenAsync(path, threads: 1, TestContext.Current.CancellationToken);
        Assert.Contains("is the recipe itself", Assert.Throws<WhenceException>(() => trainer.Train(_temp["here"])).Message, StringComparison.Ordinal);
        Assert.Equal(bytes, File.ReadAllBytes(path));

        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => trainer.Train(_temp["out"], new Listener<StepProgress>(_ => source.Cancel()), source.Token));
        var record = File.ReadAllBytes(_temp["out", "recipe.json"]);
        var again = await GeneratorTrainer.OpenAsync(_temp["out", "recipe.json"], threads: 1, TestContext.Current.CancellationToken);
        Assert.All(again.Recipe.Images, image => Assert.True(Path.IsPathFullyQualified(image), image));
        again.Train(_temp["out"], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(record, File.ReadAllBytes(_temp["out", "recipe.json"]));
    }

    [Fact]
    public void A_file_of_the_record_s_name_that_is_not_this_training_s_is_not_written_over()
    {
        Trainer(Recipe() with { Seed = 4 }).Train(_temp["other"]);
        foreach (var content in (string[])["{}", "not JSON", File.ReadAllText(_temp["other", "recipe.json"])])
        {
            var folder = Directory.CreateDirectory(_temp["out"]).FullName;
            File.WriteAllText(_temp["out", "recipe.json"], content);
            AssertRefused("recipe.json' is there already and is no record of this training, whose own would replace it; give another --out, or move it away.");
            AssertRefused("is no record of this training"); // the lock that is left changes nothing
            Assert.Equal(content, File.ReadAllText(_temp["out", "recipe.json"]));
            Assert.Equal(["recipe.json", "training.lock"], Directory.GetFileSystemEntries(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        }

        File.Move(_temp["out", "recipe.json"], _temp["moved"]);
        Trainer().Train(_temp["out"]);
        Assert.True(Directory.Exists(GeneratorTrainer.ModelIn(_temp["out"])));
    }

    [Fact]
    public void A_training_that_is_refused_leaves_the_record_of_the_one_that_is_there()
    {
        foreach (var stage in (string[])["autoencoder", "unet"])
        {
            Stop(_temp[stage], stage, 2);
            var record = File.ReadAllBytes(_temp[stage, "recipe.json"]);
            Assert.Throws<WhenceException>(() => Trainer(Recipe() with { Seed = 4 }).Train(_temp[stage]));
            Assert.Equal(record, File.ReadAllBytes(_temp[stage, "recipe.json"]));
        }
    }

    [Fact]
    public void A_training_that_failed_before_anything_was_kept_may_begin_again_with_another_recipe()
    {
        var recipe = Recipe();
        var failing = recipe with { Checkpoint = new() { Seconds = 1e6 }, Autoencoder = recipe.Autoencoder with { Training = new() { Steps = 50, Batch = 2, LearningRate = 1000, Warmup = 0, Clip = 1e30 } } };
        Assert.EndsWith("or raise its 'warmup'.", Assert.Throws<WhenceException>(() => Trainer(failing).Train(_temp["out"])).Message, StringComparison.Ordinal);
        Trainer(recipe).Train(_temp["out"]);
        Assert.True(Directory.Exists(GeneratorTrainer.ModelIn(_temp["out"])));
    }

    [Fact]
    public async Task A_record_of_an_earlier_build_or_of_another_form_is_the_same_where_its_values_are()
    {
        var trainer = await GeneratorTrainer.OpenAsync(ToyGenerator.Write(_temp["recipe"]), threads: 1, TestContext.Current.CancellationToken);
        trainer.Train(_temp["whole"], cancellation: TestContext.Current.CancellationToken);
        var record = JsonNode.Parse(File.ReadAllText(_temp["whole", "recipe.json"]))!.AsObject();
        Assert.True(record["unet"]!.AsObject().Remove("snrGamma")); // as if it were new; its default is meant
        Assert.True(record["unet"]!["training"]!.AsObject().Remove("clip"));
        Directory.CreateDirectory(_temp["out"]);
        var earlier = "// A comment.\n" + record.ToJsonString();
        File.WriteAllText(_temp["out", "recipe.json"], earlier);

        // It is neither another's nor, where it is given itself, replaced.
        var again = await GeneratorTrainer.OpenAsync(_temp["out", "recipe.json"], threads: 1, TestContext.Current.CancellationToken);
        again.Train(_temp["out"], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(earlier, File.ReadAllText(_temp["out", "recipe.json"]));
        foreach (var file in Directory.GetFiles(GeneratorTrainer.ModelIn(_temp["whole"]), "*", SearchOption.AllDirectories))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(_temp["out", Path.GetRelativePath(_temp["whole"], file)]));
        }
    }

    [Fact]
    public void A_state_of_an_earlier_build_which_lacks_a_key_has_its_default()
    {
        Stop(_temp["out"], "unet", 2);
        foreach (var (name, keys) in ((string, string[])[])[("autoencoder.safetensors", ["autoencoder.klWeight"]), ("checkpoint.safetensors", ["unet.snrGamma", "unet.training.clip"])])
        {
            Forget(_temp["out", name], keys);
        }

        var recipe = Recipe();
        Assert.Contains(
            "(unet.snrGamma 0, not 5)", Assert.Throws<WhenceException>(() => Trainer(recipe with { UNet = recipe.UNet with { SnrGamma = 5 } }).Train(_temp["out"])).Message, StringComparison.Ordinal);
        var steps = new List<(string, long)>();
        Trainer(recipe).Train(_temp["out"], new Listener<StepProgress>(p => steps.Add((p.Stage, p.Step))));
        Assert.Equal(("unet", 3L), steps[0]);

        // Writes a file as a build does that does not know some keys.
        void Forget(string path, string[] keys)
        {
            using (var file = SafetensorsFile.Open(path))
            {
                var settings = JsonNode.Parse(file.Metadata["settings"])!.AsObject();
                Assert.All(keys, key => Assert.True(settings.Remove(key)));
                SafetensorsFile.Write(
                    _temp["earlier"],
                    [.. file.Tensors.Select(t => TensorData.FromSingle(t.Key, file.ReadSingle(t.Key), [.. t.Value.Shape]))],
                    new Dictionary<string, string>(file.Metadata) { ["settings"] = settings.ToJsonString() });
            }

            File.Move(_temp["earlier"], path, overwrite: true);
        }
    }

    private void AssertRefused(string expected) =>
        Assert.Contains(expected, Assert.Throws<WhenceException>(() => Trainer().Train(_temp["out"])).Message, StringComparison.Ordinal);
}
