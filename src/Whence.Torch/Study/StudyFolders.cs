using System.Text;
using Whence.Search;

namespace Whence.Torch.Study;

/// <summary>What names of files and folders say.</summary>
internal static class StudyFolders
{
    /// <summary>Name of a folder after that of a space or a variant: small letters, digits, <c>+ . _</c>, all else hyphens. Empty where no letter or digit is in it.</summary>
    public static string NameOf(string name)
    {
        var folder = new StringBuilder();
        foreach (var c in name.ToLowerInvariant())
        {
            if (char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '+' or '.' or '_')
            {
                folder.Append(c);
            }
            else if (folder is not [.., '-'])
            {
                folder.Append('-');
            }
        }

        var text = folder.ToString().Trim('-', '.');
        return text.AsSpan().ContainsAnyInRange('a', 'z') || text.AsSpan().ContainsAnyInRange('0', '9') ? text : "";
    }

    /// <summary>Whether a file lists the images of a test case, which must become features first.</summary>
    public static bool IsTestCaseOfImages(string file) =>
        file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".json.gz", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether distractors are images, which must become features first: neither an index nor a file of features.</summary>
    public static bool AreImages(string distractors) => Directory.Exists(distractors)
        ? !File.Exists(Path.Combine(distractors, IndexManifest.FileName))
        : Path.GetExtension(distractors.Split("::")[0]).ToLowerInvariant() is not (".npy" or ".npz" or ".safetensors" or ".pth" or ".pt");
}
