using Whence.Files;
using Whence.Vectors;

namespace Whence.Datasets.Abc;

/// <summary>Parts of a data set that several runs or machines built.</summary>
public static class AbcParts
{
    /// <summary>Joins data sets that were built in parts: their models are copied, each checked, and the lists and the manifest written as by one run.</summary>
    /// <param name="parts">Folders of the parts, at least one.</param>
    /// <param name="folder">Where all of it is written; may hold some of it already.</param>
    /// <returns>The names of the lists.</returns>
    /// <exception cref="WhenceException">The parts are of different data sets, a model is in none of them, or a file is damaged.</exception>
    public static IReadOnlyList<string> Join(IReadOnlyList<string> parts, string folder)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentOutOfRangeException.ThrowIfZero(parts.Count, nameof(parts));
        if (parts.FirstOrDefault(part => !AbcFolder.LoadHeader(part).IsMeasured) is { } halfMeasured)
        {
            throw new WhenceException($"{halfMeasured}: was interrupted while other encoders measured it; the same 'whence dataset build' goes on with it.");
        }

        var header = AbcFolder.LoadHeader(parts[0]);
        if (parts.FirstOrDefault(part => AbcFolder.LoadHeader(part) is var own && !(own.IsOf(header) && own.Recipe.Check == header.Recipe.Check && own.Encoders.SequenceEqual(header.Encoders))) is { } other)
        {
            throw new WhenceException($"{other}: is of another recipe, other images, prompts, encoders or thresholds of the check, or another model than {parts[0]}; only parts of one data set can be joined.");
        }

        string[] missing = [.. header.Ids.Where(id => !parts.Append(folder).Any(part => AbcRecord.IsThere(part, id)))];
        if (missing.Length > 0)
        {
            throw new WhenceException($"{missing.Length:N0} of {header.Ids.Count:N0} models are in no part ({Listing.Of(missing)}); build them with --shard, and name their folders too.");
        }

        Directory.CreateDirectory(folder);
        using var held = FolderLock.Acquire(folder, AbcFolder.LockName, "data set");
        AbcFolder.Begin(folder, header);
        foreach (var id in header.Ids)
        {
            var part = parts.Prepend(folder).First(part => AbcRecord.IsThere(part, id));
            var record = AbcRecord.Load(part, id);
            foreach (var file in record.Files)
            {
                Checksum.Check(Path.Combine(part, file.Path), file.Sha256, $"delete the folder '{Path.Combine(part, AbcRecord.FolderOf(id))}' and build that model again");
            }

            if (part != folder)
            {
                Copy(record, part, folder);
            }
        }

        return AbcFolder.End(folder, header.Ids);
    }

    // The record last, as when a model is made: where it is, all is.
    private static void Copy(AbcRecord record, string from, string to)
    {
        foreach (var file in record.Files)
        {
            var target = Path.Combine(to, file.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var source = File.OpenRead(Path.Combine(from, file.Path));
            AtomicFile.Write(target, source.CopyTo);
        }

        record.Save(to);
    }
}
