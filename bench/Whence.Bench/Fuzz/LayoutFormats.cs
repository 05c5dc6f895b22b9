using System.Diagnostics;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Whence.Calibration;
using Whence.Mapping;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench.Fuzz;

/// <summary>
/// An index of two parts with its search layouts, one without and one with a mapper, in which one file is damaged: searched in every
/// way, verified and mended. Damage that is not covered up must be refused or change no answer.
/// </summary>
internal static class LayoutFormats
{
    private const int Dimension = 8, MappedDimension = 6, Queries = 3;

    // The first part is longer than a chunk.
    private const int Rows = LayoutPart.ChunkRows + 11, PartRows = LayoutPart.ChunkRows + 6;

    private static readonly Mapper?[] Mappers =
        [null, new LinearMapper(Dimension, MappedDimension, Numbers(2, MappedDimension * Dimension), Numbers(3, MappedDimension))];

    private static readonly Dictionary<string, byte[]> Files = [];
    private static readonly double[][] Expected = new double[Mappers.Length][];

    public static IEnumerable<FuzzFormat> All()
    {
        Build();
        foreach (var (name, ending) in new[] { ("layout table", "layout.json"), ("layout rows", ".rows"), ("layout mapped rows", ".npy") })
        {
            var damaged = Files.Keys.Where(path => path.StartsWith("search", StringComparison.Ordinal) && path.EndsWith(ending, StringComparison.Ordinal));
            yield return new FuzzFormat(
                name, 1, [.. damaged.Select(path => new FuzzSeed($"index/{path}", Files[path], [.. Files.Where(f => f.Key != path).Select(f => ($"index/{f.Key}", f.Value))]))], Read)
            { IsText = ending == "layout.json", Repair = ending == ".npy" ? Repair.Npy : null };
        }
    }

