namespace Whence.Images;

/// <summary>
/// Holds the row groups that are being read: images are asked for one by one, and in parallel, but a Parquet file gives whole
/// row groups. Two, so that readers may straddle the border between two groups without reading either twice.
/// </summary>
internal sealed class RowGroupCache
{
    private const int Capacity = 2;
    private readonly Lock _lock = new();
    private readonly LinkedList<(string Path, int Group, Task<ParquetSource.ImageRows> Rows)> _recent = new();

    /// <summary>The row group, read at most once while it stays among the most recent.</summary>
    public Task<ParquetSource.ImageRows> GetAsync(string path, int group, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            for (var node = _recent.First; node is not null; node = node.Next)
            {
                if (node.Value.Group == group && node.Value.Path == path)
                {
                    _recent.Remove(node);
                    _recent.AddFirst(node);
                    return node.Value.Rows.WaitAsync(cancellationToken);
                }
            }

            // Not cancelled with the first who asks: others may wait for the same rows.
            var rows = Task.Run(() => ParquetSource.LoadAsync(path, group), CancellationToken.None);
            _recent.AddFirst((path, group, rows));
            if (_recent.Count > Capacity)
            {
                _recent.RemoveLast();
            }

            return rows.WaitAsync(cancellationToken);
        }
    }
}
