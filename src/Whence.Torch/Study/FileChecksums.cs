using Whence.Files;
using Whence.Search;

namespace Whence.Torch.Study;

/// <summary>SHA-256 of files, each read once in a run.</summary>
internal sealed class FileChecksums
{
    private readonly Dictionary<string, string> _known = new(StringComparer.Ordinal);

    /// <exception cref="WhenceException">It cannot be read.</exception>
    public string Of(string path) => _known.TryGetValue(path, out var known) ? known : _known[path] = RegularFile.Guard(path, () => Checksum.Of(path));

    /// <summary>Of distractors: a features file, perhaps with the name of an array in it, or the folder of an index.</summary>
    public string OfDistractors(string location) => Directory.Exists(location)
        ? _known.TryGetValue(location, out var known) ? known : _known[location] = Mapping.TrainingValidation.KeyOf(FeatureIndex.Open(location))
        : Vectors.FeatureFile.Split(location) is var (path, name) && name is null ? Of(path) : $"{Of(path)}::{name}";

    /// <summary>Forgets the files of a folder, since they change.</summary>
    public void Forget(string folder)
    {
        foreach (var path in _known.Keys.Where(path => path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)).ToArray())
        {
            _known.Remove(path);
        }
    }
}
