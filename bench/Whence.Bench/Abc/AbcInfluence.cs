using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Whence.Bench.BaseModel;
using Whence.Datasets.Abc;
using Whence.Encoders;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Bench.Abc;

/// <summary>
/// Is the influence real? How much more the samples of customized models are like their own exemplars than like those of other models of the same category or style, than like those of others, and than what
/// was drawn of the same words before. Means over models with 95 % intervals over them.
/// </summary>
internal static class AbcInfluence
{
    /// <summary>What sees: objects, styles, colours where they lie.</summary>
    public static readonly string[] Encoders = [EncoderRegistry.DefaultName, EncoderRegistry.StyleName, "pixels"];

    /// <summary>Measures a data set and prints a table for each encoder.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="seed">Of the resamples.</param>
    /// <param name="sheets">Folder for contact sheets; null for none.</param>
    public static JsonObject Measure(string folder, int seed, string? sheets)
    {
        AbcRecord[] models =
        [
            .. Directory.GetDirectories(Path.Combine(folder, AbcRecord.Models)).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)
                .Select(id => AbcRecord.Load(folder, id)).Where(model => model.Prompt is not null),
        ];
        if (sheets is not null)
        {
            AbcSheets.Draw(folder, models, sheets);
        }

        var figures = new JsonObject { ["folder"] = folder, ["models"] = models.Length };
        foreach (var name in Encoders)
        {
            using var encoder = new PictureEncoder(name);
            string[] files = [.. models.SelectMany(m => m.Exemplars.Select(e => e.Path).Concat(m.Samples.Concat(m.Before ?? []).Select(s => s.Path)))];
            var features = encoder.Encode(files.Length, i => ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(folder, files[i]))));
            figures[name] = SetTable.Print(
                $"similarity of samples to exemplars, {name}",
                Compared(models, features),
                likeness => likeness.Set,
                seed,
                ("own", m => m.Own),
                ("own - alike", m => m.Own - m.Alike),
                ("own - others", m => m.Own - m.Others),
                ("gained", m => m.Gained),
                ("gained more than to others", m => m.GainedMore));
        }

        return figures;
    }

    private static List<Likeness> Compared(AbcRecord[] models, FeatureMatrix features)
    {
        var (groups, row) = (new List<Group>(), 0);
        foreach (var model in models)
        {
            var before = (model.Before ?? []).Select(b => b.Seed).ToHashSet();
            int[] exemplars = [.. Take(model.Exemplars.Count)], samples = [.. Take(model.Samples.Count)], earlier = [.. Take(model.Before?.Count ?? 0)];
            groups.Add(new(Sum(exemplars), exemplars.Length, Sum(samples), samples.Length, Sum(samples.Where((_, i) => before.Contains(model.Samples[i].Seed))), Sum(earlier), earlier.Length));
        }

        return
        [
            .. models.Select((model, i) =>
            {
                int[] inSet = [.. Enumerable.Range(0, models.Length).Where(j => j != i && models[j].Set == model.Set)];
                int[] alike = [.. inSet.Where(j => KindOf(models[j]) == KindOf(model))], others = [.. inSet.Except(alike)];
                var own = groups[i];
                var (gained, othersGained) = (Gain([i]), Gain(others));
                return new Likeness(model.Set, Mean(own.Samples, own.Count, [i])!.Value, Mean(own.Samples, own.Count, alike), Mean(own.Samples, own.Count, others), gained, gained - othersGained);

                double? Gain(int[] which) => own.BeforeCount == 0 ? null : Mean(own.Again, own.BeforeCount, which) - Mean(own.Before, own.BeforeCount, which);
            }),
        ];

        static string KindOf(AbcRecord model) => model.Category ?? model.Group;

        IEnumerable<int> Take(int count)
        {
            row += count;
            return Enumerable.Range(row - count, count);
        }

        // The mean of all cosines is the product of the sums: rows have length 1.
        double? Mean(float[] drawn, int count, int[] which) => which.Length == 0
            ? null
            : which.Sum(j => (double)TensorPrimitives.Dot<float>(drawn, groups[j].Exemplars)) / count / which.Sum(j => groups[j].ExemplarCount);

        float[] Sum(IEnumerable<int> rows)
        {
            var sum = new float[features.Columns];
            foreach (var i in rows)
            {
                TensorPrimitives.Add(sum, features.Row(i), sum);
            }

            return sum;
        }
    }

    /// <summary>Mean similarities of a model's samples.</summary>
    /// <param name="Set">The model's.</param>
    /// <param name="Own">To its own exemplars.</param>
    /// <param name="Alike">To those of other models of its category or style.</param>
    /// <param name="Others">To those of all others of its set.</param>
    /// <param name="Gained">To its own, less that of what was drawn of the same words with the same noise before.</param>
    /// <param name="GainedMore">That, less what was so gained in similarity to others: a customization may change pictures in ways that have nothing to do with the exemplars.</param>
    private sealed record Likeness(string Set, double Own, double? Alike, double? Others, double? Gained, double? GainedMore);

    /// <summary>Sums of features of a model: of its exemplars, its samples, those of which there is an image from before, and these images.</summary>
    private sealed record Group(float[] Exemplars, int ExemplarCount, float[] Samples, int Count, float[] Again, float[] Before, int BeforeCount);
}
