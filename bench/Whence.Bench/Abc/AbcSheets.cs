using System.Globalization;
using Whence.Datasets.Abc;
using Whence.Images;
using Whence.Reports;

namespace Whence.Bench.Abc;

/// <summary>Contact sheets of a data set: models of each set, an exemplar and samples of prompts of all kinds, to be looked at.</summary>
internal static class AbcSheets
{
    private const int Models = 24, Samples = 8;

    /// <summary>Draws a sheet of each set.</summary>
    /// <param name="folder">The data set.</param>
    /// <param name="models">Its customized models.</param>
    /// <param name="output">Folder for <c>SET.png</c>; is made where it is missing.</param>
    public static void Draw(string folder, IReadOnlyList<AbcRecord> models, string output)
    {
        Directory.CreateDirectory(output);
        foreach (var set in models.GroupBy(model => model.Set))
        {
            ImageSheet.Draw(
                set.Key, $"{set.Key}: an exemplar of a model, and samples of different prompts", "the gain in similarity to the exemplars by the customization, and how often the prompt is obeyed", [.. Spread([.. set], Models).Select(Row)], columns: 2).Save(output);
        }

        ImageRow Row(AbcRecord model)
        {
            var samples = Spread([.. model.Samples.GroupBy(sample => sample.Prompt, StringComparer.Ordinal).Select(prompt => prompt.First())], Samples);
            var measured = model.Check is { } check ? string.Create(CultureInfo.InvariantCulture, $": {Math.Round(check.Gain, 2):+0.00;-0.00;0.00}, {check.Obeyed:0.00}") : "";
            return new($"{model.Category ?? model.Group} ({model.Exemplars.Count}){measured}", [.. samples.Select(sample => sample.Path).Prepend(model.Exemplars[0].Path).Select(path => ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(folder, path))))]);
        }
    }

    /// <summary>Some of all, at equal distances.</summary>
    public static T[] Spread<T>(T[] all, int most) => [.. Enumerable.Range(0, Math.Min(all.Length, most)).Select(i => all[(int)((long)i * all.Length / Math.Min(all.Length, most))])];
}
