using System.Text.Json;

namespace Whence.Bench.Photos;

/// <summary>
/// Test cases from photographs of things, in the place of customized models: a subject is a model, one of its photographs stands for a synthesized
/// image (the query), and the others are its exemplars. Subjects are divided in two halves, one to train with and one to test with.
/// </summary>
internal static class PhotoCases
{
    /// <summary>The type of prompts that the test cases name.</summary>
    public const string Prompts = "photo";

    /// <summary>Writes the lists of a split: <c>train.json</c> and <c>test.json</c>, in the authors' schema.</summary>
    /// <param name="photos">The folder with <c>subjects/NAME/NN.jpg</c>; paths in the lists are relative to it.</param>
    /// <param name="folder">Where to.</param>
    /// <param name="seed">Decides which half a subject falls into, and its queries.</param>
    /// <param name="queries">Photographs of a subject that are queries, at least 1; at least two photographs stay exemplars.</param>
    public static (string Train, string Test) Write(string photos, string folder, int seed, int queries)
    {
        var random = new Random(seed);
        var subjects = Directory.GetDirectories(Path.Combine(photos, "subjects")).Order(StringComparer.Ordinal).ToArray();
        random.Shuffle(subjects);
        var half = subjects.Length / 2;
        return (Write("train.json", subjects[..half]), Write("test.json", subjects[half..]));

        string Write(string name, string[] some)
        {
            var models = some.Order(StringComparer.Ordinal).Select(subject =>
            {
                var files = Directory.GetFiles(subject, "*.jpg").Order(StringComparer.Ordinal).Select(f => Path.GetRelativePath(photos, f).Replace('\\', '/')).ToArray();
                random.Shuffle(files);
                var own = Math.Min(queries, files.Length - 2);
                return new Dictionary<string, object>
                {
                    ["exemplar"] = files[own..],
                    ["synth"] = new Dictionary<string, string[]> { [Prompts] = files[..own] },
                    ["class_id"] = Path.GetFileName(subject),
                };
            });
            var path = Path.Combine(folder, name);
            File.WriteAllText(path, JsonSerializer.Serialize(models));
            return path;
        }
    }
}
