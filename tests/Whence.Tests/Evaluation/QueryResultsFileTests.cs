using Parquet;
using Parquet.Data;
using Parquet.Schema;
using Whence.Evaluation;
using Whence.Files;

namespace Whence.Tests.Evaluation;

public class QueryResultsFileTests
{
    [Fact]
    public async Task Every_query_has_its_row_with_its_ranks_and_metrics()
    {
        using var temp = new TempFolder();
        var named = Samples.Ranks(new Random(1), "a");
        named = named with { Prompts = [named.Prompts[0] with { Paths = [.. named.Prompts[0].Queries.Select((_, i) => $"synth/{i}.png")] }, named.Prompts[1]] };
        TestCaseRanks[] cases = [named, Samples.Ranks(new Random(2), "b")];

        QueryResultsFile.Write(temp["q.parquet"], cases, [1, 5]);

        await using var reader = await ParquetReader.CreateAsync(temp["q.parquet"], cancellationToken: TestContext.Current.CancellationToken);
        await using var table = await ParquetTable.OpenAsync(temp["q.parquet"], TestContext.Current.CancellationToken);
        Assert.Equal(
            ["test_case", "prompts", "query", "path", "model", "exemplars", "ranks", "ap", "recall@1", "recall@5"], reader.Schema.Fields.Select(f => f.Name));
        Assert.Equal(4, reader.RowGroupCount);
        var groups = cases.SelectMany(c => c.Prompts.Select(p => (Case: c, Prompt: p))).ToArray();
        foreach (var (i, (testCase, prompt)) in groups.Index())
        {
            using var group = reader.OpenRowGroupReader(i);
            var queries = prompt.Queries;
            Assert.Equal(queries.Count, group.RowCount);
            Assert.Equal(Enumerable.Repeat(testCase.Name, queries.Count), await table.ReadTextAsync(i, table.Find("test_case")!, TestContext.Current.CancellationToken));
            Assert.Equal(Enumerable.Repeat(prompt.Type, queries.Count), await table.ReadTextAsync(i, table.Find("prompts")!, TestContext.Current.CancellationToken));
            Assert.Equal(Enumerable.Range(0, queries.Count), (await Raw<int>("query")).Values);
            Assert.Equal<IEnumerable<string?>>(prompt.Paths ?? (IEnumerable<string?>)new string?[queries.Count], await table.ReadTextAsync(i, table.Find("path")!, TestContext.Current.CancellationToken));
            Assert.Equal(queries.Select(q => q.Model), (await Raw<int>("model")).Values);
            Assert.Equal(queries.Select(q => testCase.Exemplars[q.Model]), (await Raw<int>("exemplars")).Values);
            var (ranks, levels) = await Raw<long>("ranks");
            Assert.Equal(queries.SelectMany(q => q.Ranks), ranks);
            Assert.Equal(queries.SelectMany(q => q.Ranks.Select((_, r) => r == 0 ? 0 : 1)), levels);
            Assert.Equal(queries.Select(q => RetrievalMetrics.AveragePrecision(q.Sorted)), (await Raw<double>("ap")).Values);
            Assert.Equal(queries.Select(q => RetrievalMetrics.Recall(q.Sorted, 5)), (await Raw<double>("recall@5")).Values);

            DataField Field(string name) => reader.Schema.DataFields.Single(f => f.Path.FirstPart == name);
            async Task<(T[] Values, int[] Levels)> Raw<T>(string name) where T : struct
            {
                using var raw = (RawColumnData<T>)await group.ReadRawColumnDataBaseAsync(Field(name), TestContext.Current.CancellationToken);
                return (raw.Values.ToArray(), name == "ranks" ? raw.RepetitionLevels.ToArray() : []);
            }
        }
    }
}
