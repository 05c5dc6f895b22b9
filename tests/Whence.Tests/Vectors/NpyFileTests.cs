using System.Text;
using FsCheck.Xunit;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

public sealed class NpyFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Property(MaxTest = 50)]
    public void What_is_written_is_read_back(float[] values, byte width)
    {
        var columns = (width % 7) + 1;
        var rows = values.Length / columns;
        var written = values[..(rows * columns)];
        using var file = NpyFile.Open(Save(stream => NpyFile.Write(stream, written, columns)));
        Assert.Equal((rows, columns, ElementType.F32), (file.Rows, file.Columns, file.Type));
        Assert.Equal(written, ReadAll(file));
    }

    [Property(MaxTest = 50)]
    public void Halves_are_read_back_with_and_without_a_copy(ushort[] bits)
    {
        var written = bits.Select(BitConverter.UInt16BitsToHalf).ToArray();
        using var file = NpyFile.Open(Save(stream => NpyFile.Write(stream, written, 1)));
        Assert.Equal(written, file.HalfRows(0, written.Length).ToArray());
        Assert.Equal(written.Select(half => (float)half), ReadAll(file));
    }

    [Fact]
    public void The_header_is_numpys_own_and_numbers_begin_at_a_multiple_of_64()
    {
        using var stream = new MemoryStream();
        NpyFile.Write(stream, [1f, 2, 3, 4, 5, 6], 3);
        var bytes = stream.ToArray();
        Assert.Equal(128 + 24, bytes.Length);
        Assert.Equal([0x93, .. "NUMPY"u8, 1, 0, 118, 0], bytes[..10]);
        Assert.Equal("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", Encoding.ASCII.GetString(bytes, 10, 118).TrimEnd());
        Assert.Equal((byte)'\n', bytes[127]);
    }

    [Fact]
    public void Rows_from_the_middle_are_read()
    {
        using var file = NpyFile.Open(Save(stream => NpyFile.Write(stream, Enumerable.Range(0, 12).Select(i => (Half)i).ToArray(), 3)));
        var rows = new float[6];
        file.ReadRows(1, rows);
        Assert.Equal([3, 4, 5, 6, 7, 8], rows);
        Assert.Equal([(Half)9, (Half)10, (Half)11], file.HalfRows(3, 1).ToArray());
    }

    [Fact]
    public void Doubles_and_one_dimension_are_read_as_one_row_of_float32()
    {
        var numbers = new double[] { 1.5, -2 }.SelectMany(BitConverter.GetBytes).ToArray();
        using var file = NpyFile.Open(SaveRaw("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", numbers));
        Assert.Equal((1, 2, ElementType.F64), (file.Rows, file.Columns, file.Type));
        Assert.Equal([1.5f, -2], ReadAll(file));
        Assert.Throws<InvalidOperationException>(() => file.HalfRows(0, 1).Length);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Versions_2_and_3_and_any_order_of_keys_are_read(byte version)
    {
        using var file = NpyFile.Open(SaveRaw("{ 'shape':(1L,1),'fortran_order' : False, 'descr':'<f4'}", [0, 0, 128, 63], version));
        Assert.Equal([1f], ReadAll(file));
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", "Fortran order")]
    [InlineData("{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1), }", "'>f4'")]
    [InlineData("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }", "'<i4'")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }", "'|O'")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1), }", "plain array")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1), }", "(1, 1, 1)")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "shape is ()")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 0), }", "(1, 0)")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 2), }", "larger than any file")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }", "not a shape")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", "holds 4 bytes of numbers where its header says 2 x 1 F32 = 8")]
    [InlineData("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1), }", "holds 4 bytes")]
    [InlineData("nonsense", "plain array")]
    public void A_header_that_does_not_fit_is_refused_with_its_values(string header, string message)
    {
        var path = SaveRaw(header, new byte[4]);
        var error = Assert.Throws<WhenceException>(() => NpyFile.Open(path));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_header_longer_than_64_KB_or_than_the_file_is_refused()
    {
        File.WriteAllBytes(_folder["long.npy"], [0x93, .. "NUMPY"u8, 2, 0, 0, 0, 0, 0x40]);
        Assert.Contains("65536", Assert.Throws<WhenceException>(() => NpyFile.Open(_folder["long.npy"])).Message, StringComparison.Ordinal);
        File.WriteAllBytes(_folder["short.npy"], [0x93, .. "NUMPY"u8, 1, 0, 118, 0, 1]);
        Assert.Contains("ends within", Assert.Throws<WhenceException>(() => NpyFile.Open(_folder["short.npy"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_a_missing_and_an_empty_file_are_told_apart()
    {
        File.WriteAllBytes(_folder["empty"], []);
        Assert.Contains("folder", Assert.Throws<WhenceException>(() => NpyFile.Open(_folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("does not exist", Assert.Throws<WhenceException>(() => NpyFile.Open(_folder["none"])).Message, StringComparison.Ordinal);
        Assert.Contains("is empty", Assert.Throws<WhenceException>(() => NpyFile.Open(_folder["empty"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_calls_are_refused_also_after_the_end()
    {
        var file = NpyFile.Open(Save(stream => NpyFile.Write(stream, [1f, 2], 2)));
        Assert.Throws<ArgumentException>(() => file.ReadRows(0, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadRows(1, new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadRows(-1, new float[2]));
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.ReadRows(0, new float[2]));
        Assert.Throws<ArgumentException>(() => NpyFile.Write(Stream.Null, [1f, 2, 3], 2));
    }

    [Fact]
    public void Rows_beyond_2_GB_are_read_where_they_lie()
    {
        // Sparse: the file claims 3 GB and takes a few blocks of the disk.
        const int Columns = 768;
        const long Rows = 2_100_000;
        var path = _folder["sparse.npy"];
        using (var stream = File.Create(path))
        {
            NpyFile.WriteHeader(stream, ElementType.F16, Rows, Columns);
            stream.SetLength(stream.Position + (Rows * Columns * 2));
            stream.Seek(-2, SeekOrigin.End);
            stream.Write(BitConverter.GetBytes((Half)7));
        }

        using var file = NpyFile.Open(path);
        var row = new float[Columns];
        file.ReadRows(Rows - 1, row);
        Assert.Equal((0, 7), (row[0], row[^1]));
        Assert.Equal((Half)7, file.HalfRows(Rows - 1, 1)[^1]);
    }

    private static float[] ReadAll(NpyFile file)
    {
        var values = new float[file.Rows * file.Columns];
        file.ReadRows(0, values);
        return values;
    }

    private string Save(Action<Stream> write)
    {
        var path = _folder[Guid.NewGuid().ToString("N")];
        using var stream = File.Create(path);
        write(stream);
        return path;
    }

    private string SaveRaw(string header, byte[] numbers, byte version = 1) => Save(stream =>
    {
        byte[] length = version == 1 ? BitConverter.GetBytes((ushort)header.Length) : BitConverter.GetBytes(header.Length);
        stream.Write([0x93, .. "NUMPY"u8, version, 0, .. length, .. Encoding.ASCII.GetBytes(header), .. numbers]);
    });
}
