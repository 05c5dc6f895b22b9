namespace Whence.Search;

/// <summary>A row that was found.</summary>
/// <param name="Id">Its id in the index.</param>
/// <param name="Similarity">Its canonical similarity to the query, see <see cref="ExactSearch"/>.</param>
public readonly record struct Match(long Id, float Similarity);
