using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Whence.Vectors;

/// <summary>
/// The head of a .safetensors file: its length in 8 bytes, then a JSON object that gives each tensor's type, shape and place.
/// The tensors must lie end to end, without a gap, an overlap or a rest, as the format demands.
/// </summary>
internal static class SafetensorsHeader
{
    private const int MaxLength = 100_000_000;
    private const string MetadataKey = "__metadata__";

    /// <summary>For texts in a header: nobody shows it in a browser, and escapes of escapes would make lists of paths several times as long.</summary>
    internal static readonly JavaScriptEncoder Text = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>The JSON begins right after the length; a length's first byte may be that of a pickle or of anything.</summary>
    public static bool LooksLikeSafetensors(MappedFile file) => file.Length > 8 && file.Bytes(8, 1)[0] == (byte)'{';

    public static (Dictionary<string, TensorView> Tensors, Dictionary<string, string> Metadata) Read(MappedFile file)
    {
        if (file.Length < 8)
        {
            throw file.Bad($"{file.Length} bytes are too few for a .safetensors file; make or copy it again.");
        }

        var length = BinaryPrimitives.ReadInt64LittleEndian(file.Bytes(0, 8));
        if (length < 2 || length > Math.Min(MaxLength, file.Length - 8))
        {
            throw file.Bad(
                $"claims a header of {(ulong)length} bytes in a file of {file.Length}; not a .safetensors file, or cut short: make or copy it again.");
        }

        var tensors = new Dictionary<string, TensorView>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            using var json = JsonDocument.Parse(
                file.Bytes(8, length).ToArray(), new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            var places = new List<(long Begin, long End, string Name)>();
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.NameEquals(MetadataKey))
                {
                    foreach (var entry in property.Value.EnumerateObject())
                    {
                        metadata.Add(entry.Name, entry.Value.GetString() ?? "");
                    }

                    continue;
                }

                var (info, begin, end) = ReadTensor(property, file);
                places.Add((begin, end, property.Name));
                tensors.Add(property.Name, new TensorView(
                    file, $"tensor '{property.Name}'", info, 8 + length + begin, TensorView.DenseStrides(info.Shape)));
            }

            CheckTiling(places, file.Length - 8 - length, file);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new WhenceException($"'{file.Path}': the .safetensors header is not the JSON it should be ({FirstLine(e)}); make or copy the file again.", e);
        }

        return (tensors, metadata);
    }

    /// <summary>The header for tensors written one after the other, padded with spaces so that they begin at a multiple of 8.</summary>
    public static byte[] Write(IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = Text }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            long offset = 0;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Info.Type.ToString().ToUpperInvariant());
                WriteNumbers(json, "shape", tensor.Info.Shape);
                WriteNumbers(json, "data_offsets", [offset, offset + tensor.ByteCount]);
                json.WriteEndObject();
                offset += tensor.ByteCount;
            }

            json.WriteEndObject();
        }

        var length = (buffer.WrittenCount + 7) / 8 * 8;
        if (length > MaxLength)
        {
            throw new WhenceException($"A .safetensors header of {length} bytes is beyond the limit of {MaxLength}, which other readers share; write fewer names into one file.");
        }

        var header = new byte[8 + length];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        buffer.WrittenSpan.CopyTo(header.AsSpan(8));
        return header;
    }

    private static (TensorInfo Info, long Begin, long End) ReadTensor(JsonProperty property, MappedFile file)
    {
        if (!property.Value.TryGetProperty("dtype", out var dtype)
            || !property.Value.TryGetProperty("shape", out var shape)
            || !property.Value.TryGetProperty("data_offsets", out var offsets)
            || offsets.GetArrayLength() != 2)
        {
            throw file.Bad($"tensor '{property.Name}' lacks dtype, shape or its two data_offsets; the file is damaged, make it again.");
        }

        if (!TryParseType(dtype.GetString(), out var type))
        {
            throw file.Bad(
                $"tensor '{property.Name}' is of type {dtype.GetString()}; {string.Join(", ", Enum.GetNames<ElementType>())} are read, convert it.");
        }

        long[] dimensions = [.. shape.EnumerateArray().Select(dimension => dimension.GetInt64())];
        var (begin, end) = (offsets[0].GetInt64(), offsets[1].GetInt64());
        return Elements.Count([.. dimensions, type.Size()]) is { } bytes && begin >= 0 && end >= begin && end - begin == bytes
            ? (new TensorInfo(type, dimensions), begin, end)
            : throw file.Bad(
                $"tensor '{property.Name}' is {type} [{string.Join(", ", dimensions)}] but lies at {begin} to {end}; the file is damaged, make it again.");
    }

    private static bool TryParseType(string? name, out ElementType type)
    {
        foreach (var candidate in Enum.GetValues<ElementType>())
        {
            if (string.Equals(candidate.ToString().ToUpperInvariant(), name, StringComparison.Ordinal))
            {
                type = candidate;
                return true;
            }
        }

        type = default;
        return false;
    }

    private static void CheckTiling(List<(long Begin, long End, string Name)> places, long dataLength, MappedFile file)
    {
        places.Sort();
        long next = 0;
        foreach (var (begin, end, name) in places)
        {
            if (begin != next)
            {
                throw file.Bad($"tensor '{name}' begins at {begin} where the one before ends at {next}; the file is damaged, make it again.");
            }

            next = end;
        }

        if (next != dataLength)
        {
            throw file.Bad(
                $"the tensors need {next} bytes and the file holds {dataLength} after its header; it was cut short or is damaged, make or copy it again.");
        }
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    private static string FirstLine(Exception e) => e.Message.ReplaceLineEndings(" ");
}
