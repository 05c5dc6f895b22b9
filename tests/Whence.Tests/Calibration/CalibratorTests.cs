using System.Text.Json;
using FsCheck.Xunit;
using Whence.Calibration;
using Whence.Vectors;

namespace Whence.Tests.Calibration;

public class CalibratorTests
{
    private const float Atol = 2e-5f; // golden data: inv_tau up to 300 multiplies the rounding of the scores

    [Fact]
    public void Equals_the_reference_for_every_pair_of_parameters()
    {
        var folder = SharedData.Get("reference", "calibration");
        using var scores = SafetensorsFile.Open(Path.Combine(folder, "scores.safetensors"));
        using var forward = SafetensorsFile.Open(Path.Combine(folder, "forward.safetensors"));
        using var expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")));
        var batch = scores.ReadSingle("scores").AsSpan(0, 64 * 500).ToArray();
        foreach (var (k, pair) in expected.RootElement.GetProperty("pairs").EnumerateArray().Index())
        {
            var (calibrator, offset) = FromPair(pair);
            var assignments = forward.ReadSingle($"assignments.{k}");
            var nonzero = forward.ReadInt64($"assignments_nonzero.{k}");
            for (var row = 0; row < 64; row++)
            {
                var similarities = batch.AsSpan(row * 500, 500).ToArray();
                var influence = calibrator.Normalize(similarities);
                if (row < 8)
                {
                    for (var i = 0; i < 500; i++)
                    {
                        Assert.Equal(assignments[(row * 500) + i], influence.Of(similarities[i]), Atol);
                    }
                }

                var best = similarities.Max();
                var near = similarities.Any(s => Math.Abs(Math.Exp((s - best) / calibrator.Tau) + offset) < Atol);
                if (!near)
                {
                    Assert.Equal(nonzero[row], influence.Nonzero);
                }
            }
        }
    }

    [Property(MaxTest = 200)]
    public bool Influences_are_shares_and_sum_to_one(int seed, byte count)
    {
        var random = new Random(seed);
        var similarities = Enumerable.Range(0, count + 1).Select(_ => (random.NextSingle() * 2) - 1).ToArray();
        var influence = new Calibrator { Tau = 0.01 + random.NextDouble(), Lambda = (random.NextDouble() * 2) - 1 }
            .Normalize(similarities);
        var shares = similarities.Select(influence.Of).ToArray();
        return shares.All(p => p is >= 0 and <= 1) && Math.Abs(shares.Sum() - 1) < 1e-9 && shares.Count(p => p > 0) == influence.Nonzero;
    }

    [Property(MaxTest = 200)]
    public bool More_similar_never_means_less_influence(float a, float b)
    {
        var (x, y) = (Math.Clamp(float.IsFinite(a) ? a : 0, -1, 1), Math.Clamp(float.IsFinite(b) ? b : 0, -1, 1));
        var influence = Calibrator.Unfitted.Normalize([x, y, 1]);
        return (x <= y) ? influence.Of(x) <= influence.Of(y) : influence.Of(x) >= influence.Of(y);
    }

    [Fact]
    public void A_removed_image_has_no_share_even_below_a_negative_threshold()
    {
        var influence = new Calibrator { Tau = 1, Lambda = -0.5 }.Normalize([0.5f, float.NaN, 0.25f]);
        Assert.Equal(0, influence.Of(float.NaN));
        Assert.Equal(2, influence.Nonzero);
        Assert.Equal(1, influence.Of(0.5f) + influence.Of(0.25f), 12);
    }

    [Fact]
    public void Influence_ends_where_the_published_values_say()
    {
        var influence = Calibrator.Unfitted.Normalize([0.9f]);
        Assert.Equal(0.9 - 0.2016, influence.SmallestSimilarity, 1e-4);
        Assert.Equal(0, influence.Of((float)influence.SmallestSimilarity - 0.001f));
        Assert.True(influence.Of((float)influence.SmallestSimilarity + 0.001f) > 0);
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(-1, 0.1)]
    [InlineData(double.NaN, 0.1)]
    [InlineData(1, 1)]
    [InlineData(1e7, 0.1)]
    [InlineData(1, -1e7)]
    public void Refuses_impossible_parameters(double tau, double lambda) =>
        Assert.Throws<ArgumentException>(() => new Calibrator { Tau = tau, Lambda = lambda }.Normalize([1]));

