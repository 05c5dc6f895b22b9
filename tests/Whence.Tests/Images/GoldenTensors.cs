using System.Buffers.Binary;
using System.Text.Json;

namespace Whence.Tests.Images;

/// <summary>Just enough of safetensors for the golden pictures: 8 bytes of header length, a JSON header, the data.</summary>
internal sealed class GoldenTensors(string path)
{
    private readonly byte[] _file = File.ReadAllBytes(path);

    public IEnumerable<string> Names => Header.EnumerateObject().Select(tensor => tensor.Name).Where(name => name != "__metadata__");

    private int Start => 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(_file);

    private JsonElement Header => JsonDocument.Parse(_file.AsMemory(8..Start)).RootElement;

    public (byte[] Data, int[] Shape) Get(string name)
    {
        var tensor = Header.GetProperty(name);
        var offsets = tensor.GetProperty("data_offsets").EnumerateArray().Select(x => x.GetInt32()).ToArray();
        var shape = tensor.GetProperty("shape").EnumerateArray().Select(x => x.GetInt32()).ToArray();
        return (_file[(Start + offsets[0])..(Start + offsets[1])], shape);
    }
}
