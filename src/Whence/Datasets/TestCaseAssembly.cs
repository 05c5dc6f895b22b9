using Whence.Vectors;

namespace Whence.Datasets;

/// <summary>From the features of single images to those of a test case; images without features are left out.</summary>
internal static class TestCaseAssembly
{
    /// <exception cref="WhenceException">A model has no exemplar left, or a type of prompts no query.</exception>
    public static TestCaseFeatures Of(
        TestCase testCase, ExtractionImages images, PartialFeatures partial, IReadOnlyList<UnreadImage> unread, string encoder, int dimension, int views)
    {
        var errors = unread.ToDictionary(u => u.Path, StringComparer.Ordinal);
        var (exemplars, chunks) = (new List<string>(), new List<ExemplarChunk>());
        foreach (var (number, model) in testCase.Models.Index())
        {
            var start = exemplars.Count;
            exemplars.AddRange(model.Exemplars.Where(path => partial.Has(images[path])));
            chunks.Add(exemplars.Count > start ? new ExemplarChunk(start, exemplars.Count) : throw new WhenceException(
                $"test case '{testCase.Name}': model {number} ('{model.ClassId}') has no exemplar that can be read: {Lost(model.Exemplars)}; mend them, or take the model out. What was encoded is kept for the next run."));
        }

        return new TestCaseFeatures(
            testCase.Name, Matrix(exemplars), chunks, [.. testCase.PromptTypes.Select(Prompt)], exemplars, encoder, Views(exemplars), ColumnsOf(testCase.Models));

        PromptFeatures Prompt(string type)
        {
            var all = testCase.Models.Index().SelectMany(m => m.Item.Synthesized.TryGetValue(type, out var paths) ? paths.Select(path => (path, m.Index)) : []).ToArray();
            var (paths, models) = (new List<string>(), new List<int>());
            foreach (var (path, model) in all.Where(query => partial.Has(images[query.path])))
            {
                paths.Add(path);
                models.Add(model);
            }

            return paths.Count > 0 ? new PromptFeatures(type, Matrix(paths), models, paths, Views(paths)) : throw new WhenceException(
                $"test case '{testCase.Name}': no query of prompt type '{type}' can be read: {Lost(all.Select(query => query.path))}; mend them, or take the type out. What was encoded is kept for the next run.");
        }

        string Lost(IEnumerable<string> paths) => FeatureExtractor.Of(paths.Distinct(StringComparer.Ordinal).Where(errors.ContainsKey).Select(path => errors[path]));

        FeatureMatrix Matrix(List<string> paths) => Read(paths, 0, 1);

        FeatureMatrix? Views(List<string> paths) => views == 0 ? null : Read(paths, dimension, views);

        FeatureMatrix Read(List<string> paths, int first, int perImage)
        {
            var values = new float[checked(paths.Count * perImage * dimension)];
            foreach (var (i, path) in paths.Index())
            {
                partial.Read(images[path], first, values.AsSpan(i * perImage * dimension, perImage * dimension));
            }

            return new FeatureMatrix(paths.Count * perImage, dimension, values);
        }
    }

    /// <summary>Every text that models have, by name; null for models without it.</summary>
    internal static Dictionary<string, IReadOnlyList<string?>> ColumnsOf(IReadOnlyList<TestCaseModel> models)
    {
        var columns = new Dictionary<string, IReadOnlyList<string?>>(StringComparer.Ordinal) { ["class_id"] = [.. models.Select(m => m.ClassId)] };
        if (models.Any(m => m.Category is not null))
        {
            columns["category"] = [.. models.Select(m => m.Category)];
        }

        foreach (var name in models.SelectMany(m => m.Further.Keys).Where(name => name.Length > 0).Distinct(StringComparer.Ordinal))
        {
            columns[name] = [.. models.Select(m => m.Further.GetValueOrDefault(name))];
        }

        return columns;
    }
}