    [Fact]
    public void Reads_the_authors_checkpoint()
    {
        var folder = SharedData.Get("reference", "calibration");
        using var expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")));
        var final = expected.RootElement.GetProperty("final");
        var calibrator = Calibrator.Load(Path.Combine(folder, "calibrator.pth"));
        Assert.Equal(1 / final.GetProperty("inv_tau").GetDouble(), calibrator.Tau, 1e-6);
        Assert.Equal(-0.001 * final.GetProperty("bias").GetDouble(), calibrator.Lambda, 1e-6);
        Assert.False(calibrator.Fitted); // the file does not say for which encoder
    }

    [Fact]
    public void Reads_its_own_format()
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["c.json"], """{"format":"whence-calibration","version":1,"tau":0.1,"lambda":0.02,"encoder":"resnet18"}""");
        Assert.Equal(new Calibrator { Tau = 0.1, Lambda = 0.02, Encoder = "resnet18", Origin = "read from c.json" }, Calibrator.Load(temp["c.json"]));
    }

    [Fact]
    public void Writes_all_that_it_reads()
    {
        using var temp = new TempFolder();
        var calibrator = new Calibrator
        {
            Tau = 0.0612345678901234,
            Lambda = -0.0385,
            None = new NoneOfThese(4.5, -9.25),
            Encoder = "dïno",
            Mapper = new string('a', 64),
            Domain = "drawings",
            Fit = new CalibrationProvenance
            {
                Features = [new("val_artchive", "0f")],
                Distractors = 1_000_000,
                Queries = 4096,
                Top = 100_000,
                Seed = 3,
                Steps = 200,
                BatchSize = 4096,
                LearningRate = 0.5,
                DivergenceBefore = 9.25,
                DivergenceAfter = 2.125,
            },
        };
        calibrator.Save(temp["c.json"]);
        var read = Calibrator.Load(temp["c.json"]);
        Assert.Equal(calibrator.Fit.Features, read.Fit!.Features);
        Assert.Equal(calibrator with { Origin = read.Origin, Fit = null }, read with { Fit = null });
        Assert.Equal(calibrator.Fit with { Features = [] }, read.Fit with { Features = [] });
        var bytes = File.ReadAllBytes(temp["c.json"]);
        read.Save(temp["c.json"]);
        Assert.Equal(bytes, File.ReadAllBytes(temp["c.json"]));
    }

    [Theory]
    [InlineData("""{"format":"whence-calibration","version":1,"tau":0.1,"lambda":0.02,"none":{"intercept":1,"slope":2}}""")]
    [InlineData("""{"format":"whence-calibration","version":1,"tau":0.1,"lambda":0.02,"none":{"intercept":1}}""")]
    [InlineData("""{"format":"whence-calibration","version":1,"tau":0.1,"lambda":0.02,"mapper":"m.pth"}""")]
    [InlineData("""{"format":"whence-calibration","version":1,"tau":0.1,"lambda":0.02,"fit":{"queries":3}}""")]
    [InlineData("""{"format":"whence-calibration","version":2,"tau":0.1,"lambda":0.02}""")]
    [InlineData("""{"format":"whence-calibration","version":1,"tau":-0.1,"lambda":0.02}""")]
    [InlineData("""{"tau":0.1,"lambda":0.02}""")]
    [InlineData("""[]""")]
    [InlineData("null")]
    [InlineData("{")]
    public void Refuses_a_file_that_is_no_calibration(string json)
    {
        using var temp = new TempFolder();
        File.WriteAllText(temp["c.json"], json);
        Assert.Contains(temp["c.json"], Assert.Throws<WhenceException>(() => Calibrator.Load(temp["c.json"])).Message, StringComparison.Ordinal);
    }

    private static (Calibrator Calibrator, double Offset) FromPair(JsonElement pair)
    {
        var (inverseTau, bias) = (pair.GetProperty("inv_tau").GetDouble(), pair.GetProperty("bias").GetDouble());
        return (new Calibrator { Tau = 1 / inverseTau, Lambda = -0.001 * bias }, 0.001 * bias);
    }
}
