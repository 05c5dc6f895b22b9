using System.Globalization;
using System.Text;
using CsvHelper;
using Whence.Files;

namespace Whence.Reports;

/// <summary>What an epoch of a training measured. The losses are means over its pairs, each measured before the step that it belongs to.</summary>
public sealed record TrainingEpoch
{
    /// <summary>From 1; 0 stands for what training begins with, of which only <see cref="Recall"/> is known.</summary>
    public required int Epoch { get; init; }

    /// <summary>Learning rate of the epoch's first step.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Eq. 4: the contrastive loss and the weighted regulariser.</summary>
    public double? Loss { get; init; }

    /// <summary>The part of Eq. 3 that seeks a synthesized image's exemplar.</summary>
    public double? SynthToReal { get; init; }

    /// <summary>The part of Eq. 3 that seeks an exemplar's synthesized image.</summary>
    public double? RealToSynth { get; init; }

    /// <summary>L_reg of Eq. 4, not weighted: how far W and W~ are from rotations; 0 for mappers without.</summary>
    public double? Regularizer { get; init; }

    /// <summary>Recall@K on the validation split after the epoch, in [0, 1]; null where it was not measured.</summary>
    public double? Recall { get; init; }
}

/// <summary>The course of a training as CSV (<c>docs/formats.md</c>), a row an epoch.</summary>
public static class TrainingCurve
{
    private static readonly string[] Columns = ["epoch", "learning_rate", "loss", "synth_to_real", "real_to_synth", "regularizer"];

    /// <summary>Writes the file beside its place and renames it.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="epochs">In order.</param>
    /// <param name="recallAt">K of Recall@K, which names the last column.</param>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<TrainingEpoch> epochs, int recallAt)
    {
        ArgumentNullException.ThrowIfNull(epochs);
        AtomicFile.Write(path, stream =>
        {
            using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
            using var csv = new CsvWriter(text, CultureInfo.InvariantCulture);
            foreach (var column in (string[])[.. Columns, FormattableString.Invariant($"recall@{recallAt}")])
            {
                csv.WriteField(column);
            }

            csv.NextRecord();
            foreach (var epoch in epochs)
            {
                csv.WriteField(epoch.Epoch);
                foreach (var value in (double?[])[epoch.LearningRate, epoch.Loss, epoch.SynthToReal, epoch.RealToSynth, epoch.Regularizer, epoch.Recall])
                {
                    csv.WriteField(value);
                }

                csv.NextRecord();
            }
        });
    }
}
