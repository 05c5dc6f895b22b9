using System.Formats.Tar;
using System.IO.Compression;

namespace Whence.Datasets.Emoji;

/// <summary>An npm package's archive (<c>.tgz</c>) in memory. Nothing is written to the disk, and an entry's name is only ever compared.</summary>
internal static class PackageArchive
{
    /// <summary>Largest archive.</summary>
    public const int MaxBytes = 1 << 26;

    /// <summary>Largest content, unpacked.</summary>
    public const int MaxUnpacked = 1 << 28;

    private const string Root = "package/";

    /// <summary>Takes some files out of an archive.</summary>
    /// <param name="archive">The bytes of the archive.</param>
    /// <param name="where">What it is, for messages.</param>
    /// <param name="wanted">Names of files, below the package's root.</param>
    /// <returns>The files that are there, by name.</returns>
    /// <exception cref="WhenceException">Damaged, or larger than <see cref="MaxUnpacked"/>.</exception>
    public static Dictionary<string, byte[]> Read(byte[] archive, string where, params IReadOnlyCollection<string> wanted)
    {
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        try
        {
            using var unpacked = Unpack(archive, where);
            using var tar = new TarReader(unpacked);
            while (found.Count < wanted.Count && tar.GetNextEntry() is { } entry)
            {
                if (entry is { EntryType: TarEntryType.RegularFile or TarEntryType.V7RegularFile, DataStream: { } data }
                    && entry.Name.StartsWith(Root, StringComparison.Ordinal) && wanted.Contains(entry.Name[Root.Length..]))
                {
                    if (data.Length > unpacked.Length)
                    {
                        throw new InvalidDataException($"an entry claims {data.Length:N0} of {unpacked.Length:N0} bytes.");
                    }

                    var bytes = new byte[data.Length];
                    data.ReadExactly(bytes);
                    found[entry.Name[Root.Length..]] = bytes;
                }
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException or FormatException or ArgumentException or OverflowException)
        {
            throw new WhenceException($"{where}: is no package's archive, or damaged: {Files.RegularFile.OneLine(e.Message)}", e);
        }

        return found;
    }

    private static MemoryStream Unpack(byte[] archive, string where)
    {
        using var packed = new GZipStream(new MemoryStream(archive), CompressionMode.Decompress);
        var unpacked = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int read; (read = packed.Read(buffer)) > 0;)
        {
            if (unpacked.Length + read > MaxUnpacked)
            {
                throw new WhenceException($"{where}: unpacks to more than {MaxUnpacked:N0} bytes");
            }

            unpacked.Write(buffer, 0, read);
        }

        unpacked.Position = 0;
        return unpacked;
    }
}
