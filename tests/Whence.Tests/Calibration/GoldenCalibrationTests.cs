using System.Text.Json;
using Whence.Calibration;
using Whence.Vectors;

namespace Whence.Tests.Calibration;

/// <summary>The authors' loss, gradients and a training of 200 steps, at the tolerances of their README.</summary>
public sealed class GoldenCalibrationTests : IDisposable
{
    private const int Batches = 8, BatchSize = 64, Candidates = 500;

    private readonly string _folder = SharedData.Get("reference", "calibration");
    private readonly JsonDocument _expected;
    private readonly float[] _scores;
    private readonly int[] _exemplars;
    private readonly CalibrationLoss _loss;

    public GoldenCalibrationTests()
    {
        _expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "expected.json")));
        using var file = SafetensorsFile.Open(Path.Combine(_folder, "scores.safetensors"));
        _scores = file.ReadSingle("scores");
        var rows = Enumerable.Range(0, Batches * BatchSize).Select(Row).ToArray();
        _exemplars = [.. file.ReadInt64("counts").Select(c => (int)c)];
        _loss = new CalibrationLoss(new SimilarityTable(rows, _exemplars), threads: 2);
    }

    public void Dispose() => _expected.Dispose();

    [Fact]
    public void Losses_and_gradients_are_the_authors()
    {
        using var forward = SafetensorsFile.Open(Path.Combine(_folder, "forward.safetensors"));
        foreach (var (k, pair) in _expected.RootElement.GetProperty("pairs").EnumerateArray().Index())
        {
            var (inverseTau, bias) = (pair.GetProperty("inv_tau").GetDouble(), pair.GetProperty("bias").GetDouble());
            var losses = forward.ReadSingle($"loss_per_row.{k}");
            foreach (var (row, gradient) in _loss.OfEach(0, BatchSize, inverseTau, bias).Index())
            {
                AssertClose(losses[row], gradient.Loss, 1e-5, 1e-5);
            }

            var mean = _loss.Of(0, BatchSize, inverseTau, bias);
            AssertClose(pair.GetProperty("loss").GetDouble(), mean.Loss, 1e-5, 1e-5);
            AssertClose(pair.GetProperty("grad_inv_tau").GetDouble(), mean.ByInverseTau, 1e-4, 0);
            AssertClose(pair.GetProperty("grad_bias").GetDouble(), mean.ByBias, 1e-4, 0);
        }
    }

    [Fact]
    public void Two_hundred_steps_go_the_authors_way()
    {
        var fit = CalibrationFit.Run(_loss, new CalibrationFitOptions { BatchSize = BatchSize });
        var trajectory = _expected.RootElement.GetProperty("trajectory");
        foreach (var (i, step) in trajectory.GetProperty("step").EnumerateArray().Select(s => s.GetInt32()).Index())
        {
            Assert.Equal(trajectory.GetProperty("loss")[i].GetDouble(), fit.Steps[step].Loss, 1e-4);
            Assert.Equal(trajectory.GetProperty("inv_tau")[i].GetDouble(), fit.Steps[step].InverseTau, 0.001);
            Assert.Equal(trajectory.GetProperty("bias")[i].GetDouble(), fit.Steps[step].Bias, 0.001);
        }

        var final = _expected.RootElement.GetProperty("final");
        Assert.Equal(final.GetProperty("inv_tau").GetDouble(), fit.InverseTau, 0.001);
        Assert.Equal(final.GetProperty("bias").GetDouble(), fit.Bias, 0.001);
    }

    [Fact]
    public void The_fitted_influences_are_the_authors()
    {
        var calibrator = Calibrator.Load(Path.Combine(_folder, "calibrator.pth"));
        using var file = SafetensorsFile.Open(Path.Combine(_folder, "final_assignments.safetensors"));
        var (assignments, nonzero, mass) = (file.ReadSingle("assignments"), file.ReadInt64("nonzero"), file.ReadSingle("gt_mass"));
        for (var row = 0; row < BatchSize; row++)
        {
            var similarities = Row(BatchSize + row);
            var influence = calibrator.Normalize(similarities);
            for (var i = 0; i < Candidates; i++)
            {
                Assert.Equal(assignments[(row * Candidates) + i], influence.Of(similarities[i]), 2e-5);
            }

            Assert.Equal(mass[row], similarities.Take(_exemplars[BatchSize + row]).Sum(influence.Of), 1e-4);
            var threshold = influence.SmallestSimilarity;
            if (!similarities.Any(s => Math.Abs(s - threshold) < 2e-5 * calibrator.Tau / calibrator.Lambda))
            {
                Assert.Equal(nonzero[row], influence.Nonzero);
            }
        }
    }

    [Fact]
    public void A_checkpoint_is_read_and_written_again()
    {
        using var temp = new TempFolder();
        var read = Calibrator.Load(Path.Combine(_folder, "calibrator.pth"));
        read.Save(temp["c.pth"]);
        var again = Calibrator.Load(temp["c.pth"]);
        Assert.Equal(read.Tau, again.Tau, read.Tau * 1e-7);
        Assert.Equal(read.Lambda, again.Lambda, Math.Abs(read.Lambda) * 1e-6);
    }

    private float[] Row(int row) => _scores.AsSpan(row * Candidates, Candidates).ToArray();

    private static void AssertClose(double expected, double actual, double relative, double absolute) =>
        Assert.True(Math.Abs(expected - actual) <= absolute + (relative * Math.Abs(expected)), $"{actual}, expected {expected}");
}
