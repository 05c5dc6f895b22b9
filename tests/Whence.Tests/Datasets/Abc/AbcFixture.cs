using Whence.Datasets.Abc;

namespace Whence.Tests.Datasets.Abc;

/// <summary>A recipe with images and prompts so small that a data set is built in seconds.</summary>
internal static class AbcFixture
{
    private const string Recipe = """
        {
          "format": "whence-abc", "version": 1, "seed": 4,
          "model": "base",
          "prompts": "prompts",
          "sets": [
            {
              "name": "things", "kind": "object", "images": ["things"], "metadata": "about.csv", "category": "kind", "group": "family",
              "models": { "train": 2, "validation": 1, "test": 1, "unobserved": 1 }
            },
            {
              "name": "looks", "kind": "style", "images": ["things"], "metadata": "about.csv", "where": "family != 'c'", "group": "family", "prompt": "<new1> art",
              "leastExemplars": 2, "mostExemplars": 3, "models": { "train": 1, "test": 1 }
            }
          ],
          "customization": { "steps": 3, "batch": 2, "learningRate": 0.01, "augment": false },
          "sampling": { "steps": 2, "guidance": 2, "trainPrompts": 2, "testPrompts": 1, "each": 2, "batch": 3 },
          "check": { "encoder": "pixels", "styleEncoder": "pixels", "shows": -2, "obeys": 0 }
        }
        """;

    /// <summary>The recipe with a baseline of a model of each split.</summary>
    public static string WithBaseline(string recipe) => recipe.Replace("\"check\":", "\"baseline\": { \"most\": 1, \"captions\": \"captions.csv\" },\n  \"check\":");

    /// <summary>Writes all but the base model.</summary>
    /// <returns>The recipe's file.</returns>
    public static string Write(string folder, Func<string, string>? change = null)
    {
        TestImages.WriteFolder(Path.Combine(folder, "things"), 12);
        var files = Directory.GetFiles(Path.Combine(folder, "things")).Order(StringComparer.Ordinal).ToArray();
        File.WriteAllLines(Path.Combine(folder, "about.csv"), files.Select((file, i) => $"{Path.GetFileName(file)},kind{i % 6},{"abc"[i % 6 / 2]}").Prepend("file,kind,family"));
        File.WriteAllLines(Path.Combine(folder, "captions.csv"), files.Select((file, i) => $"{Path.GetFileName(file)},picture {i}").Prepend("file,caption"));
        var prompts = Directory.CreateDirectory(Path.Combine(folder, "prompts", "objects")).FullName;
        File.WriteAllText(Path.Combine(prompts, "any.txt"), Sections("<new1> {category} one", "<new1> {category} two", "<new1> {category} three"));
        File.WriteAllText(Path.Combine(folder, "prompts", "mediums.txt"), "template: <new1> {category} {medium}\n" + Sections("ink", "oil", "wood"));
        File.WriteAllText(Path.Combine(folder, "prompts", "styles.txt"), Sections("<new1> red", "<new1> blue", "<new1> green"));
        File.WriteAllText(Path.Combine(folder, "prompts", "style-objects.txt"), "template: <new1> {object}\n" + Sections("sun", "moon", "tree"));
        var recipe = Path.Combine(folder, "recipe.json");
        File.WriteAllText(recipe, change?.Invoke(Recipe) ?? Recipe);
        return recipe;
    }

    /// <summary>The plan of what was written.</summary>
    public static AbcPlan Plan(string recipe) => AbcPlan.LoadAsync(recipe, TestContext.Current.CancellationToken).GetAwaiter().GetResult();

    private static string Sections(string train, string validation, string test) => $"[train]\n{train}\n{train} again\n[validation]\n{validation}\n{validation} again\n[test]\n{test}\n{test} again\n";
}
