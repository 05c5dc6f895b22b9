using Whence.Images;

namespace Whence.Torch.Customization;

/// <summary>The image files that people mean by files and folders.</summary>
public static class ExemplarFiles
{
    /// <summary>Files as they are, and the images of folders in the order of their names, without those of folders below.</summary>
    /// <param name="paths">Files and folders.</param>
    /// <exception cref="WhenceException">A folder holds no image, or a path is empty.</exception>
    public static IReadOnlyList<string> In(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var files = new List<string>();
        foreach (var path in paths)
        {
            if (string.IsNullOrEmpty(path))
            {
                throw new WhenceException("The path of an image is empty; name a file or a folder.");
            }

            if (!Directory.Exists(path))
            {
                files.Add(path);
                continue;
            }

            var found = Directory.EnumerateFiles(path).Where(ImageFile.HasImageName).Order(StringComparer.Ordinal).ToArray();
            files.AddRange(found.Length > 0 ? found : throw new WhenceException($"'{path}': holds no images; name the folder that they lie in."));
        }

        return files;
    }
}
