using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Whence.Vectors;

/// <summary>A dict of a PyTorch file by text key, in no particular order.</summary>
public sealed class TorchDictionary : IReadOnlyDictionary<string, TorchValue>
{
    private readonly TorchValue _owner;
    private readonly Dictionary<string, object?> _items;

    internal TorchDictionary(TorchValue owner, Dictionary<string, object?> items) => (_owner, _items) = (owner, items);

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _items.Keys;

    /// <inheritdoc/>
    public IEnumerable<TorchValue> Values => _items.Select(item => _owner.Child(item.Key, item.Value));

    /// <inheritdoc/>
    public int Count => _items.Count;

    /// <summary>The value of a key.</summary>
    /// <exception cref="WhenceException">There is no such key; the message lists those there are.</exception>
    public TorchValue this[string key] => TryGetValue(key, out var value)
        ? value
        : throw _owner.Bad($"has no key '{key}'; it has {Listing.Of(_items.Keys)}.");

    /// <inheritdoc/>
    public bool ContainsKey(string key) => _items.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out TorchValue value)
    {
        var found = _items.TryGetValue(key, out var node);
        value = found ? _owner.Child(key, node) : null;
        return found;
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, TorchValue>> GetEnumerator() =>
        _items.Select(item => KeyValuePair.Create(item.Key, _owner.Child(item.Key, item.Value))).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
