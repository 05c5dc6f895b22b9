using Whence.Search;

namespace Whence.Torch.Study;

/// <summary>What the names of a recipe's files say.</summary>
internal static class SourceNames
{
    /// <summary>Whether a file lists the images of a test case, which must become features first.</summary>
    public static bool IsTestCaseOfImages(string file) =>
        file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".json.gz", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether distractors are images, which must become features first: neither an index nor a file of features.</summary>
    public static bool AreImages(string distractors) => Directory.Exists(distractors)
        ? !File.Exists(Path.Combine(distractors, IndexManifest.FileName))
        : Path.GetExtension(distractors.Split("::")[0]).ToLowerInvariant() is not (".npy" or ".npz" or ".safetensors" or ".pth" or ".pt");
}
