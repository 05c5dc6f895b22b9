using Whence.Search;
using Whence.Vectors;

namespace Whence.Bench.Search;

/// <summary>Everything that the bench of the search asks of Whence, in one place.</summary>
internal sealed class SearchEngine : IDisposable
{
    private readonly ExactSearch _search;

    private SearchEngine(FeatureIndex index, int threads, bool? map)
    {
        _search = ExactSearch.Open(index, new SearchOptions { Threads = threads, Map = map });
        var layout = SearchLayout.Find(index, mapper: null);
        ScannedFiles = [.. index.Manifest.Parts.Select(layout.RowsPath)];
    }

    /// <summary>The files that a scan for few queries reads from end to end.</summary>
    public IReadOnlyList<string> ScannedFiles { get; }

    /// <summary>Rows whose similarity was computed in full precision so far.</summary>
    public long Rescored => _search.Rescored;

    /// <summary>Opens an index; makes what the search keeps beside it where that is missing.</summary>
    /// <param name="folder">The index.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="map">False reads files in blocks, as is done with little memory; null decides by the memory there is.</param>
    public static SearchEngine Open(string folder, int threads, bool? map = null) => new(FeatureIndex.Open(folder), threads, map);

    /// <summary>Per query the k most similar, best first, the smaller id first among equals.</summary>
    public Match[][] Nearest(FeatureMatrix queries, int k) => _search.Nearest(queries, k);

    /// <summary>Per query and similarity the number of rows at or above it.</summary>
    public long[][] Ranks(FeatureMatrix queries, float[][] similarities) => _search.Ranks(queries, similarities);

    /// <summary>Per query the similarities of given rows.</summary>
    public float[][] Similarities(FeatureMatrix queries, long[][] ids) => _search.Similarities(queries, ids);

    public void Dispose() => _search.Dispose();
}
