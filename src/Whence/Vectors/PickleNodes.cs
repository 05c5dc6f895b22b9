namespace Whence.Vectors;

// What a pickle is made of once read. Text, integers (long), numbers (double), Booleans, byte arrays and null stand for
// themselves; these are the rest. A node may be part of itself: pickles can say so.

/// <summary>A list, a tuple or a torch.Size.</summary>
internal sealed record PickleList(List<object?> Items);

/// <summary>A dict, an OrderedDict, or the attributes of a TorchScript module.</summary>
internal sealed class PickleDictionary
{
    private Dictionary<string, object?>? _byText;

    public List<KeyValuePair<object?, object?>> Items { get; } = [];

    /// <summary>The items by text key; integer keys become decimals. Null where a key is neither.</summary>
    public Dictionary<string, object?>? ByText()
    {
        if (_byText is not null)
        {
            return _byText;
        }

        var result = new Dictionary<string, object?>(Items.Count, StringComparer.Ordinal);
        foreach (var (key, value) in Items)
        {
            if (key is not (string or long))
            {
                return null;
            }

            result[FormattableString.Invariant($"{key}")] = value;
        }

        return _byText = result;
    }
}

/// <summary>The name of a class or function, which is never looked up.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>A storage that a tensor may refer to: an entry of the archive.</summary>
/// <param name="Class">Such as <c>FloatStorage</c>.</param>
/// <param name="Key">Name of the entry below <c>data/</c>.</param>
/// <param name="Count">Number of elements.</param>
internal sealed record PickleStorage(string Class, string Key, long Count);

/// <summary>The arguments of torch._utils._rebuild_tensor_v2, unchecked.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, PickleList Shape, PickleList Strides);

/// <summary>What would have become of calling a class or function: nothing was called.</summary>
internal sealed class PickleObject(PickleGlobal global)
{
    public PickleGlobal Global { get; } = global;

    /// <summary>What BUILD would have handed to it.</summary>
    public object? State { get; set; }

    /// <summary>TorchScript modules are plain attributes; their code lies elsewhere in the archive and is never read.</summary>
    public bool IsScriptModule => Global.Module.StartsWith("__torch__", StringComparison.Ordinal);
}
