using System.Security.Cryptography;
using System.Text;
using Whence.Files;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Evaluation;

/// <summary>
/// Distractors ready to be searched: an index as it is, or a features file of which an index of float32 is made, one row a feature. That
/// index is kept in a folder named after the features' checksum, so that another run finds it and an interrupted one goes on; or it is temporary.
/// </summary>
public sealed class DistractorIndex : IDisposable
{
    private const int MostPartRows = 16_384;
    private const long MostPartValues = 1 << 24;
    private const int KeyLength = 16;
    private readonly string? _temporary;

    private DistractorIndex(FeatureIndex index, string? temporary) => (Index, _temporary) = (index, temporary);

    /// <summary>The distractors.</summary>
    public FeatureIndex Index { get; }

    /// <summary>Opens distractors.</summary>
    /// <param name="source">Folder of an index, or a features file (<see cref="FeatureFile"/>).</param>
    /// <param name="keep">Folder for indexes of features files, made where it is missing; null for a temporary one.</param>
    /// <param name="progress">Told how far the making of the index is; null for nobody.</param>
    /// <param name="cancellation">Stops between rows; what was written is kept where <paramref name="keep"/> says where.</param>
    /// <exception cref="WhenceException">Missing, damaged, or a feature is not finite.</exception>
    public static DistractorIndex Open(
        string source, string? keep = null, IProgress<LayoutProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        if (Directory.Exists(source))
        {
            return new DistractorIndex(FeatureIndex.Open(source), temporary: null);
        }

        using var file = FeatureFile.Open(source);
        if (keep is not null)
        {
            var key = Key(source, file.Path);
            return new DistractorIndex(Make(file, Path.Combine(keep, key), key, progress, cancellation), temporary: null);
        }

        var folder = Directory.CreateTempSubdirectory("whence-distractors-").FullName;
        try
        {
            return new DistractorIndex(Make(file, folder, "row", progress, cancellation), folder);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>Deletes the index where it is temporary.</summary>
    public void Dispose()
    {
        if (_temporary is not null && Directory.Exists(_temporary))
        {
            Directory.Delete(_temporary, recursive: true);
        }
    }

    private static FeatureIndex Make(FeatureFile file, string folder, string key, IProgress<LayoutProgress>? progress, CancellationToken cancellation)
    {
        if (File.Exists(Path.Combine(folder, IndexManifest.FileName)) && FeatureIndex.Open(folder) is var made && made.Count == file.Rows)
        {
            return made;
        }

        var blank = new IndexManifest { Encoder = "features", Dimension = file.Columns, Type = ElementType.F32, Parts = [] };
        using (var writer = new IndexWriter(folder, blank, (int)Math.Clamp(MostPartValues / file.Columns, 1, MostPartRows)))
        {
            var feature = new float[file.Columns];
            for (var row = writer.Manifest.Count; row < file.Rows; row++)
            {
                cancellation.ThrowIfCancellationRequested();
                file.ReadRows(row, feature);
                CheckFinite(feature, file, row);

                // Not the name: two rows of one name are two distractors.
                writer.Add(new IndexedImage { Id = -1, Source = $"{key}::{row}", Key = file.Names?[(int)row] ?? $"{row}" }, feature);
                progress?.Report(new LayoutProgress(row + 1, file.Rows));
            }

            writer.Commit();
        }

        return FeatureIndex.Open(folder);
    }

    private static void CheckFinite(float[] feature, FeatureFile file, long row)
    {
        foreach (var value in feature)
        {
            if (!float.IsFinite(value))
            {
                throw new WhenceException($"'{file.Path}': row {row} holds {value}, expected finite numbers; extract the features again.");
            }
        }
    }

    // Two arrays of one file are two sets of distractors.
    private static string Key(string source, string path)
    {
        var name = FeatureFile.Split(source).Name;
        var checksum = RegularFile.Guard(path, () => Checksum.Of(path));
        return (name is null ? checksum : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{checksum}::{name}"))))[..KeyLength];
    }
}
