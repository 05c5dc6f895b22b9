using Whence.Datasets;
using Whence.Files;

namespace Whence.Torch.Mapping;

/// <summary>Features to train or validate with, and the file that they came from.</summary>
/// <param name="Features">Exemplars and synthesized images of models.</param>
/// <param name="Sha256">SHA-256 of the file, lower-case hexadecimal; empty where there is none.</param>
public sealed record TrainingFeatures(TestCaseFeatures Features, string Sha256 = "")
{
    /// <summary>Loads a features file (<see cref="TestCaseFeatures.Load"/>).</summary>
    /// <exception cref="WhenceException">Missing, damaged, or no features of a test case.</exception>
    public static TrainingFeatures Load(string path) => new(TestCaseFeatures.Load(path), RegularFile.Guard(path, () => Checksum.Of(path)));
}
