using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Evaluation;
using Whence.Torch.Mapping;
using Whence.Vectors;

namespace Whence.Bench.Training;

/// <summary>Does training find a rotation that is known, and what does it do without the regulariser?</summary>
internal static class RotationBench
{
    private const int Dimension = 256, Distractors = 20_000, Queries = 8, TestModels = 300;
    private const double Degrees = 60, Noise = 2.5;

    public static JsonObject Run(string[] args)
    {
        var threads = Environment.ProcessorCount;
        var rotation = new Rotation(Dimension, Degrees, seed: 1);
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var path = Path.Combine(temporary, "distractors.safetensors");
            SafetensorsFile.Write(path, [TensorData.FromSingle("features", rotation.Normal(Distractors * Dimension), Distractors, Dimension)]);
            using var distractors = DistractorIndex.Open(path);
            var test = rotation.Models("test", TestModels, Queries, Noise);
            var validation = new TrainingValidation { Distractors = distractors.Index, MostDistractors = 0, MostQueries = 0 };
            var meter = new RecallMeter([test], validation, threads);
            var (before, ceiling) = (meter.Recall(null, default), meter.Recall(rotation.Truth(), default));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"recall@10 of models not trained with: before {before:F3}, ceiling (the true rotation undone) {ceiling:F3}"));
            var rows = new JsonArray();
            foreach (var models in args.Length > 0 ? [int.Parse(args[0], CultureInfo.InvariantCulture)] : new[] { 100, 300, 1000, 4000 })
            {
                var train = rotation.Models("train", models, Queries, Noise);
                var own = new RecallMeter([train], validation with { MostQueries = 1200 }, threads);
                foreach (var options in new[]
                {
                    new MapperTrainingOptions(), new MapperTrainingOptions { Regularizer = 0 }, new MapperTrainingOptions { Kind = MapperKind.Channel },
                    new MapperTrainingOptions { Kind = MapperKind.Mlp },
                })
                {
                    var clock = System.Diagnostics.Stopwatch.StartNew();
                    var trained = new MapperTrainer([new TrainingFeatures(train)], options).Train("rotation");
                    var seconds = clock.Elapsed.TotalSeconds;
                    var (after, onOwn) = (meter.Recall(trained.Mappers, default), own.Recall(trained.Mappers, default));
                    var name = options.Kind == MapperKind.Linear ? options.Regularizer > 0 ? "linear" : "linear, not regularised" : options.Kind.ToString().ToLowerInvariant();
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{models,5} models, {name,-24} test {after:F3}  own {onOwn:F3}  loss {trained.Curve[^1].Loss:F3}  L_reg {trained.Curve[^1].Regularizer:F2}  {seconds:F1} s"));
                    rows.Add(new JsonObject { ["models"] = models, ["mapper"] = name, ["test"] = after, ["own"] = onOwn });
                }
            }

            return new JsonObject { ["before"] = before, ["ceiling"] = ceiling, ["trained"] = rows };
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }
}
