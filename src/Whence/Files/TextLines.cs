using System.Runtime.CompilerServices;
using System.Text;

namespace Whence.Files;

/// <summary>The lines of a UTF-8 text file, one at a time; no line is allowed to fill the memory.</summary>
internal static class TextLines
{
    /// <summary>Longest line in characters.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>Streams the lines without their ends (LF or CR LF), numbered from 1.</summary>
    /// <exception cref="WhenceException">The file cannot be read, or a line is longer than <see cref="MaxLength"/>.</exception>
    public static async IAsyncEnumerable<(long Number, string Text)> ReadAsync(
        string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(new FileStream(RegularFile.Open(path), FileAccess.Read, 1 << 16, isAsync: true), Encoding.UTF8);
        var block = new char[1 << 14];
        var line = new StringBuilder();
        var number = 0L;
        for (int count; (count = await ReadBlockAsync(path, reader, block, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            for (var start = 0; start < count;)
            {
                var end = Array.IndexOf(block, '\n', start, count - start);
                var stop = end < 0 ? count : end;
                if (line.Length + stop - start > MaxLength)
                {
                    throw new WhenceException($"{path}: line {number + 1} is longer than {MaxLength} characters; is it a text file?");
                }

                line.Append(block, start, stop - start);
                start = stop + 1;
                if (end >= 0)
                {
                    yield return (++number, Take(line));
                }
            }
        }

        if (line.Length > 0)
        {
            yield return (++number, Take(line));
        }
    }

    private static string Take(StringBuilder line)
    {
        var text = line.Length > 0 && line[^1] == '\r' ? line.ToString(0, line.Length - 1) : line.ToString();
        line.Clear();
        return text;
    }

    private static async ValueTask<int> ReadBlockAsync(string path, StreamReader reader, char[] block, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadAsync(block.AsMemory(), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (RegularFile.IsInputError(error))
        {
            throw RegularFile.Unreadable(path, error);
        }
    }
}
