using System.Text;
using FsCheck.Xunit;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Property(MaxTest = 50)]
    public void What_is_written_is_read_back(float[] singles, long[] integers, ushort[] bits, string text)
    {
        var halves = bits.Select(BitConverter.UInt16BitsToHalf).ToArray();
        text = new string([.. (text ?? "").Where(c => !char.IsSurrogate(c))]);
        var path = _folder["round.safetensors"];
        SafetensorsFile.Write(
            path,
            [
                TensorData.FromSingle("singles", singles, singles.Length),
                TensorData.FromInt64("integers", integers, 1, integers.Length),
                TensorData.FromHalf("halves " + text, halves, halves.Length, 1),
                TensorData.FromInt64("scalar", [7]),
            ],
            new Dictionary<string, string> { ["text"] = text });
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(singles, file.ReadSingle("singles"));
        Assert.Equal(integers, file.ReadInt64("integers"));
        Assert.Equal(halves.Select(half => (float)half), file.ReadSingle("halves " + text));
        Assert.Equal([halves.Length, 1], file.Tensors["halves " + text].Shape);
        Assert.Equal([7], file.ReadInt64("scalar"));
        Assert.Equal(text, file.Metadata["text"]);
    }

    [Theory]
    [InlineData("BOOL", "0001ff", new float[] { 0, 1, 1 }, new long[] { 0, 1, 1 })]
    [InlineData("U8", "0001ff", new float[] { 0, 1, 255 }, new long[] { 0, 1, 255 })]
    [InlineData("I8", "0001ff", new float[] { 0, 1, -1 }, new long[] { 0, 1, -1 })]
    [InlineData("I16", "00000100ffff", new float[] { 0, 1, -1 }, new long[] { 0, 1, -1 })]
    [InlineData("I32", "01000000ffffffff", new float[] { 1, -1 }, new long[] { 1, -1 })]
    [InlineData("I64", "ffffffffffffffff", new float[] { -1 }, new long[] { -1 })]
    [InlineData("F16", "003c00c0", new float[] { 1, -2 }, null)]
    [InlineData("BF16", "803f00c0", new float[] { 1, -2 }, null)]
    [InlineData("F32", "0000803f", new float[] { 1 }, null)]
    [InlineData("F64", "000000000000f03f", new float[] { 1 }, null)]
    public void Every_type_is_read(string type, string hex, float[] singles, long[]? integers)
    {
        var bytes = Convert.FromHexString(hex);
        using var file = SafetensorsFile.Open(SaveRaw(
            $$$"""{"t":{"dtype":"{{{type}}}","shape":[{{{singles.Length}}}],"data_offsets":[0,{{{bytes.Length}}}]}}""", bytes));
        Assert.Equal(singles, file.ReadSingle("t"));
        Assert.Equal(bytes, file.Bytes("t").ToArray());
        if (integers is not null)
        {
            Assert.Equal(integers, file.ReadInt64("t"));
        }
        else
        {
            Assert.Throws<WhenceException>(() => file.ReadInt64("t"));
        }
    }

    [Fact]
    public void Matrices_and_rows_are_read()
    {
        var path = _folder["matrix.safetensors"];
        SafetensorsFile.Write(path, [TensorData.FromSingle("m", [1, 2, 3, 4, 5, 6], 3, 2), TensorData.FromSingle("c", new float[8], 2, 2, 2)]);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal([3, 4], file.ReadMatrix("m").Row(1).ToArray());
        var rows = new float[4];
        file.ReadRows("m", 1, rows);
        Assert.Equal([3, 4, 5, 6], rows);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadRows("m", 2, rows));
        Assert.Throws<ArgumentException>(() => file.ReadRows("m", 0, new float[3]));
        Assert.Contains("'c' is F32 [2, 2, 2]", Assert.Throws<WhenceException>(() => file.ReadMatrix("c")).Message, StringComparison.Ordinal);
        Assert.Contains("it holds m, c", Assert.Throws<WhenceException>(() => file.ReadSingle("x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_begin_at_a_multiple_of_8_and_no_name_comes_twice()
    {
        var one = TensorData.FromSingle("one", [1], 1);
        using var stream = new MemoryStream();
        SafetensorsFile.Write(stream, [one]);
        Assert.Equal(0, (stream.Length - 4) % 8);
        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(Stream.Null, [one, one]));
        Assert.Throws<ArgumentException>(() => TensorData.FromSingle("one", [1], 2));
    }

    [Theory]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "need 4 bytes and the file holds 8")]
    [InlineData("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "F32 [2] but lies at 0 to 4")]
    [InlineData("""{"t":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "need 12 bytes and the file holds 8")]
    [InlineData("""{"t":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}""", "[-1, -2]")]
    [InlineData("""{"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", "4294967296")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "4 to 0")]
    [InlineData("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", "-4 to 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'b' begins at 4 where the one before ends at 8")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'b' begins at 4 where the one before ends at 2")]
    [InlineData("""{"t":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}""", "type F8_E4M3")]
    [InlineData("""{"t":{"dtype":"F32","shape":[2]}}""", "lacks")]
    [InlineData("""{"t":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", "JSON")]
    [InlineData("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "JSON")]
    [InlineData("""["t"]""", "JSON")]
    [InlineData("{ ", "JSON")]
    public void A_header_that_lies_is_refused(string header, string message)
    {
        var error = Assert.Throws<WhenceException>(() => SafetensorsFile.Open(SaveRaw(header, new byte[8])));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("0102")]
    [InlineData("ffffffffffffffff7b7d")]
    [InlineData("0300000000000000" + "7b7d")]
    public void A_header_length_beyond_the_file_is_refused(string hex)
    {
        File.WriteAllBytes(_folder["x"], Convert.FromHexString(hex));
        Assert.Throws<WhenceException>(() => SafetensorsFile.Open(_folder["x"]));
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_named_and_leaves_nothing_behind()
    {
        Directory.CreateDirectory(_folder["taken"]);
        var error = Assert.Throws<WhenceException>(() => SafetensorsFile.Write(_folder["taken"], []));
        Assert.Contains("cannot be written", error.Message, StringComparison.Ordinal);
        Assert.Throws<WhenceException>(() => SafetensorsFile.Write(_folder["none", "x"], []));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    private string SaveRaw(string header, byte[] data)
    {
        var path = _folder[Guid.NewGuid().ToString("N")];
        var json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data]);
        return path;
    }
}
