using Whence.Datasets.Abc;

namespace Whence.Tests.Datasets.Abc;

/// <summary>The recipes of the repository whose data sets are of drawings.</summary>
public sealed class AbcRecipesTests
{
    [Fact]
    public void The_tiny_one_asks_for_eight_models_of_eight_images_from_what_the_repository_has()
    {
        var plan = AbcFixture.Plan(Recipe("abc-tiny.json"));
        Assert.Equal(8, plan.Models.Count);
        Assert.All(plan.Models, model => Assert.Equal(8, model.Samples.Count));
        Assert.Empty(plan.Unread);
        Assert.Equal(1, plan.Recipe.Threads); // the same bytes on any number of cores
        Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(Recipe("abc-tiny.json"))!, plan.Recipe.Model, "model_index.json")));
    }

    [Fact]
    public void The_mini_one_asks_for_120_models_of_objects_and_120_of_styles()
    {
        var sets = AbcRecipe.Load(Recipe("abc-mini.json")).Sets;
        Assert.Equal([120, 120], sets.GroupBy(set => set.Kind).Select(kind => kind.Sum(set => set.Models.Train + set.Models.Validation + set.Models.Test + set.Models.Unobserved)));
    }

    private static string Recipe(string name) => Path.Combine(SharedData.RepositoryRoot, "recipes", name);
}
