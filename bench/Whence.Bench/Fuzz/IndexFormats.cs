using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench.Fuzz;

/// <summary>An index of two parts in which one file is damaged: opened, read, searched, verified, and changed.</summary>
internal static class IndexFormats
{
    private const int Dimension = 8;

    public static EncoderSpec Spec { get; } = new()
    {
        Name = "test",
        Dimension = Dimension,
        Preprocessing = new PreprocessingSpec { Resize = 256, Crop = 224, Mean = [0.5f, 0.4f, 0.3f], Std = [0.2f, 0.3f, 0.4f] },
        Model = new ModelFile { File = "test.onnx", Sha256 = new string('a', 64), Input = "x", Output = "y" },
        Licence = "CC0-1.0",
        Origin = "nowhere",
    };

    public static IEnumerable<FuzzFormat> All()
    {
        var files = Build();
        foreach (var (name, weight, damaged) in new[]
        {
            ("whence.json", 4, new[] { "whence.json" }),
            ("index metadata", 3, ["metadata/part-00000.parquet", "metadata/part-00001.parquet"]),
            ("index features", 2, ["features/part-00000.npy"]),
            ("index failures", 1, ["failures.parquet"]),
            ("index removals", 1, ["removed.parquet"]),
        })
        {
            yield return new FuzzFormat(
                name, weight, [.. damaged.Select(path => new FuzzSeed($"index/{path}", files[path], [.. files.Where(f => f.Key != path).Select(f => ($"index/{f.Key}", f.Value))]))], Read)
            { IsText = name == IndexManifest.FileName };
        }
    }

    private static Dictionary<string, byte[]> Build()
    {
        var folder = Directory.CreateTempSubdirectory("whence-fuzz-index-").FullName;
        try
        {
            var blank = new IndexManifest { Encoder = Spec.Name, EncoderSpec = Spec, Dimension = Dimension, Type = ElementType.F16, Parts = [] };
            using (var writer = new IndexWriter(folder, blank, 6))
            {
                writer.AddFailure(new FailedImage("/pictures/bad.jpg", "bad.jpg", "the file is cut off"));
                for (var i = 0; i < 9; i++)
                {
                    var extra = new Dictionary<string, string> { ["creator"] = $"person {i % 3}" };
                    writer.Add(
                        new IndexedImage { Id = -1, Source = $"/pictures/{i}.jpg", Key = $"{i}.jpg", Width = i, Height = 7, Sha256 = $"{i:x64}", Caption = i % 2 == 0 ? "a caption" : null, Extra = extra },
                        [.. Enumerable.Range(i, Dimension).Select(x => (float)Math.Cos(x))]);
                }

                writer.Commit();
            }

            IndexRemoval.Remove(folder, [2], []);
            return Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                .Where(path => !Path.GetFileName(path).StartsWith('.'))
                .Order(StringComparer.Ordinal)
                .ToDictionary(path => Path.GetRelativePath(folder, path), File.ReadAllBytes);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Read(Attempt attempt)
    {
        var folder = Path.Combine(attempt.Folder, "index");
        Use(attempt, folder);

        // Who damages a file can write its checksum too: behind the check the readers are on their own.
        attempt.Try(() =>
        {
            var manifest = IndexManifest.Load(folder);
            (manifest with
            {
                Parts = [.. manifest.Parts.Select(part => part with
                {
                    FeaturesSha256 = HashOf(Path.Combine(folder, part.FeaturesFile)),
                    MetadataSha256 = HashOf(Path.Combine(folder, part.MetadataFile)),
                })],
            }).Save(folder);
            Use(attempt, folder);
        });
    }

    private static string HashOf(string path) => RegularFile.Guard(path, () => Checksum.Of(path));

    private static void Use(Attempt attempt, string folder)
    {
        attempt.Try(() =>
        {
            var index = FeatureIndex.Open(folder);
            attempt.Try(() => _ = index.ReadMetadata().Select(image => image.ToMetadata().Count).Sum());
            attempt.Try(() => index.ReadFailures());
            attempt.Try(() => index.ReadFeatures([0, Math.Max(0, index.Count - 1)]));
            attempt.Try(() => index.FindImages([0, Math.Max(0, index.Count - 1)]));
            attempt.Try(() =>
            {
                using var search = ExactSearch.Open(index, new() { Threads = 2 });
                search.Nearest(new FeatureMatrix(1, index.Manifest.Dimension, new float[index.Manifest.Dimension]), 5);
            });
        });
        attempt.Try(() => IndexVerification.Verify(folder));
        attempt.Try(() => IndexRemoval.Remove(folder, [1], []));
        attempt.Try(() => IndexRemoval.Remove(folder, [], ["*/5.jpg", "4.jpg"]));
        attempt.Try(() => FeatureIndex.Open(folder));
        attempt.Try(() =>
        {
            using var writer = new IndexWriter(folder, FeatureIndex.Open(folder).Manifest with { Parts = [] }, 6);
            writer.Add(new IndexedImage { Id = -1, Source = "/pictures/new.jpg", Key = "new.jpg" }, new float[writer.Manifest.Dimension]);
            writer.Commit();
        });
    }
}
