using System.Runtime.CompilerServices;
using Whence.Files;

namespace Whence.Images;

/// <summary>A text file that names one image a line, relative to its own folder; empty lines and lines that begin with # are passed over.</summary>
internal static class ListSource
{
    public static bool HasListName(string name) => Path.GetExtension(name).ToUpperInvariant() is ".TXT" or ".LST";

    public static async IAsyncEnumerable<ImageItem> EnumerateAsync(
        string list, long maxFileBytes, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var folder = Path.GetDirectoryName(list)!;
        await foreach (var (number, text) in TextLines.ReadAsync(list, cancellationToken).ConfigureAwait(false))
        {
            var line = text.Trim();
            if (line.Length > 0 && line[0] != '#')
            {
                yield return line.Contains('\0')
                    ? ImageItem.Failed($"{list}::{number}", "", new WhenceException($"{list}: line {number} is not a path; is it a text file?"))
                    : ImageFile.Item(Path.GetFullPath(line, folder), line.Replace(Path.DirectorySeparatorChar, '/'), maxFileBytes);
            }
        }
    }
}
