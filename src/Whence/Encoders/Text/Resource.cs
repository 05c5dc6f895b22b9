using System.Text;

namespace Whence.Encoders.Text;

/// <summary>What the assembly carries for this folder.</summary>
internal static class Resource
{
    /// <summary>Opens a resource by its name.</summary>
    public static Stream Open(string name) =>
        typeof(Resource).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The assembly lacks {name}.");

    /// <summary>The lines of a text.</summary>
    public static IEnumerable<string> Lines(string name)
    {
        using var reader = new StreamReader(Open(name), Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
