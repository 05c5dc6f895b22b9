using System.Formats.Tar;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MakeGallery;

/// <summary>Writes samples as adjacent entries KEY.json, KEY.png, KEY.txt of a ustar archive; the same input gives the same bytes.</summary>
internal static class WebDataset
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(string file, IEnumerable<Sample> samples)
    {
        using var archive = new TarWriter(File.Create(file), TarEntryFormat.Ustar);
        foreach (var sample in samples.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            Add(archive, sample.Key + ".json", Encoding.UTF8.GetBytes(sample.About.ToJsonString(Readable)));
            Add(archive, sample.Key + ".png", sample.Png);
            Add(archive, sample.Key + ".txt", Encoding.UTF8.GetBytes(sample.Caption));
        }
    }

    private static void Add(TarWriter archive, string name, byte[] content) =>
        archive.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = new MemoryStream(content),
            ModificationTime = DateTimeOffset.UnixEpoch,
            Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        });
}

/// <summary>One picture with its caption and what is known about it.</summary>
internal sealed record Sample(string Key, byte[] Png, string Caption, JsonObject About);
