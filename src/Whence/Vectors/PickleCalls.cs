namespace Whence.Vectors;

/// <summary>The few calls in torch's pickles that are understood, as data; every other one becomes an inert object.</summary>
internal static class PickleCalls
{
    public static object? Call(object? function, object? arguments)
    {
        if (function is not PickleGlobal global)
        {
            return new PickleObject(new PickleGlobal("?", "call of something that is not a name"));
        }

        return (global.Module, global.Name, (arguments as PickleList)?.Items) switch
        {
            ("collections", "OrderedDict", { Count: 0 }) => new PickleDictionary(),
            ("torch", "Size", [PickleList size]) => size,
            ("torch._utils", "_rebuild_tensor_v2", [PickleStorage storage, long offset, PickleList shape, PickleList strides, ..]) =>
                new PickleTensor(storage, offset, shape, strides),
            ("torch._utils", "_rebuild_parameter" or "_rebuild_parameter_with_state", [PickleTensor data, ..]) => data,
            // TorchScript writes typed lists, and dictionaries with their type beside them.
            ("torch.jit._pickle", "build_tensorlist" or "build_intlist" or "build_doublelist" or "build_boollist", [PickleList list]) => list,
            ("torch.jit._pickle", "restore_type_tag", [var value, _]) => value,
            _ => new PickleObject(global),
        };
    }

    /// <summary>The storage of a persistent id <c>('storage', class, key, device, elements)</c>, or null for anything else.</summary>
    public static PickleStorage? Storage(object? id) =>
        id is PickleList { Items: ["storage", PickleGlobal { Module: "torch" or "torch.storage" } type, string key, _, long count] }
            ? new PickleStorage(type.Name, key, count)
            : null;
}
