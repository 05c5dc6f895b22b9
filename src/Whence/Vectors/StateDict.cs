namespace Whence.Vectors;

/// <summary>Flattens nested dictionaries of tensors; bounded, because a pickle's dictionary may contain itself, or one twice.</summary>
internal static class StateDict
{
    private const int MaxDepth = 64;
    private const int MaxValues = 100_000;
    private const int MaxNameLength = 1024;

    public static Dictionary<string, TorchTensor> Flatten(TorchValue root, MappedFile file)
    {
        var tensors = new Dictionary<string, TorchTensor>(StringComparer.Ordinal);
        var seen = 0;
        Add(root, "", 0);
        return tensors;

        void Add(TorchValue value, string prefix, int depth)
        {
            foreach (var (key, child) in value.AsDictionary())
            {
                if (depth > MaxDepth || ++seen > MaxValues || prefix.Length + key.Length > MaxNameLength)
                {
                    throw file.Bad("its dictionaries are nested without an end; the file is damaged, save the state_dict() again.");
                }

                var name = prefix + key;
                if (child.Kind == TorchKind.Tensor)
                {
                    tensors[name] = child.AsTensor();
                }
                else if (child.Kind == TorchKind.Dictionary)
                {
                    Add(child, name + ".", depth + 1);
                }
            }
        }
    }
}
