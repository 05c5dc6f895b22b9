namespace Whence.Search;

/// <summary>How much of a search layout a search can take as it is; it makes the rest.</summary>
/// <param name="Folder">Its folder: <c>search/features</c>, or <c>search/mapped-KEY</c> for a mapper.</param>
/// <param name="Parts">Parts of the index that it has, made of the features that the index holds now.</param>
/// <param name="TotalParts">Parts of the index.</param>
/// <param name="Bytes">Size of all its files.</param>
public sealed record LayoutState(string Folder, int Parts, int TotalParts, long Bytes)
{
    /// <summary>Whether nothing is missing and nothing is stale.</summary>
    public bool IsComplete => Parts == TotalParts;
}
