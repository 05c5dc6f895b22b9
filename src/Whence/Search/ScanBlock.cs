using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// Told the rows of an index, block by block, each query's rows at once, from several threads. Blocks come in no particular
/// order, no row comes twice.
/// </summary>
internal interface IScanVisitor
{
    /// <summary>Rows of a block against one query.</summary>
    /// <param name="query">The query's number.</param>
    /// <param name="block">The rows.</param>
    /// <param name="upper">
    /// A number a row that the canonical similarity does not exceed; minus infinity (or NaN, where a row of the block is not finite) for rows
    /// that are not to be searched, of which there are enough for a multiple of 16.
    /// </param>
    /// <param name="slack">The canonical similarity is at most so far below <paramref name="upper"/>.</param>
    void Visit(int query, ScanBlock block, ReadOnlySpan<float> upper, float slack);
}

/// <summary>Rows of a part, in ascending order, and their canonical similarities on demand. Belongs to one thread.</summary>
internal sealed class ScanBlock
{
    private readonly CanonicalRows _source;
    private readonly FeatureMatrix _queries;
    private readonly string _folder;
    private readonly float[] _rows;
    private readonly bool[] _loaded;
    private readonly int[] _offsets;
    private int _part;
    private int _first;
    private long _firstId;

    /// <param name="source">Where rows are read from.</param>
    /// <param name="queries">q x d, normalised.</param>
    /// <param name="capacity">The most rows of a block.</param>
    /// <param name="folder">The index's folder, for messages.</param>
    public ScanBlock(CanonicalRows source, FeatureMatrix queries, int capacity, string folder)
    {
        _source = source;
        _queries = queries;
        _folder = folder;
        _rows = GC.AllocateUninitializedArray<float>(capacity * source.Dimension);
        _loaded = new bool[capacity];
        _offsets = new int[capacity];
        Found = new int[capacity];
        Similarities = new float[capacity];
    }

    /// <summary>Number of canonical similarities that were computed.</summary>
    public long Rescored { get; private set; }

    /// <summary>Room for a visitor's own list of rows of the block.</summary>
    public int[] Found { get; }

    /// <summary>Room for canonical similarities of those.</summary>
    public float[] Similarities { get; }

    /// <summary>Turns to other rows, without reading them.</summary>
    /// <param name="part">The part's place in the manifest.</param>
    /// <param name="firstId">The part's first id.</param>
    /// <param name="first">A row of the part.</param>
    /// <param name="offsets">The block's rows, counted from <paramref name="first"/>.</param>
    public void Set(int part, long firstId, int first, ReadOnlySpan<int> offsets)
    {
        (_part, _firstId, _first) = (part, firstId, first);
        offsets.CopyTo(_offsets);
        _loaded.AsSpan(0, offsets.Length).Clear();
    }

    /// <summary>Reads all rows of the block: so many rows of d numbers, canonical.</summary>
    public ReadOnlySpan<float> Load(int count)
    {
        var rows = _rows.AsSpan(0, count * _source.Dimension);
        _source.Read(_part, _first, _offsets.AsSpan(0, count), rows);
        _loaded.AsSpan(0, count).Fill(true);
        return rows;
    }

    /// <summary>Id of a row of the block.</summary>
    public long Id(int i) => _firstId + _first + _offsets[i];

    /// <summary>Canonical similarity of a row of the block.</summary>
    /// <exception cref="WhenceException">The row is damaged or not finite.</exception>
    public float Similarity(int query, int i)
    {
        Rescored++;
        return Rounded(DotProduct.Of(Row(i), _queries.Row(query)), i);
    }

    /// <summary>Canonical similarities of rows of the block.</summary>
    /// <exception cref="WhenceException">A row is damaged or not finite.</exception>
    public void Compare(int query, ReadOnlySpan<int> rows, Span<float> similarities)
    {
        Span<double> products = stackalloc double[4];
        var i = 0;
        for (; i <= rows.Length - 4; i += 4)
        {
            DotProduct.OfFour(Row(rows[i]), Row(rows[i + 1]), Row(rows[i + 2]), Row(rows[i + 3]), _queries.Row(query), products);
            for (var j = 0; j < 4; j++)
            {
                similarities[i + j] = Rounded(products[j], rows[i + j]);
            }
        }

        for (; i < rows.Length; i++)
        {
            similarities[i] = Rounded(DotProduct.Of(Row(rows[i]), _queries.Row(query)), rows[i]);
        }

        Rescored += rows.Length;
    }

    private ReadOnlySpan<float> Row(int i)
    {
        var row = _rows.AsSpan(i * _source.Dimension, _source.Dimension);
        if (!_loaded[i])
        {
            _source.Read(_part, _first, _offsets.AsSpan(i, 1), row);
            _loaded[i] = true;
        }

        return row;
    }

    private float Rounded(double product, int i) => double.IsNaN(product) ? throw NotFinite(i) : (float)product;

    /// <summary>The error for a row with an element that is no number.</summary>
    public WhenceException NotFinite(int i) => new(
        $"{_folder}: image {Id(i)} has a feature that is not finite; 'whence verify {_folder}' tells what to rebuild, 'whence remove' takes the image out.");
}
