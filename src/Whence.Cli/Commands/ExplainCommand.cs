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
        command.SetAction(async (parsed, cancellation) =>
        {
            using var opened = setup.Open(parsed);
            var ids = parsed.GetRequiredValue(asked).SelectMany(name => FindIds(name, opened.Index)).Distinct().ToArray();
            var queries = await AttributeCommand.ReadQueriesAsync([parsed.GetRequiredValue(query)], opened.Limits, cancellation);
            if (queries.Count != 1)
            {
                throw new WhenceException($"{parsed.GetRequiredValue(query)}: {queries.Count} images, but 'explain' takes one query.");
            }

            foreach (var explanation in opened.Attributor.Explain(queries[0], ids))
            {
                Write(streams.OutputConsole, explanation);
            }

            return 0;
        });
        return command;
    }

    private static long[] FindIds(string name, FeatureIndex index)
    {
        if (long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return id < index.Count ? [id] : throw new WhenceException($"{index.Folder}: no image has id {id}, ids run from 0 to {index.Count - 1}.");
        }

        var full = Path.GetFullPath(name);
        var hash = File.Exists(name) ? Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(name))) : null;
        var found = index.ReadMetadata()
            .Where(i => i.Source == name || i.Source == full || i.Key == name || (hash is not null && i.Sha256 == hash))
            .Select(i => i.Id).ToArray();
        return found.Length > 0
            ? found
            : throw new WhenceException(
                $"{name}: not in the index {index.Folder}{(hash is null ? "" : ", by source, key or content")}; give an id, a source or a key that 'whence attribute' prints.");
    }

    private static void Write(IAnsiConsole console, Explanation explanation)
    {
        var image = explanation.Image;
        console.MarkupLineInterpolated($"[bold]{image.Source}[/] (id {image.Id})");
        if (explanation.Removed)
        {
            console.WriteLine("was taken out of the index: it is not searched and has no influence.");
            console.WriteLine();
            return;
        }

        console.WriteLine(
            $"rank {image.Rank:N0} of {explanation.Searched:N0}, similarity {Format.Similarity(image.Similarity)}, influence {Format.Percent(image.Influence)}");
        console.WriteLine(image.Influence > 0
            ? $"the {image.Rank - 1:N0} images before it hold {Format.Percent(explanation.InfluenceBefore)} of the influence"
            : string.Create(CultureInfo.InvariantCulture, $"no influence: that takes a similarity above {explanation.SimilarityNeeded:F3} for this query"));
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
