using Parquet;
using Parquet.Schema;
using Whence.Files;

namespace Whence.Evaluation;

/// <summary>Writes what every single query gave as Parquet (<c>docs/formats.md</c>), one row group a test case and type of prompts.</summary>
public static class QueryResultsFile
{
    /// <summary>Writes the file beside its place and renames it.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="testCases">The ranks.</param>
    /// <param name="recallAt">The K of Recall@K, a column each.</param>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<TestCaseRanks> testCases, IReadOnlyList<int> recallAt)
    {
        ArgumentNullException.ThrowIfNull(testCases);
        ArgumentNullException.ThrowIfNull(recallAt);

        // A memory stream completes every asynchronous call at once, so waiting here never blocks a thread on I/O.
        using var bytes = new MemoryStream();
        WriteAsync(bytes, testCases, recallAt).GetAwaiter().GetResult();
        AtomicFile.Write(path, stream => stream.Write(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
    }

    private static async Task WriteAsync(Stream stream, IReadOnlyList<TestCaseRanks> testCases, IReadOnlyList<int> recallAt)
    {
        var (testCase, prompts, path) = (Text("test_case", false), Text("prompts", false), Text("path", true));
        var (query, model, exemplars) = (new DataField<int>("query"), new DataField<int>("model"), new DataField<int>("exemplars"));
        var rank = new DataField<long>(ListField.ElementName);
        var precision = new DataField<double>("ap");
        DataField<double>[] recalls = [.. recallAt.Select(k => new DataField<double>(Metric.Recall(k)))];
        var schema = new ParquetSchema([testCase, prompts, query, path, model, exemplars, new ListField("ranks", rank), precision, .. recalls]);
        await using var writer = await ParquetWriter.CreateAsync(schema, stream);
        foreach (var (ranked, prompt) in testCases.SelectMany(t => t.Prompts.Select(p => (t, p))))
        {
            var queries = prompt.Queries;
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(testCase, Enumerable.Repeat(ranked.Name, queries.Count).ToArray());
            await group.WriteAsync(prompts, Enumerable.Repeat(prompt.Type, queries.Count).ToArray());
            await group.WriteAsync<int>(query, Enumerable.Range(0, queries.Count).ToArray());
            await group.WriteAsync(path, prompt.Paths?.ToArray() ?? new string?[queries.Count]!);
            await group.WriteAsync<int>(model, queries.Select(q => q.Model).ToArray());
            await group.WriteAsync<int>(exemplars, queries.Select(q => q.Ranks.Length).ToArray());

            // Nothing is missing at any level; repetition level 0 begins a row's list, 1 goes on with it.
            long[] ranks = [.. queries.SelectMany(q => q.Ranks)];
            await group.WriteAllPartsAsync<long>(
                rank,
                ranks,
                new ReadOnlyMemory<int>([.. ranks.Select(_ => rank.MaxDefinitionLevel)]),
                new ReadOnlyMemory<int>([.. queries.SelectMany(q => q.Ranks.Select((_, i) => i == 0 ? 0 : 1))]),
                CancellationToken.None);
            await group.WriteAsync<double>(precision, queries.Select(q => RetrievalMetrics.AveragePrecision(q.Sorted)).ToArray());
            foreach (var (k, column) in recallAt.Zip(recalls))
            {
                await group.WriteAsync<double>(column, queries.Select(q => RetrievalMetrics.Recall(q.Sorted, k)).ToArray());
            }
        }
    }

    private static DataField Text(string name, bool nullable) => new(name, typeof(string), nullable);
}
