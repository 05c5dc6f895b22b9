using System.Globalization;
using System.Text.Json.Nodes;

namespace Whence.Bench.Diffusion;

/// <summary>Steps of training and of sampling with the networks of the reference, beside the same networks in PyTorch.</summary>
internal static class DiffusionBench
{
    private const int Rounds = 5;

    // What the peer is asked; the last number is the steps of a round.
    private static readonly (string What, string Command)[] Rows =
    [
        ("decoding, batch 2, latents of 16 x 16", "decode 2 16 300"),
        ("DDIM with guidance, batch 2, latents of 8 x 8", "sample 2 8 100"),
        ("DDIM with guidance, batch 4, latents of 16 x 16", "sample 4 16 20"),
        ("training all weights, batch 8, latents of 8 x 8", "full 8 8 20"),
        ("training all weights, batch 8, latents of 16 x 16", "full 8 16 8"),
        ("Custom Diffusion, batch 4, latents of 8 x 8", "custom 4 30"),
        ("Custom Diffusion, batch 8, latents of 8 x 8", "custom 8 20"),
    ];

    public static JsonObject Run(string[] args)
    {
        var reference = Repository.Shared("reference");
        var threads = Environment.ProcessorCount;
        using var model = new TinyModel(reference);
        using var peer = new Peer("diffusion.py", threads, reference, $"{threads}");
        Console.WriteLine($"the reference's networks, {threads} threads; Python's {peer.Ask("ready")}");
        var check = peer.Ask("check");
        Console.WriteLine($"the peer's deviations from the reference: {check}\n");
        Console.WriteLine($"{"",-52}{"Whence steps/s",15}{"PyTorch steps/s",17}{"ratio",8}{"rounds",16}{"result differs by",19}");
        var rows = new JsonArray();
        foreach (var (what, command) in Rows.Where(row => args.Length == 0 || args.Contains(row.Command.Split(' ')[0])))
        {
            var words = command.Split(' ');
            int[] numbers = [.. words.Skip(1).Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
            var (ours, theirs) = (0.0, 0.0);
            var seconds = Bench.Rounds.Seconds(Rounds, 1, Ours, Theirs);
            double[] ratios = [.. seconds[0].Zip(seconds[1], (a, b) => b / a).Order()];
            var steps = numbers[^1];
            var (own, other) = (steps / Bench.Rounds.Median(seconds[0]), steps / Bench.Rounds.Median(seconds[1]));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{what,-52}{own,15:F2}{other,17:F2}{own / other,8:F2}{$"{ratios[0]:F2} to {ratios[^1]:F2}",16}{Math.Abs(ours - theirs) / Math.Abs(theirs),19:E1}"));
            rows.Add(new JsonObject { ["what"] = what, ["stepsPerSecond"] = own, ["peer"] = other, ["ratio"] = own / other, ["result"] = ours, ["peerResult"] = theirs });

            double Ours() => Bench.Rounds.Time(() => ours = words[0] switch
            {
                "custom" => model.Customize(numbers[0], numbers[1]),
                "full" => model.Train(numbers[0], numbers[1], numbers[2]),
                "sample" => model.Sample(numbers[0], numbers[1], numbers[2]),
                _ => model.Decode(numbers[0], numbers[1], numbers[2]),
            });

            double Theirs()
            {
                var answer = peer.Ask(command).Split(' ');
                theirs = double.Parse(answer[1], CultureInfo.InvariantCulture);
                return double.Parse(answer[0], CultureInfo.InvariantCulture);
            }
        }

        Console.WriteLine();
        return new JsonObject { ["threads"] = threads, ["peerDeviations"] = JsonNode.Parse(check), ["rows"] = rows };
    }
}
