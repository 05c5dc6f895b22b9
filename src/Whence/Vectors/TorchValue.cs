using System.Collections;

namespace Whence.Vectors;

/// <summary>What kind of thing a <see cref="TorchValue"/> is.</summary>
public enum TorchKind
{
    /// <summary>Python's None.</summary>
    None,

    /// <summary>True or False.</summary>
    Boolean,

    /// <summary>A float, or an int that fits 64 bits.</summary>
    Number,

    /// <summary>A str.</summary>
    Text,

    /// <summary>A list, tuple, set or torch.Size.</summary>
    List,

    /// <summary>A dict, an OrderedDict, or a TorchScript module as a dictionary of its attributes.</summary>
    Dictionary,

    /// <summary>A torch.Tensor or Parameter.</summary>
    Tensor,

    /// <summary>Anything else. It was not created, and cannot be read.</summary>
    Opaque,
}

/// <summary>
/// Something saved in a PyTorch file, and the way to it: the errors of the <c>As</c> methods say where it is, what it is and
/// what was wanted.
/// </summary>
public sealed class TorchValue
{
    private readonly TorchFile _file;
    private readonly TorchValue? _parent;
    private readonly string? _key;
    private readonly object? _node;

    internal TorchValue(TorchFile file, TorchValue? parent, string? key, object? node)
    {
        _file = file;
        _parent = parent;
        _key = key;
        _node = node is PickleObject { IsScriptModule: true, State: PickleDictionary attributes } ? attributes : node;
    }

    /// <summary>The way from the root, for example <c>synth_mapper.weight</c> or <c>exemplar_chunks[3]</c>; empty for the root.</summary>
    public string Path => _parent is null ? "" : _parent.Path + (_parent._node is PickleList || _parent._parent is null ? _key : "." + _key);

    /// <summary>What it is.</summary>
    public TorchKind Kind => _node switch
    {
        null => TorchKind.None,
        bool => TorchKind.Boolean,
        long or double => TorchKind.Number,
        string => TorchKind.Text,
        PickleList => TorchKind.List,
        PickleDictionary => TorchKind.Dictionary,
        PickleTensor => TorchKind.Tensor,
        _ => TorchKind.Opaque,
    };

    /// <summary>The value of a key; the same as <c>AsDictionary()[key]</c>.</summary>
    /// <param name="key">Text, or an integer in decimal.</param>
    /// <exception cref="WhenceException">Not a dictionary, or without that key.</exception>
    public TorchValue this[string key] => AsDictionary()[key];

    /// <summary>A dict with text or integer keys; the latter in decimal.</summary>
    /// <exception cref="WhenceException">Something else.</exception>
    public TorchDictionary AsDictionary() => _node is PickleDictionary dictionary
        ? new TorchDictionary(this, dictionary.ByText() ?? throw Bad("is a dictionary with keys that are neither text nor integers."))
        : throw Wanted("a dictionary");

    /// <summary>The items of a list or tuple.</summary>
    /// <exception cref="WhenceException">Something else.</exception>
    public IReadOnlyList<TorchValue> AsList() => _node is PickleList list ? new TorchList(this, list.Items) : throw Wanted("a list");

    /// <summary>A list of text, for example the paths of images.</summary>
    /// <exception cref="WhenceException">Something else.</exception>
    public IReadOnlyList<string> AsTexts() => [.. AsList().Select(item => item.AsText())];

    /// <summary>A tensor, checked to lie in the file.</summary>
    /// <exception cref="WhenceException">Something else, of a type that is not read, or damaged.</exception>
    public TorchTensor AsTensor() => _node is PickleTensor tensor ? _file.Tensor(Path, Described, tensor) : throw Wanted("a tensor");

    /// <summary>A str.</summary>
    /// <exception cref="WhenceException">Something else.</exception>
    public string AsText() => _node as string ?? throw Wanted("text");

    /// <summary>An int.</summary>
    /// <exception cref="WhenceException">Something else.</exception>
    public long AsInt64() => _node is long value ? value : throw Wanted("an integer");

    /// <summary>A float or int.</summary>
    /// <exception cref="WhenceException">Something else.</exception>
    public double AsDouble() => _node switch
    {
        double value => value,
        long value => value,
        _ => throw Wanted("a number"),
    };

    /// <summary>A bool.</summary>
    /// <exception cref="WhenceException">Something else.</exception>
    public bool AsBoolean() => _node is bool value ? value : throw Wanted("True or False");

    /// <summary>
    /// All tensors of a state dict, also in dictionaries and TorchScript modules below it, by their names from here: the value of
    /// <c>{"encoder": {"weight": tensor}}</c> is named <c>encoder.weight</c>. Numbers, text and other things are left out.
    /// </summary>
    /// <exception cref="WhenceException">Not a dictionary, a damaged tensor, or nested without an end.</exception>
    public IReadOnlyDictionary<string, TorchTensor> ReadStateDict()
    {
        if (_node is not PickleDictionary)
        {
            throw Wanted("a dictionary of tensors");
        }

        return StateDict.Flatten(this, _file.Mapped);
    }

    internal string Described => _parent is null ? "the root object" : $"'{Path}'";

    internal TorchValue Child(string key, object? node) => new(_file, this, key, node);

    internal WhenceException Bad(string message) => _file.Mapped.Bad($"{Described} {message}");

    private WhenceException Wanted(string wanted) => ((_node as PickleObject)?.Global ?? _node as PickleGlobal) is { } inert
        ? Bad(
            $"is a Python object ({inert}) where {wanted} is needed; Whence never executes pickles: " +
            "save its state_dict() instead, or convert it to .safetensors.")
        : Bad($"is {Name(Kind)} where {wanted} is needed.");

    private static string Name(TorchKind kind) => kind switch
    {
        TorchKind.None => "None",
        TorchKind.Boolean => "True or False",
        TorchKind.Number => "a number",
        TorchKind.Text => "text",
        TorchKind.List => "a list",
        TorchKind.Dictionary => "a dictionary",
        TorchKind.Tensor => "a tensor",
        _ => "something that is not read",
    };

    /// <summary>Makes the values when asked: a list may hold millions of paths.</summary>
    private sealed class TorchList(TorchValue owner, List<object?> items) : IReadOnlyList<TorchValue>
    {
        public int Count => items.Count;

        public TorchValue this[int index] => owner.Child(FormattableString.Invariant($"[{index}]"), items[index]);

        public IEnumerator<TorchValue> GetEnumerator() => Enumerable.Range(0, Count).Select(i => this[i]).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
