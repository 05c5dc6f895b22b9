using System.Formats.Tar;
using System.Text;

namespace Whence.Datasets.Emoji;

/// <summary>Writes samples in WebDataset's layout: <c>KEY.json</c>, <c>KEY.png</c>, <c>KEY.txt</c>; the same samples give the same bytes.</summary>
internal sealed class SampleTar(Stream stream) : IDisposable
{
    private readonly TarWriter _tar = new(stream, TarEntryFormat.Ustar, leaveOpen: true);

    public int Count { get; private set; }

    public void Add(EmojiSample sample)
    {
        Add(sample.Key + ".json", sample.About);
        Add(sample.Key + ".png", sample.Png);
        Add(sample.Key + ".txt", Encoding.UTF8.GetBytes(sample.Caption));
        Count++;
    }

    /// <summary>Ends the archive; one without a sample is an archive too, which the writer would leave empty.</summary>
    public void Dispose()
    {
        _tar.Dispose();
        if (Count == 0)
        {
            stream.Write(new byte[1024]);
        }
    }

    private void Add(string name, byte[] content) => _tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name)
    {
        DataStream = new MemoryStream(content),
        ModificationTime = DateTimeOffset.UnixEpoch,
        Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
    });
}
