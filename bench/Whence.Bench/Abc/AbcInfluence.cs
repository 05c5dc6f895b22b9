using System.Globalization;
using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Whence.Bench.BaseModel;
using Whence.Datasets.Abc;
using Whence.Encoders;
using Whence.Evaluation;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Bench.Abc;

/// <summary>
/// Is the influence real? How much more the samples of customized models are like their own exemplars than like those of other models of the same category or style, than like those of others, and than what
/// was drawn of the same words before. Means over models, differences with 95 % intervals over them.
/// </summary>
internal static class AbcInfluence
{
    private const int Resamples = 10_000;

    private static readonly string[] Encoders = [EncoderRegistry.DefaultName, "pixels"];

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
            string[] files = [.. models.SelectMany(m => m.Exemplars.Select(e => e.Path).Concat(m.Samples.Select(s => s.Path)))];
            var features = encoder.Encode(files.Length, i => ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(folder, files[i]))));
            figures[name] = Table(name, Compared(models, features), seed);
        }

        Console.WriteLine();
        figures["before"] = Table($"{EncoderRegistry.DefaultName}, by the check, beside what was drawn of the same words before", [.. models.Where(m => m.Check is not null).Select(m => new Likeness(m.Set, m.Check!.Similarity, null, m.Check.Uncustomized))], seed, "before");
        return figures;
    }

    private static List<Likeness> Compared(AbcRecord[] models, FeatureMatrix features)
    {
        var (exemplars, samples, row) = (new List<float[]>(), new List<Range>(), 0);
        foreach (var model in models)
        {
            exemplars.Add(Sum(row, model.Exemplars.Count));
            row += model.Exemplars.Count;
            samples.Add(row..(row + model.Samples.Count));
            row += model.Samples.Count;
        }

        return
        [
            .. models.Select((model, i) =>
            {
                var drawn = Sum(samples[i].Start.Value, model.Samples.Count);
                var (same, others) = (Enumerable.Range(0, models.Length).Where(j => j != i && models[j].Set == model.Set && KindOf(models[j]) == KindOf(model)), Enumerable.Range(0, models.Length).Where(j => models[j].Set == model.Set && KindOf(models[j]) != KindOf(model)));
                return new Likeness(model.Set, Mean([i]) ?? 0, Mean([.. same]), Mean([.. others]));

                // The mean of all cosines is the product of the sums: rows have length 1.
                double? Mean(int[] which) => which.Length == 0
                    ? null
                    : which.Sum(j => (double)TensorPrimitives.Dot<float>(drawn, exemplars[j])) / model.Samples.Count / which.Sum(j => models[j].Exemplars.Count);
            }),
        ];

        static string KindOf(AbcRecord model) => model.Category ?? model.Group;

        float[] Sum(int first, int count)
        {
            var sum = new float[features.Columns];
            for (var i = first; i < first + count; i++)
            {
                TensorPrimitives.Add(sum, features.Row(i), sum);
            }

            return sum;
        }
    }

    private static JsonArray Table(string title, IReadOnlyList<Likeness> models, int seed, string others = "others")
    {
        Console.WriteLine($"\nsimilarity of samples to exemplars, {title}");
        Console.WriteLine($"{"set",-20}{"models",8}{"own",8}{"alike",8}{others,8}{"own - alike",28}{$"own - {others}",28}");
        var rows = new JsonArray();
        foreach (var set in models.GroupBy(m => m.Set))
        {
            Likeness[] own = [.. set];
            Likeness[] alike = [.. own.Where(m => m.Alike is not null)], apart = [.. own.Where(m => m.Others is not null)];
            var (toAlike, toOthers) = (Difference(alike, m => m.Own - m.Alike!.Value), Difference(apart, m => m.Own - m.Others!.Value));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{set.Key,-20}{own.Length,8}{own.Average(m => m.Own),8:F3}{(alike.Length > 0 ? alike.Average(m => m.Alike!.Value) : double.NaN),8:F3}{(apart.Length > 0 ? apart.Average(m => m.Others!.Value) : double.NaN),8:F3}{Text(toAlike, alike.Length, own.Length),28}{Text(toOthers, apart.Length, own.Length),28}"));
            rows.Add(new JsonObject { ["set"] = set.Key, ["models"] = own.Length, ["own"] = own.Average(m => m.Own), ["ownLessAlike"] = Json(toAlike, alike.Length), ["ownLessOthers"] = Json(toOthers, apart.Length) });
        }

        return rows;

        (double Mean, double Low, double High)? Difference(Likeness[] of, Func<Likeness, double> difference)
        {
            if (of.Length == 0)
            {
                return null;
            }

            var values = Array.ConvertAll(of, m => difference(m));
            var interval = Bootstrap.Interval(new Bootstrap(of.Length, Resamples, new Random(seed)).Means(values, Array.ConvertAll(of, _ => 1)))!.Value;
            return (values.Average(), interval.Low, interval.High);
        }

        static string Text((double Mean, double Low, double High)? d, int count, int of) =>
            d is var (mean, low, high) ? string.Create(CultureInfo.InvariantCulture, $"{mean:F3} ({low:F3} to {high:F3}){(count < of ? $" of {count}" : "")}") : "";

        static JsonObject? Json((double Mean, double Low, double High)? d, int count) =>
            d is var (mean, low, high) ? new JsonObject { ["mean"] = mean, ["low"] = low, ["high"] = high, ["models"] = count } : null;
    }

    /// <summary>Mean similarities of a model's samples: to its own exemplars, to those of other models of its category or style, to all others of its set.</summary>
    private sealed record Likeness(string Set, double Own, double? Alike, double? Others);
}
