using System.Formats.Tar;
using System.Text;
using Parquet;
using Parquet.Schema;
using Whence.Images;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench.Fuzz;

/// <summary>Image sources, metadata tables, and clip-retrieval's folders.</summary>
internal static class SourceFormats
{
    private const int Rows = 12;
    private static readonly CompressionMethod[] Methods = [CompressionMethod.None, CompressionMethod.Snappy, CompressionMethod.Gzip, CompressionMethod.Zstd];

    public static IEnumerable<FuzzFormat> All()
    {
        var npy = VectorFormats.Npy(stream => NpyFile.Write(stream, [.. Enumerable.Range(0, Rows * 4).Select(i => (Half)i)], 4));
        var metadata = Parquet(CompressionMethod.Snappy, 6, "image_path");
        yield return new FuzzFormat("tar", 3, [.. new[] { TarEntryFormat.Pax, TarEntryFormat.Gnu, TarEntryFormat.Ustar, TarEntryFormat.V7 }.Select(f => new FuzzSeed("s.tar", Tar(f)))], ReadSource)
        {
            Repair = Repair.Tar,
        };
        yield return new FuzzFormat("parquet images", 4, [.. Methods.Select((m, i) => new FuzzSeed("s.parquet", Parquet(m, i % 2 == 0 ? Rows : 5, "key", "image")))], ReadSource);
        yield return new FuzzFormat("parquet table", 3, [.. Methods.Select((m, i) => new FuzzSeed("t.parquet", Parquet(m, i % 2 == 0 ? 5 : Rows, "key")))], ReadTable);
        yield return new FuzzFormat(
            "text tables",
            2,
            [
                new FuzzSeed("t.csv", "key,creator,caption\na.jpg,\"A, B\",x\nb.jpg,\"say \"\"hi\"\"\",y\nc.jpg,3,z\n"u8.ToArray()),
                new FuzzSeed("t.tsv", "path\tlicence\na.jpg\tCC0\nb.jpg\tCC BY\n"u8.ToArray()),
                new FuzzSeed("t.jsonl", "{\"key\": \"a\", \"n\": 1.5, \"l\": [1, {\"x\": null}]}\n{\"key\": \"b\", \"caption\": \"\\ud83d\\ude00\", \"t\": true}\n"u8.ToArray()),
            ],
            ReadTable)
        { IsText = true };
        yield return new FuzzFormat(
            "import of clip",
            1,
            [new FuzzSeed("c/img_emb_0.npy", npy, ("c/metadata_0.parquet", metadata)), new FuzzSeed("c/metadata_0.parquet", metadata, ("c/img_emb_0.npy", npy))],
            attempt => attempt.Try(async () => await EmbeddingImport.FromClipRetrievalAsync(Path.Combine(attempt.Folder, "c"), Path.Combine(attempt.Folder, "index"), new())));
    }

    private static byte[] Image(int i) => [0xFF, 0xD8, .. Encoding.ASCII.GetBytes(new string((char)('a' + i), 20 + i))];

    private static byte[] Tar(TarEntryFormat format)
    {
        using var bytes = new MemoryStream();
        using (var writer = new TarWriter(bytes, format, leaveOpen: true))
        {
            foreach (var name in new[] { "000", "001", format is TarEntryFormat.Pax or TarEntryFormat.Gnu ? new string('n', 120) + "/002" : "002" })
            {
                Add(name + ".jpg", Image(name.Length % 7));
                Add(name + ".txt", "a caption"u8.ToArray());
                Add(name + ".json", "{\"key\": \"k\", \"width\": 3, \"url\": \"https://example.org/\"}"u8.ToArray());
            }

            void Add(string name, byte[] content)
            {
                TarEntry entry = format switch
                {
                    TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, name, [new("path", name)]),
                    TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name),
                    TarEntryFormat.V7 => new V7TarEntry(TarEntryType.V7RegularFile, name),
                    _ => new UstarTarEntry(TarEntryType.RegularFile, name),
                };
                entry.ModificationTime = DateTimeOffset.UnixEpoch;
                entry.DataStream = new MemoryStream(content);
                writer.WriteEntry(entry);
            }
        }

        return bytes.ToArray();
    }

    private static byte[] Parquet(CompressionMethod method, int groupSize, string key, string? image = null)
    {
        var fields = new List<DataField> { new(key, typeof(string), false), new("caption", typeof(string), true), new("width", typeof(int), true), new("score", typeof(double), true), new("licence", typeof(string), true) };
        if (image is not null)
        {
            fields.Add(new DataField(image, typeof(byte[]), true));
        }

        return WriteAsync().GetAwaiter().GetResult();

        async Task<byte[]> WriteAsync()
        {
            using var stream = new MemoryStream();
            var schema = new ParquetSchema(fields);
            await using (var writer = await ParquetWriter.CreateAsync(schema, stream, new ParquetOptions { CompressionMethod = method }))
            {
                for (var first = 0; first < Rows; first += groupSize)
                {
                    using var group = writer.CreateRowGroup();
                    int[] rows = [.. Enumerable.Range(first, Math.Min(groupSize, Rows - first))];
                    await group.WriteAsync(schema.DataFields[0], rows.Select(i => $"folder/{i:D4}.jpg").ToArray());
                    await group.WriteAsync(schema.DataFields[1], rows.Select(i => i % 3 == 0 ? null : $"caption {i}").ToArray());
                    await group.WriteAsync<int>(schema.DataFields[2], rows.Select(i => i % 4 == 0 ? (int?)null : i).ToArray());
                    await group.WriteAsync<double>(schema.DataFields[3], rows.Select(i => (double?)Math.Sqrt(i)).ToArray());
                    await group.WriteAsync(schema.DataFields[4], rows.Select(i => i % 2 == 0 ? "CC0" : "CC BY").ToArray());
                    if (image is not null)
                    {
                        await group.WriteAsync(schema.DataFields[5], rows.Select(Image).ToArray());
                    }
                }
            }

            return stream.ToArray();
        }
    }

    // Every image, and the first of them once more by its locator.
    private static void ReadSource(Attempt attempt) => attempt.Try(async () =>
    {
        var again = 3;
        await foreach (var item in ImageSources.EnumerateAsync([attempt.File], 1 << 28, CancellationToken.None))
        {
            if (attempt.Try(async () => await item.ReadAsync(CancellationToken.None)) && again-- > 0)
            {
                attempt.Try(async () => await ImageSources.ReadAsync(item.Source, 1 << 28, CancellationToken.None));
            }
        }
    });

    private static void ReadTable(Attempt attempt) => attempt.Try(async () =>
    {
        var table = await MetadataTable.LoadAsync(attempt.File, CancellationToken.None);
        var item = new ImageItem("/x/folder/0003.jpg", "folder/0003.jpg", _ => throw new NotSupportedException());
        _ = (table.Find(item).Count, table.FindCaption(item));
    });
}
