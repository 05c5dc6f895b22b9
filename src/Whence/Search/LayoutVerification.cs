using System.IO.Hashing;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>Reads every byte of the search layouts that a search would take.</summary>
internal static class LayoutVerification
{
    /// <summary>The files that are not as they were written. Parts made of other features than the index has now are passed over, as a search does.</summary>
    public static IEnumerable<DamagedFile> Verify(FeatureIndex index, CancellationToken cancellation)
    {
        foreach (var layout in SearchLayout.FindAll(index))
        {
            foreach (var part in index.Manifest.Parts)
            {
                cancellation.ThrowIfCancellationRequested();
                if (layout.Find(part) is { } entry && Check(layout, part, entry.RowsHash, index.Manifest.Dimension) is { } damaged)
                {
                    yield return damaged;
                }
            }
        }
    }

    // The mapped rows' hashes lie in the int8 rows' file: where that is damaged there is nothing to check them against.
    private static DamagedFile? Check(SearchLayout layout, IndexPart part, string hash, int dimension)
    {
        var file = layout.RowsPath(part);
        try
        {
            dimension = layout.IsMapped ? LayoutPart.ReadDimension(file) : dimension;
            using var rows = LayoutPart.Open(file, part.Rows, dimension, hash, map: true);
            byte[] buffer = [];
            for (var chunk = 0; chunk < LayoutPart.Chunks(part.Rows); chunk++)
            {
                rows.Read(chunk, ref buffer);
            }

            if (layout.IsMapped)
            {
                file = layout.MappedPath(part);
                using var mapped = layout.OpenMapped(part, dimension);
                CheckRows(rows, mapped, part.Rows);
            }

            return null;
        }
        catch (WhenceException e)
        {
            return new DamagedFile(file, null, IsFeatures: false, e.Message) { IsLayout = true };
        }
    }

    private static void CheckRows(LayoutPart layout, NpyFile mapped, int count)
    {
        byte[] buffer = [];
        for (var row = 0; row < count; row++)
        {
            if (XxHash3.HashToUInt64(mapped.RowBytes(row)) != layout.RowHash(row, ref buffer))
            {
                throw LayoutPart.Damaged(mapped.Path, $"row {row} is not as it was written");
            }
        }
    }
}
