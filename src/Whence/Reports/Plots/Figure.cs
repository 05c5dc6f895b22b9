using Whence.Files;

namespace Whence.Reports;

/// <summary>A drawn figure. The same data gives the same bytes.</summary>
/// <param name="Name">Name of its files, without extension.</param>
/// <param name="Title">What it says at its top.</param>
/// <param name="Width">In CSS pixels; the PNG has twice as many.</param>
/// <param name="Height">In CSS pixels.</param>
/// <param name="Png">The PNG file.</param>
/// <param name="Svg">The SVG file, its text as outlines with labels; empty for sheets of photographs.</param>
public sealed record Figure(string Name, string Title, int Width, int Height, ReadOnlyMemory<byte> Png, ReadOnlyMemory<byte> Svg)
{
    /// <summary>Writes <c>NAME.png</c> and, where there is one, <c>NAME.svg</c> beside their places and renames them.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <returns>The files.</returns>
    /// <exception cref="WhenceException">One cannot be written.</exception>
    public IReadOnlyList<string> Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var files = new List<string>();
        foreach (var (extension, bytes) in new[] { (".png", Png), (".svg", Svg) })
        {
            if (!bytes.IsEmpty)
            {
                files.Add(Path.Combine(folder, Name + extension));
                AtomicFile.Write(files[^1], stream => stream.Write(bytes.Span));
            }
        }

        return files;
    }
}