    private static void Build()
    {
        var folder = Directory.CreateTempSubdirectory("whence-fuzz-layout-").FullName;
        try
        {
            var blank = new IndexManifest { Encoder = "test", Dimension = Dimension, Type = ElementType.F16, Parts = [] };
            using (var writer = new IndexWriter(folder, blank, PartRows))
            {
                for (var i = 0; i < Rows; i++)
                {
                    writer.Add(new IndexedImage { Id = -1, Source = $"/pictures/{i}.jpg", Key = $"{i}.jpg" }, Numbers(100 + i, Dimension));
                }

                writer.Commit();
            }

            IndexRemoval.Remove(folder, [2], []);
            for (var m = 0; m < Mappers.Length; m++)
            {
                Expected[m] = Answer(folder, Mappers[m], build: false, map: true);
                Answer(folder, Mappers[m], build: true, map: true);
            }

            foreach (var path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal))
            {
                Files[Path.GetRelativePath(folder, path)] = File.ReadAllBytes(path);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Read(Attempt attempt)
    {
        var folder = Path.Combine(attempt.Folder, "index");
        var map = attempt.Number % 2 == 0;
        Search(attempt, folder, build: false, map, Expected);

        // What verify finds is all that keeps a search from answering, and what it deletes is made again.
        var sound = Copy(folder, Path.Combine(attempt.Folder, "mended"));
        IndexRepair.DeleteLayouts(IndexVerification.Verify(sound));
        for (var m = 0; m < Mappers.Length; m++)
        {
            Require(Answer(sound, Mappers[m], build: true, map), Expected[m]);
        }

        if (!FeatureIndex.Open(sound).FindLayouts().All(layout => layout.IsComplete))
        {
            throw new UnreachableException("the layout was not made again");
        }

        // Who damages a file can write its hashes too: behind the check the readers are on their own.
        foreach (var m in Enumerable.Range(0, Mappers.Length))
        {
            Fit(FeatureIndex.Open(folder), SearchLayout.Find(FeatureIndex.Open(folder), Mappers[m]), Mappers[m]?.OutputDimension ?? Dimension);
        }

        Search(attempt, folder, build: false, !map, null);
        attempt.Try(() => IndexVerification.Verify(folder));
        Search(attempt, folder, build: true, map, null);
    }

    private static void Search(Attempt attempt, string folder, bool build, bool map, double[][]? expected)
    {
        for (var m = 0; m < Mappers.Length; m++)
        {
            double[]? answer = null;
            if (attempt.Try(() => answer = Answer(folder, Mappers[m], build, map)) && expected is not null)
            {
                Require(answer!, expected[m]);
            }
        }
    }

    private static void Require(double[] answer, double[] expected)
    {
        if (!answer.AsSpan().SequenceEqual(expected))
        {
            throw new UnreachableException("another answer than that of the undamaged index");
        }
    }

    /// <summary>Everything that can be asked, in numbers; k decides whether int8 rows or the rows themselves are scanned.</summary>
    private static double[] Answer(string folder, Mapper? mapper, bool build, bool map)
    {
        using var search = ExactSearch.Open(FeatureIndex.Open(folder), new() { Mapper = mapper, Threads = 2, BuildLayout = build, Map = map });
        var queries = new FeatureMatrix(Queries, search.Dimension, Numbers(1, Queries * search.Dimension));
        Normalization.NormalizeRows(queries.Span, queries.Columns);
        long[][] ids = [[0, 5], [PartRows, PartRows - 1, 2], []];
        float[][] matches =
        [
            .. new[] { 1, 5, Rows / 2 }.SelectMany(k => search.Nearest(queries, k)).Concat(search.Within(queries, 0.05f)).Concat(search.Above(queries, [0.9f, 0, 0.5f]))
                .Select(found => found.SelectMany(match => new[] { match.Id, match.Similarity }).ToArray()),
            .. search.Similarities(queries, ids),
        ];
        return
        [
            .. matches.SelectMany(numbers => numbers).Select(number => (double)number),
            .. search.Ranks(queries, [[0.9f, 0.2f], [-1], [0, 1, 0.7f]]).SelectMany(ranks => ranks).Select(rank => (double)rank),
            .. search.Influences(queries, Calibrator.Unfitted).Select(influence => influence.Of(0.5f)),
        ];
    }

    /// <summary>Length, header and every hash of each part's rows, as far as the table of contents and the mapped rows can be read.</summary>
    private static void Fit(FeatureIndex index, SearchLayout layout, int dimension)
    {
        foreach (var part in index.Manifest.Parts.Where(part => layout.Find(part) is not null))
        {
            var bytes = File.ReadAllBytes(layout.RowsPath(part));
            Array.Resize(ref bytes, (int)LayoutPart.FileLength(part.Rows, dimension));
            LayoutPart.Header(part.Rows, dimension).CopyTo(bytes, 0);
            using var rows = Open();
            var hashes = MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan(bytes.Length - (LayoutPart.Chunks(part.Rows) * sizeof(ulong))));
            for (var chunk = 0; chunk < hashes.Length; chunk++)
            {
                var first = chunk * LayoutPart.ChunkRows;
                var count = Math.Min(LayoutPart.ChunkRows, part.Rows - first);
                var held = bytes.AsSpan(LayoutChunk.Alignment + (chunk * LayoutChunk.Length(LayoutPart.ChunkRows, dimension)), LayoutChunk.Length(count, dimension));
                var rowHashes = MemoryMarshal.Cast<byte, ulong>(held[LayoutChunk.RowHashes(count, dimension)..]);
                for (var row = 0; rows is not null && row < count; row++)
                {
                    rowHashes[row] = XxHash3.HashToUInt64(rows.RowBytes(first + row));
                }

                hashes[chunk] = XxHash3.HashToUInt64(held);
            }

            File.WriteAllBytes(layout.RowsPath(part), bytes);
            layout.Add(part, LayoutPart.TableHash(part.Rows, dimension, hashes));

            NpyFile? Open()
            {
                try
                {
                    return layout.IsMapped ? layout.OpenMapped(part, dimension) : index.OpenFeatures(part);
                }
                catch (WhenceException)
                {
                    return null;
                }
            }
        }
    }

    private static string Copy(string from, string to)
    {
        foreach (var path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target, overwrite: true);
        }

        return to;
    }

    private static float[] Numbers(int seed, int count) => [.. Enumerable.Range(0, count).Select(i => (float)Math.Sin((seed * 12.9898) + (i * 78.233)))];
}
