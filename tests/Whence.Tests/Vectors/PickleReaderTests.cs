using Whence.Vectors;

namespace Whence.Tests.Vectors;

/// <summary>Pickles that no PyTorch writes: hostile ones, and those that only look so.</summary>
public sealed class PickleReaderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Code_in_a_pickle_is_a_name_and_nothing_more()
    {
        using var file = Open(TorchArchive.Pickle("cposix\nsystem\n", TorchArchive.Text("touch /tmp/owned"), 0x85, 'R'));
        Assert.Equal(TorchKind.Opaque, file.Root.Kind);
        var message = Assert.Throws<WhenceException>(file.Root.AsDictionary).Message;
        Assert.Contains("the root object is a Python object (posix.system)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_on_an_unknown_object_and_items_on_an_unknown_container_are_dropped()
    {
        using var file = Open(TorchArchive.Pickle(
            '(', TorchArchive.Text("x"), 'K', 1, "ca\nb\n", ')', 'R', '(', 'K', 1, 'K', 2, 'u', ']', 'b', 'K', 3, 'a', 't'));
        Assert.Equal([TorchKind.Text, TorchKind.Number, TorchKind.Opaque], file.Root.AsList().Select(item => item.Kind));
    }

    [Fact]
    public void A_dictionary_within_itself_neither_hangs_nor_overflows_the_stack()
    {
        using var file = Open(TorchArchive.Pickle('}', 'q', 0, TorchArchive.Text("self"), 'h', 0, 's'));
        Assert.Equal("self.self.self", file.Root["self"]["self"]["self"].Path);
        Assert.Contains("nested without an end", Assert.Throws<WhenceException>(file.Root.ReadStateDict).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_within_itself_is_looked_at_only_as_far_as_asked()
    {
        using var file = Open(TorchArchive.Pickle(']', 'q', 0, 'h', 0, 'a'));
        Assert.Equal("[0][0]", file.Root.AsList()[0].AsList()[0].Path);
    }

    [Fact]
    public void Dictionaries_that_double_at_every_level_are_cut_off()
    {
        object[] levels = [.. Enumerable.Range(0, 60).SelectMany(_ => new object[]
        {
            'q', 0, '0', '}', '(', TorchArchive.Text("a"), 'h', 0, TorchArchive.Text("b"), 'h', 0, 'u',
        })];
        using var file = Open(TorchArchive.Pickle(['}', .. levels]));
        Assert.Contains("nested without an end", Assert.Throws<WhenceException>(file.Root.ReadStateDict).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tuples_nested_a_million_deep_are_read_without_recursion()
    {
        using var file = Open(TorchArchive.Pickle(')', Enumerable.Repeat((byte)0x85, 1_000_000).ToArray()));
        Assert.Single(file.Root.AsList());
    }

    [Theory]
    [InlineData("", "bytes are wanted where 0")]
    [InlineData("2e", "taken where nothing is")]
    [InlineData("302e", "taken where nothing is")]
    [InlineData("742e", "an end without a beginning")]
    [InlineData("68002e", "memo 0 was never put")]
    [InlineData("582e", "bytes are wanted")]
    [InlineData("58ffffffff2e", "4294967295 bytes are wanted")]
    [InlineData("8dffffffffffffffff2e", "18446744073709551615 bytes are wanted")]
    [InlineData("7d284b01752e", "a key without a value")]
    [InlineData("287d284b0173752e", "taken where nothing is")]
    [InlineData("636f732e", "a name without an end")]
    [InlineData("4e512e", "no storage of a tensor")]
    [InlineData("4b014b02932e", "without a name")]
    [InlineData("49310a2e", "opcode 0x49")]
    [InlineData("80092e", "protocol 9")]
    public void A_pickle_that_makes_no_sense_is_refused(string hex, string message)
    {
        var error = Assert.Throws<WhenceException>(() => Open(Convert.FromHexString(hex)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("'archive/data.pkl' is damaged at byte", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("8a00", 0)]
    [InlineData("8a01ff", -1)]
    [InlineData("8a02ff00", 255)]
    [InlineData("8a08ffffffffffffff7f", long.MaxValue)]
    [InlineData("8a080000000000000080", long.MinValue)]
    [InlineData("4a00000080", int.MinValue)]
    [InlineData("4dffff", 65535)]
    public void Integers_are_twos_complement(string hex, long expected)
    {
        using var file = Open(Convert.FromHexString(hex + "2e"));
        Assert.Equal(expected, file.Root.AsInt64());
    }

    [Theory]
    [InlineData(2L, 0L, new long[] { 2 }, new long[] { 1 }, null)]
    [InlineData(2L, 0L, new long[] { 3 }, new long[] { 1 }, "3 elements in a storage of 2")]
    [InlineData(9L, 0L, new long[] { 3 }, new long[] { 1 }, "3 elements in a storage of 2")]
    [InlineData(2L, 1L, new long[] { 2 }, new long[] { 1 }, "beyond its storage")]
    [InlineData(2L, -1L, new long[] { 2 }, new long[] { 1 }, "beyond its storage")]
    [InlineData(2L, 0L, new long[] { 2 }, new long[] { -1 }, "beyond its storage")]
    [InlineData(2L, 1L, new long[] { 2 }, new long[] { -1 }, "beyond its storage")]
    [InlineData(2L, 0L, new long[] { 2 }, new[] { long.MaxValue }, "beyond its storage")]
    [InlineData(2L, long.MaxValue, new long[] { 2, 1 }, new[] { long.MaxValue, long.MaxValue }, "beyond its storage")]
    [InlineData(2L, 0L, new[] { long.MaxValue, 2 }, new long[] { 0, 0 }, "without a sensible shape")]
    [InlineData(2L, 0L, new long[] { -2, -1 }, new long[] { 1, 1 }, "without a sensible shape")]
    [InlineData(2L, 0L, new long[] { 2 }, new long[] { 1, 1 }, "without a sensible shape")]
    [InlineData(2L, 0L, new[] { long.MaxValue }, new long[] { 0 }, "elements in a storage of 2")]
    [InlineData(2L, long.MaxValue, new long[] { 0 }, new long[] { 1 }, null)]
    public void A_tensor_lies_in_its_storage_or_is_refused(long claimed, long offset, long[] shape, long[] strides, string? message)
    {
        using var file = Open(TorchArchive.Tensor("FloatStorage", claimed, offset, shape, strides), ("data/0", new byte[8]));
        if (message is null)
        {
            Assert.Equal(shape[0], file.Root.AsTensor().ReadSingle().Length);
        }
        else
        {
            Assert.Contains(message, Assert.Throws<WhenceException>(file.Root.AsTensor).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_missing_storage_and_a_big_endian_archive_are_refused()
    {
        var tensor = TorchArchive.Tensor("FloatStorage", 1, 0, [1], [1]);
        using var file = Open(tensor);
        Assert.Contains("'archive/data/0'", Assert.Throws<WhenceException>(file.Root.AsTensor).Message, StringComparison.Ordinal);
        Assert.Contains("big-endian", Assert.Throws<WhenceException>(() => Open(tensor, ("byteorder", "big"u8.ToArray()))).Message, StringComparison.Ordinal);
        using var little = Open(tensor, ("byteorder", "little"u8.ToArray()), ("data/0", [0, 0, 128, 63]));
        Assert.Equal([1f], little.Root.AsTensor().ReadSingle());
    }

    [Fact]
    public void An_archive_of_something_else_and_a_text_are_refused()
    {
        var error = Assert.Throws<WhenceException>(() => TorchFile.Open(Path.Combine(SharedData.RepositoryRoot, "Whence.slnx")));
        Assert.Contains("is not a PyTorch file", error.Message, StringComparison.Ordinal);
        var path = _folder["x.zip"];
        System.IO.Compression.ZipFile.CreateFromDirectory(Directory.CreateDirectory(_folder["empty"]).FullName, path);
        Assert.Contains("not one of torch.save", Assert.Throws<WhenceException>(() => TorchFile.Open(path)).Message, StringComparison.Ordinal);
    }

    private TorchFile Open(byte[] pickle, params (string Name, byte[] Content)[] entries) =>
        TorchFile.Open(TorchArchive.Save(_folder, pickle, entries));
}
