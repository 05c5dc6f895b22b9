using System.Formats.Tar;
using System.Text;
using FsCheck;
using Parquet;
using Parquet.Schema;
using Whence.Images;

namespace Whence.Tests.Images;

/// <summary>Writes small sources with other people's writers, and reads them with ours.</summary>
internal static class Shards
{
    public const long Limit = 1 << 20;

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    public static string Put(TempFolder folder, string name, string content)
    {
        var path = folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    public static string Tar(string path, TarEntryFormat format, params (string Name, string Content)[] entries)
    {
        using var writer = new TarWriter(File.Create(path), format);
        foreach (var (name, content) in entries)
        {
            TarEntry entry = format switch
            {
                TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, name),
                TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name),
                TarEntryFormat.V7 => new V7TarEntry(TarEntryType.V7RegularFile, name),
                _ => new UstarTarEntry(TarEntryType.RegularFile, name),
            };
            entry.DataStream = new MemoryStream(Bytes(content));
            writer.WriteEntry(entry);
        }

        return path;
    }

    /// <summary>Columns of strings, byte arrays or nullable scalars; each row group holds <paramref name="groupSize"/> rows.</summary>
    public static async Task<string> ParquetAsync(
        string path, int groupSize, CompressionMethod compression, Field[] fields, params object[] columns)
    {
        var schema = new ParquetSchema(fields);
        await using var file = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(schema, file, new ParquetOptions { CompressionMethod = compression });
        var rows = ((System.Collections.ICollection)columns[0]).Count;
        for (var start = 0; start < rows; start += groupSize)
        {
            using var group = writer.CreateRowGroup();
            for (var i = 0; i < columns.Length; i++)
            {
                var (field, range) = (schema.DataFields[i], start..Math.Min(start + groupSize, rows));
                await (columns[i] switch
                {
                    string?[] text => group.WriteAsync(field, text[range]),
                    byte[]?[] bytes => group.WriteAsync(field, bytes[range]),
                    int[] numbers => group.WriteAsync<int>(field, numbers[range]),
                    int?[] numbers => group.WriteAsync<int>(field, numbers[range]),
                    double?[] numbers => group.WriteAsync<double>(field, numbers[range]),
                    bool?[] truths => group.WriteAsync<bool>(field, truths[range]),
                    DateTime?[] times => group.WriteAsync<DateTime>(field, times[range]),
                    _ => throw new NotSupportedException(),
                });
            }
        }

        return path;
    }

    /// <summary>Five images in row groups of two: <c>key</c>, <c>jpg</c>, <c>caption</c>, <c>width</c>, <c>similarity</c>.</summary>
    public static Task<string> FiveRowsAsync(string path, CompressionMethod compression = CompressionMethod.Snappy) => ParquetAsync(
        path,
        2,
        compression,
        [
            new DataField<string>("key"), new DataField<byte[]>("jpg"), new DataField<string>("caption"), new DataField<int?>("width"),
            new DataField<double?>("similarity"),
        ],
        new string?[] { "k0", "k1", null, "k3", "k4" },
        new byte[]?[] { Bytes("image 0"), Bytes("image 1"), Bytes("image 2"), null, Bytes("image 4") },
        new string?[] { "a cat", null, "a dog", "nothing", "a hat" },
        new int?[] { 1, 2, 3, 4, 5 },
        new double?[] { 0.1, null, 1e300, 0, -2.5 });

    public static async Task<List<ImageItem>> ListAsync(params string[] sources)
    {
        var items = new List<ImageItem>();
        await foreach (var item in ImageSources.EnumerateAsync(sources, Limit, TestContext.Current.CancellationToken))
        {
            items.Add(item);
        }

        return items;
    }

    public static async Task<string[]> KeysAsync(params string[] sources) => [.. (await ListAsync(sources)).Select(item => item.Key)];

    public static ValueTask<ImageContent> ReadAsync(ImageItem item) => item.ReadAsync(TestContext.Current.CancellationToken);

    public static async Task<string> ErrorAsync(ImageItem item)
    {
        var message = (await Assert.ThrowsAsync<WhenceException>(async () => await ReadAsync(item))).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    public static async Task<string> ErrorAsync(params string[] sources)
    {
        var message = (await Assert.ThrowsAsync<WhenceException>(() => ListAsync(sources))).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    public static ValueTask<byte[]> AgainAsync(string locator) =>
        ImageSources.ReadAsync(locator, Limit, TestContext.Current.CancellationToken);

    /// <summary>
    /// Changes one to four bytes anywhere, and at times cuts the end or repeats a piece. The seed comes unsized: the sizes that
    /// properties are given otherwise stay small, and would only ever touch the first bytes.
    /// </summary>
    public static byte[] Mutate(byte[] bytes, DoNotSize<int> seed)
    {
        var random = new Random(seed.Item);
        var mutated = bytes.ToArray();
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            ref var place = ref mutated[random.Next(mutated.Length)];
            place = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(place ^ (1 << random.Next(8))), _ => (byte)(place + 1) };
        }

        var (from, to) = (random.Next(mutated.Length), random.Next(1, mutated.Length));
        return random.Next(8) switch
        {
            0 => mutated[..to],
            1 => [.. mutated[..to], .. mutated[from..]],
            _ => mutated,
        };
    }

    /// <summary>Every way to read a source that may be broken: only a <see cref="WhenceException"/> may come out.</summary>
    public static async Task ReadAllAsync(string source)
    {
        var failures = 0;
        await foreach (var item in ImageSources.EnumerateAsync([source], Limit, CancellationToken.None))
        {
            try
            {
                _ = await item.ReadAsync(CancellationToken.None);
                _ = await ImageSources.ReadAsync(item.Source, Limit, CancellationToken.None);
            }
            catch (WhenceException)
            {
                if (++failures == 50)
                {
                    break; // a broken group has as many failures as rows
                }
            }
        }
    }
}
