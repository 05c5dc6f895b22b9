using System.Globalization;
using System.Text.Json.Nodes;
using Whence.Datasets;
using Whence.Reports;
using Whence.Torch.Mapping;
using Whence.Vectors;

namespace Whence.Bench.Training;

/// <summary>Training at the paper's size, beside the same loop in PyTorch: same features, same pairs, same losses.</summary>
internal static class TrainBench
{
    private const int Models = 4744, Dimension = 768, Queries = 40, Batch = 1024, Epochs = 100, PeerRounds = 3, PeerEpochs = 4;

    public static JsonObject Run(string[] args)
    {
        var threads = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        var temporary = Directory.CreateTempSubdirectory("whence-bench-").FullName;
        try
        {
            var features = new Rotation(Dimension, degrees: 60, seed: 1).Models("train", Models, Queries, noise: 2.5);
            var options = new MapperTrainingOptions { Batch = Batch, Epochs = Epochs, Threads = threads };
            WriteFor(temporary, features, options);
            using var peer = new Peer("train.py", threads, temporary, $"{threads}", $"{Batch}", $"{Epochs}");
            Console.WriteLine($"{Models} models x {Queries} queries, d {Dimension}, batch {Batch}, {threads} threads; PyTorch {peer.Ask("ready")}");

            // A first training warms libtorch and the runtime; then whole trainings of ours and some epochs of the peer in turns.
            new MapperTrainer([new TrainingFeatures(features)], options with { Epochs = 1 }).Train("warm");
            var (ours, theirs, losses) = (new List<double>(), new List<double>(), new List<double>());
            IReadOnlyList<TrainingEpoch> curve = [];
            for (var round = 0; round < PeerRounds; round++)
            {
                for (var epoch = 0; epoch < PeerEpochs; epoch++)
                {
                    var answer = peer.Ask("epoch").Split(' ');
                    theirs.Add(double.Parse(answer[0], CultureInfo.InvariantCulture));
                    losses.Add(double.Parse(answer[1], CultureInfo.InvariantCulture));
                }

                ours.Add(Rounds.Time(() => curve = new MapperTrainer([new TrainingFeatures(features)], options).Train("bench").Curve));
            }

            var (our, peerEpoch) = (Rounds.Median(ours), Rounds.Median(theirs.Skip(1)));
            var difference = losses.Index().Max(l => Math.Abs(l.Item - curve[l.Index].Loss!.Value));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"Whence: {our:F1} s for {Epochs} epochs ({ours.Min():F1} to {ours.Max():F1}); PyTorch: {peerEpoch:F3} s an epoch ({theirs.Skip(1).Min():F3} to {theirs.Max():F3}), times {Epochs}: {peerEpoch * Epochs:F1} s; ratio {peerEpoch * Epochs / our:F2}"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"largest difference of {losses.Count} epochs' losses: {difference:E1}; last loss {curve[^1].Loss:F4}"));
            return new JsonObject
            {
                ["threads"] = threads,
                ["seconds"] = our,
                ["peerSecondsScaled"] = peerEpoch * Epochs,
                ["ratio"] = peerEpoch * Epochs / our,
                ["lossDifference"] = difference,
            };
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static void WriteFor(string folder, TestCaseFeatures features, MapperTrainingOptions options)
    {
        Write("exemplars.npy", features.Exemplars.Span, Dimension);
        var joined = new float[features.Prompts.Sum(p => p.Features.Span.Length)];
        var at = 0;
        foreach (var prompt in features.Prompts)
        {
            prompt.Features.Span.CopyTo(joined.AsSpan(at));
            at += prompt.Features.Span.Length;
        }

        Write("synthesized.npy", joined, Dimension);
        var set = new TrainingSet([features], [new bool[Models]], maskBy: null);
        var first = features.Prompts[0].Features;
        var rows = Enumerable.Range(1, PeerRounds * PeerEpochs).SelectMany(epoch => set.Draw(options.Seed, epoch))
            .SelectMany(p => new float[] { p.RealRow, p.SynthRow + (p.Synth == first ? 0 : first.Rows) }); // below 2^24: exact
        Write("pairs.npy", [.. rows], 2);

        void Write(string name, ReadOnlySpan<float> values, int columns)
        {
            using var stream = File.Create(Path.Combine(folder, name));
            NpyFile.Write(stream, values, columns);
        }
    }
}
