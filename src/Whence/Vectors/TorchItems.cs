using System.Collections;

namespace Whence.Vectors;

/// <summary>A dict to be written to a PyTorch file: tensors by their names, and further dicts, in this order.</summary>
public sealed class TorchItems : IEnumerable<KeyValuePair<string, object>>
{
    private readonly List<KeyValuePair<string, object>> _items = [];

    /// <summary>Adds a tensor under its name.</summary>
    public void Add(TensorData tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _items.Add(new(tensor.Name, tensor));
    }

    /// <summary>Adds a dict.</summary>
    public void Add(string key, TorchItems items)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(items);
        _items.Add(new(key, items));
    }

    /// <summary>All tensors, in order, those of inner dicts as <c>state_dict.weight</c>: what a file without dicts can hold.</summary>
    public IEnumerable<TensorData> Flatten() => _items.SelectMany(item => item.Value is TensorData tensor
        ? [tensor]
        : ((TorchItems)item.Value).Flatten().Select(inner => inner.Renamed($"{item.Key}.{inner.Name}")));

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
