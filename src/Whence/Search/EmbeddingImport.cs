using System.Globalization;
using System.Runtime.CompilerServices;
using Whence.Encoders;
using Whence.Files;
using Whence.Images;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>Makes an index from features that other programs extracted.</summary>
public static class EmbeddingImport
{
    /// <summary>The encoder that a manifest names where nobody said which one made a clip-retrieval folder.</summary>
    internal const string ClipRetrieval = "clip-retrieval";

    /// <summary>Options of an import.</summary>
    public sealed record Options
    {
        /// <summary>The encoder that made the features, so that queries can be encoded; null where unknown.</summary>
        public EncoderSpec? Encoder { get; init; }

        /// <summary>Rows of a part. Default 4096.</summary>
        public int PartSize { get; init; } = 4096;

        /// <summary>How features are stored: F16 (default) or F32.</summary>
        public ElementType Type { get; init; } = ElementType.F16;
    }

    /// <summary>
    /// Imports a clip-retrieval folder: <c>img_emb/img_emb_*.npy</c> with <c>metadata/metadata_*.parquet</c> (or all in one
    /// folder). Its embeddings are already L2-normalised, which the manifest records.
    /// </summary>
    /// <returns>Rows imported, and rows passed over because their source is in the index already.</returns>
    /// <exception cref="WhenceException">A file is missing or the two do not have the same number of rows.</exception>
    public static async Task<IndexProgress> FromClipRetrievalAsync(
        string source, string folder, Options options, IProgress<IndexProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var features = Files(source, "img_emb", "*.npy");
        var metadata = Files(source, "metadata", "*.parquet");
        if (features.Length == 0 || features.Length != metadata.Length)
        {
            throw new WhenceException(
                $"{source}: found {features.Length} img_emb_*.npy and {metadata.Length} metadata_*.parquet, expected as many of one as of the other; give the folder that clip-retrieval wrote.");
        }

        using var first = NpyFile.Open(features[0]);
        using var writer = Open(folder, ClipRetrieval, first.Columns, normalized: true, options);
        var (imported, total) = (0L, 0L);
        for (var i = 0; i < features.Length; i++)
        {
            using var file = NpyFile.Open(features[i]);
            await using var table = await ParquetTable.OpenAsync(metadata[i], cancellation);
            var rows = Enumerable.Range(0, table.RowGroupCount).Sum(group => (long)table.RowsIn(group));
            if (rows != file.Rows || file.Columns != first.Columns)
            {
                throw new WhenceException(
                    $"{features[i]}: {file.Rows} x {file.Columns}, but {metadata[i]} has {rows} rows and the first file {first.Columns} columns; the two do not belong together.");
            }

            var row = 0L;
            var feature = new float[file.Columns];
            await foreach (var image in ReadRowsAsync(table, cancellation))
            {
                if (writer.IsNew(image.Source))
                {
                    file.ReadRows(row, feature);
                    writer.Add(image, feature);
                    imported++;
                }

                row++;
            }

            total += rows;
            progress?.Report(new IndexProgress(imported, 0, total - imported));
        }

        writer.Commit();
        return new IndexProgress(imported, 0, total - imported);
    }

    /// <summary>
    /// Imports a file of raw features (<see cref="FeatureFile"/>): the authors' <c>{"feats": [N, D], "paths": [...]}</c>, .npy, .npz or .safetensors.
    /// A row's source is its path, or its place in the file where that names none.
    /// </summary>
    /// <returns>Rows imported, and rows passed over because their path is in the index already.</returns>
    /// <exception cref="WhenceException">The file is not laid out so.</exception>
    public static IndexProgress FromFeatures(
        string path, string folder, Options options, IProgress<IndexProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var file = FeatureFile.Open(path);
        using var writer = Open(folder, "features", file.Columns, normalized: false, options);
        var feature = new float[file.Columns];
        var imported = 0L;
        for (var i = 0; i < file.Rows; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var name = file.Names?[i] ?? $"{Path.GetFullPath(path)}::{i}";
            if (writer.IsNew(name))
            {
                file.ReadRows(i, feature);
                writer.Add(new IndexedImage { Id = -1, Source = name, Key = Path.GetFileName(name) }, feature);
                imported++;
            }

            progress?.Report(new IndexProgress(imported, 0, i + 1 - imported));
        }

        writer.Commit();
        return new IndexProgress(imported, 0, file.Rows - imported);
    }

    // clip-retrieval names a row by its path or url; where there is neither, its place in the file has to do.
    private static async IAsyncEnumerable<IndexedImage> ReadRowsAsync(
        ParquetTable table, [EnumeratorCancellation] CancellationToken cancellation)
    {
        for (var (group, first) = (0, 0L); group < table.RowGroupCount; first += table.RowsIn(group), group++)
        {
            var columns = new Dictionary<string, string?[]>();
            foreach (var column in table.Columns.Where(ParquetTable.IsScalar))
            {
                columns[ParquetTable.NameOf(column)] = await table.ReadTextAsync(group, column, cancellation);
            }

            for (var row = 0; row < table.RowsIn(group); row++)
            {
                var values = columns.Where(c => c.Value[row] is not null).ToDictionary(c => c.Key, c => c.Value[row]!);
                var place = $"{Path.GetFullPath(table.Path)}::{first + row}";
                var source = Take("image_path") ?? values.GetValueOrDefault("url") ?? place;
                yield return new IndexedImage
                {
                    Id = -1, // the writer gives it
                    Source = source,
                    Key = Take("key") ?? Path.GetFileName(source),
                    Width = Number("width"),
                    Height = Number("height"),
                    Sha256 = Take("sha256"),
                    Caption = Take("caption") ?? Take("TEXT"),
                    Extra = values.DistinctBy(v => MetadataNames.ForTable(v.Key)).ToDictionary(v => MetadataNames.ForTable(v.Key), v => v.Value),
                };

                string? Take(string name) => values.Remove(name, out var value) ? value : null;
                int? Number(string name) =>
                    int.TryParse(Take(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
            }
        }
    }

    private static IndexWriter Open(string folder, string unknownEncoder, int dimension, bool normalized, Options options)
    {
        if (options.Encoder is { } encoder && encoder.Dimension != dimension)
        {
            throw new WhenceException($"--encoder {encoder.Name} gives {encoder.Dimension} values, the features have {dimension}; name the encoder that made them.");
        }

        return new IndexWriter(
            folder,
            new IndexManifest
            {
                Encoder = options.Encoder?.Name ?? unknownEncoder,
                EncoderSpec = options.Encoder,
                Dimension = dimension,
                Type = options.Type,
                Normalized = normalized,
                Parts = [],
            },
            options.PartSize);
    }

    private static string[] Files(string source, string name, string ending)
    {
        if (!Directory.Exists(source))
        {
            throw new WhenceException($"{source}: no such folder.");
        }

        var nested = Path.Combine(source, name);
        return Directory.GetFiles(Directory.Exists(nested) ? nested : source, name + "_" + ending).Order(new NumberOrder()).ToArray();
    }

    // img_emb_2 comes before img_emb_10, as clip-retrieval numbers them.
    private sealed class NumberOrder : IComparer<string>
    {
        public int Compare(string? x, string? y) => (Number(x), x).CompareTo((Number(y), y));

        private static long Number(string? path) =>
            long.TryParse(Path.GetFileNameWithoutExtension(path)?.Split('_')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : long.MaxValue;
    }
}
