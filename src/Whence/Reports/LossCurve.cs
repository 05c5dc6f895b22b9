using System.Globalization;
using System.Text;
using CsvHelper;
using Whence.Files;

namespace Whence.Reports;

/// <summary>What some steps of a training of networks measured: means over these steps, each measured before its step.</summary>
public sealed record LossPoint
{
    /// <summary>What was trained: <c>autoencoder</c>, <c>unet</c> or <c>encoder</c>.</summary>
    public required string Stage { get; init; }

    /// <summary>The last of the steps, from 1.</summary>
    public required long Step { get; init; }

    /// <summary>Learning rate of that step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>What is minimised.</summary>
    public required double Loss { get; init; }

    /// <summary>Length of the gradient before it was clipped.</summary>
    public required double Gradient { get; init; }

    /// <summary>Of an autoencoder: mean absolute error of the pixels, which go from -1 to 1. Of an encoder of images and texts: share of the images to which another's caption is more similar than their own, in [0, 1].</summary>
    public double? Error { get; init; }

    /// <summary>Of an autoencoder: mean divergence of a latent value from the standard normal distribution.</summary>
    public double? Divergence { get; init; }
}

/// <summary>The course of such a training as CSV (<c>docs/formats.md</c>).</summary>
public static class LossCurve
{
    /// <summary>Writes the file beside its place and renames it.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="points">In order.</param>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<LossPoint> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        AtomicFile.Write(path, stream =>
        {
            using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
            using var csv = new CsvWriter(text, CultureInfo.InvariantCulture);
            foreach (var column in (string[])["stage", "step", "learning_rate", "loss", "gradient", "error", "divergence"])
            {
                csv.WriteField(column);
            }

            csv.NextRecord();
            foreach (var point in points)
            {
                csv.WriteField(point.Stage);
                csv.WriteField(point.Step);
                foreach (var value in (double?[])[point.LearningRate, point.Loss, point.Gradient, point.Error, point.Divergence])
                {
                    csv.WriteField(value);
                }

                csv.NextRecord();
            }
        });
    }
}
