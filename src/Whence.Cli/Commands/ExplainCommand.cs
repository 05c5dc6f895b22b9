using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using Spectre.Console;
using Whence.Cli.Output;
using Whence.Reports;
using Whence.Search;

namespace Whence.Cli.Commands;

/// <summary><c>whence explain</c>: where does one image stand in a query's attribution?</summary>
internal static class ExplainCommand
{
    public static Command Create(Streams streams)
    {
        var query = new Argument<string>("query") { Description = "The generated image" };
        var asked = new Argument<string[]>("image") { Description = "Training images: ids, sources, keys, or files of the same content", Arity = ArgumentArity.OneOrMore };
        var setup = new AttributorSetup();
        var command = new Command("explain", "Answer a rights holder: rank, similarity and influence of one image, and what stands before it") { query, asked };
        setup.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using var opened = setup.Open(parsed, streams, cancellation);
            var ids = FindIds(parsed.GetRequiredValue(asked), opened.Index);
            var source = parsed.GetRequiredValue(query);
            var reader = new QueryReader(opened.Encoder, opened.Limits);
            if (reader.Read([source], e => throw e, cancellation).ToArray() is not [var only])
            {
                throw new WhenceException($"{source}: 'explain' takes one query, give a single image.");
            }

            foreach (var explanation in opened.Attributor.Explain(only, ids, cancellation))
            {
                Write(streams.OutputConsole, explanation);
            }

            AttributionTable.WriteCalibration(streams.OutputConsole, opened.Attributor.Calibration, opened.Encoder.Spec.Name);
            reader.TellCaptions(streams.Error);
            return Task.FromResult(0);
        });
        return command;
    }

    // Whatever a person has in hand: an id, a key, a source, the file itself or a copy of it.
    private static long[] FindIds(string[] asked, FeatureIndex index)
    {
        var names = asked.Select(name => (Asked: name, Names: Names(name))).ToArray();
        var found = ImageNames.Find(index, names.SelectMany(n => n.Names));
        return names.SelectMany(n => n.Names.Select(name => found[name]).FirstOrDefault(ids => ids.Count > 0)
            ?? throw new WhenceException(
                $"{n.Asked}: not in the index {index.Folder}{(File.Exists(n.Asked) ? ", by source, key or content" : "")}; give an id, a source or a key that 'whence attribute' prints."))
            .Distinct().ToArray();

        static string[] Names(string name) => File.Exists(name)
            ? [name, Path.GetFullPath(name), $"sha256:{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(name)))}"]
            : [name];
    }

    private static void Write(IAnsiConsole console, Explanation explanation)
    {
        var image = explanation.Image;
        console.MarkupLineInterpolated($"[bold]{ShownText.Clean(image.Source)}[/] (id {image.Id})");
        if (explanation.Removed)
        {
            console.WriteLine("was taken out of the index: it is not searched and has no influence.");
            console.WriteLine();
            return;
        }

        if (explanation.Excluded)
        {
            AttributionTable.WriteFilter(console, explanation.Where);
            console.WriteLine("The filter leaves this image out: it has no rank and no influence.");
            console.WriteLine();
            return;
        }

        console.WriteLine(
            $"rank {image.Rank:N0} of {explanation.Searched:N0}, similarity {Format.Similarity(image.Similarity)}, influence {Format.Percent(image.Influence)}");
        console.WriteLine(image.Influence > 0
            ? $"the {image.Rank - 1:N0} images before it hold {Format.Percent(explanation.InfluenceBefore)} of the influence"
            : string.Create(CultureInfo.InvariantCulture, $"no influence: that takes a similarity above {explanation.SimilarityNeeded:F3} for this query"));
        AttributionTable.WriteNone(console, explanation.None);
        AttributionTable.WriteFilter(console, explanation.Where);
        if (explanation.Before.Count > 0)
        {
            var table = AttributionTable.NewTable("#", "influence", "similarity", "id", "image", "caption").Title("before it");
            foreach (var before in explanation.Before)
            {
                AttributionTable.AddRow(console, table, before);
            }

            console.Write(table);
        }

        console.WriteLine();
    }
}
