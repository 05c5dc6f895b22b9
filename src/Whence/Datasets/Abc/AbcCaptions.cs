using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using Whence.Datasets.Prompts;
using Whence.Files;

namespace Whence.Datasets.Abc;

/// <summary>
/// <c>captions.csv</c>: what encoders that look at captions are told of the images of a data set. Of a sample that is its prompt as the model reads it that knows no concept, without V* as in appendix B.5
/// of the paper or with the word as which that begins.
/// </summary>
internal static class AbcCaptions
{
    public const string FileName = "captions.csv";

    /// <summary>Writes the table; paths are relative to the folder. Exemplars of which nothing is said are not in it.</summary>
    /// <param name="folder">The data set's.</param>
    /// <param name="models">All models.</param>
    /// <param name="initializer">What stands for the concept (<see cref="AbcCustomization.Initializer"/>); null leaves it out.</param>
    public static void Write(string folder, IEnumerable<AbcRecord> models, string? initializer) => AtomicFile.Write(Path.Combine(folder, FileName), stream =>
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture) { InjectionOptions = InjectionOptions.None });
        Row("path", "caption");
        foreach (var model in models)
        {
            foreach (var exemplar in model.Exemplars.Where(e => !string.IsNullOrWhiteSpace(e.Caption)))
            {
                Row(exemplar.Path, exemplar.Caption!);
            }

            foreach (var sample in model.Samples)
            {
                Row(sample.Path, PromptTemplate.Replaced(sample.Prompt, initializer));
            }
        }

        void Row(string path, string caption)
        {
            csv.WriteField(path);
            csv.WriteField(caption);
            csv.NextRecord();
        }
    });
}
