using System.Security.Cryptography;
using Whence.Datasets;

namespace Whence.Torch.Mapping;

/// <summary>Features to train or validate with, and the file that they came from.</summary>
/// <param name="Features">Exemplars and synthesized images of models.</param>
/// <param name="Sha256">SHA-256 of the file, lower-case hexadecimal; empty where there is none.</param>
public sealed record TrainingFeatures(TestCaseFeatures Features, string Sha256 = "")
{
    /// <summary>Loads a features file (<see cref="TestCaseFeatures.Load"/>).</summary>
    /// <exception cref="WhenceException">Missing, damaged, or no features of a test case.</exception>
    public static TrainingFeatures Load(string path)
    {
        var features = TestCaseFeatures.Load(path);
        try
        {
            using var stream = File.OpenRead(path);
            return new TrainingFeatures(features, Convert.ToHexStringLower(SHA256.HashData(stream)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WhenceException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
