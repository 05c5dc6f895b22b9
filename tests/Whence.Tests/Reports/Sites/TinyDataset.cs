using Whence.Datasets.Abc;
using Whence.Encoders;
using Whence.Tests.Datasets.Abc;

namespace Whence.Tests.Reports;

/// <summary>A data set as the builder leaves it, with pictures in place of what a model would have drawn.</summary>
internal static class TinyDataset
{
    /// <summary>Writes it.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="change">Changes what is recorded of a model.</param>
    /// <returns>What is recorded of all models.</returns>
    public static IReadOnlyList<AbcRecord> Write(string folder, Func<AbcRecord, AbcRecord>? change = null)
    {
        using var sources = new TempFolder();
        var plan = AbcFixture.Plan(AbcFixture.Write(sources.Path));
        AbcFolder.Begin(folder, AbcFolder.HeaderOf(plan, "base", new EncoderRegistry().Resolve("pixels")));
        var records = plan.Models.Select(model => Record(folder, model)).Select(record => change?.Invoke(record) ?? record).ToArray();
        foreach (var record in records)
        {
            record.Save(folder);
        }

        AbcFolder.End(folder, plan.Models.Select(model => model.Id));
        return records;
    }

    private static AbcRecord Record(string folder, AbcModel model)
    {
        var own = AbcRecord.FolderOf(model.Id);
        return new AbcRecord
        {
            Id = model.Id,
            Set = model.Set,
            Kind = model.Kind,
            Split = model.Split,
            Category = model.Category,
            Group = model.Group,
            Prompt = model.Prompt,
            Seed = model.Seed,
            Loss = 0.25,
            Exemplars = [.. model.Exemplars.Select((image, i) => new AbcExemplarRecord(Picture($"{own}/exemplars/{i:D2}.png", i), image.Name, image.Sha256, image.Caption))],
            Samples = [.. model.Samples.Select((sample, i) => new AbcSampleRecord(Picture($"{own}/samples/{sample.Type}-{i:D3}.png", i), sample.Type, sample.Prompt, sample.Seed, "0"))],
        };

        string Picture(string path, int seed)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, path))!);
            File.WriteAllBytes(Path.Combine(folder, path), TestImages.Png(seed, 8, 8));
            return path;
        }
    }
}
