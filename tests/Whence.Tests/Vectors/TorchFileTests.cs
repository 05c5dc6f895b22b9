using Whence.Vectors;

namespace Whence.Tests.Vectors;

/// <summary>Files written by PyTorch itself; <c>TorchFiles/make.py</c> made them.</summary>
public class TorchFileTests
{
    private static readonly float[] Counting = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    [Theory]
    [InlineData("f16", ElementType.F16)]
    [InlineData("bf16", ElementType.BF16)]
    [InlineData("f64", ElementType.F64)]
    [InlineData("u8", ElementType.U8)]
    [InlineData("parameter", ElementType.F32)]
    public void Every_type_of_number_is_read(string key, ElementType type)
    {
        using var file = Open("everything.pth");
        var tensor = file.Root[key].AsTensor();
        Assert.Equal(type, tensor.Info.Type);
        Assert.Equal([3, 4], tensor.Info.Shape);
        Assert.Equal(Counting, tensor.ReadSingle());
    }

    [Theory]
    [InlineData("i64", ElementType.I64)]
    [InlineData("i32", ElementType.I32)]
    [InlineData("i16", ElementType.I16)]
    [InlineData("i8", ElementType.I8)]
    public void Every_type_of_integer_is_read(string key, ElementType type)
    {
        using var file = Open("everything.pth");
        var tensor = file.Root[key].AsTensor();
        Assert.Equal(type, tensor.Info.Type);
        Assert.Equal(Counting.Select(value => (long)value - 6), tensor.ReadInt64());
        Assert.Equal(Counting.Select(value => value - 6), tensor.ReadSingle());
    }

    [Fact]
    public void Strides_and_offsets_are_honoured()
    {
        using var file = Open("everything.pth");
        var transposed = file.Root["transposed"].AsTensor();
        Assert.Equal([4, 3], transposed.Info.Shape);
        Assert.Equal([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], transposed.ReadSingle());
        Assert.Equal([1, 5, 9], transposed.ReadMatrix().Row(1).ToArray());
        Assert.Equal([5, 6, 9, 10], file.Root["slice"].AsTensor().ReadSingle());
        var rows = new float[6];
        transposed.ReadRows(2, rows);
        Assert.Equal([2, 6, 10, 3, 7, 11], rows);
        Assert.Equal([0, 1, 1], file.Root["bool"].AsTensor().ReadInt64()[3..6]);
    }

    [Fact]
    public void Empty_and_scalar_tensors_are_read()
    {
        using var file = Open("everything.pth");
        Assert.Equal([0, 4], file.Root["empty"].AsTensor().Info.Shape);
        Assert.Equal(0, file.Root["empty"].AsTensor().ReadMatrix().Rows);
        Assert.Equal([2.5f], file.Root["scalar"].AsTensor().ReadSingle());
        Assert.Throws<WhenceException>(() => file.Root["scalar"].AsTensor().ReadMatrix());
        Assert.Throws<WhenceException>(() => file.Root["scalar"].AsTensor().ReadRows(0, []));
    }

    [Fact]
    public void Numbers_text_and_containers_are_read()
    {
        using var file = Open("everything.pth");
        var root = file.Root;
        Assert.Equal(-5, root["negative"].AsInt64());
        Assert.Equal(1L << 40, root["long"].AsInt64());
        Assert.Equal(1.5, root["number"].AsDouble());
        Assert.True(root["true"].AsBoolean());
        Assert.Equal(TorchKind.None, root["none"].Kind);
        Assert.Equal([3, 4], root["size"].AsList().Select(item => item.AsInt64()));
        Assert.Equal("two", root["tuple"].AsList()[1].AsText());
        Assert.Equal("one", root["by_number"]["1"].AsText());
        Assert.Equal("by_number.1", root["by_number"]["1"].Path);
        Assert.Equal("tuple[1]", root["tuple"].AsList()[1].Path);
        Assert.Equal(["0", "1"], root["by_number"].AsDictionary().Keys);
        Assert.Equal(["zero", "one"], root["by_number"].AsDictionary().Select(item => item.Value.AsText()));
    }

    [Theory]
    [InlineData("dtype", "'dtype' is a Python object (torch.float32) where a tensor is needed; Whence never executes pickles")]
    [InlineData("huge", "'huge' is a Python object (builtins.int)")]
    [InlineData("bytes", "'bytes' is a Python object (_codecs.encode)")]
    [InlineData("slice_object", "'slice_object' is a Python object (__builtin__.slice)")]
    [InlineData("complex", "'complex' is a tensor of torch.ComplexFloatStorage")]
    [InlineData("expanded", "'expanded' has 5 elements in a storage of 1")]
    [InlineData("none", "'none' is None where a tensor is needed")]
    [InlineData("tuple", "'tuple' is a list where a tensor is needed")]
    [InlineData("absent", "the root object has no key 'absent'; it has transposed, slice,")]
    public void What_is_no_tensor_is_an_error_only_when_asked_for(string key, string message)
    {
        using var file = Open("everything.pth");
        Assert.Contains(message, Assert.Throws<WhenceException>(() => file.Root[key].AsTensor()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Asking_for_the_wrong_thing_says_what_it_is_and_where()
    {
        using var file = Open("everything.pth");
        var root = file.Root;
        Assert.Contains("'tuple[0]' is a number where text", Error(() => root["tuple"].AsTexts()), StringComparison.Ordinal);
        Assert.Contains("'by_number.0' is text where a list", Error(() => root["by_number"]["0"].AsList()), StringComparison.Ordinal);
        Assert.Contains("keys that are neither text nor integers", Error(() => root["by_tuple"].AsDictionary()), StringComparison.Ordinal);
        Assert.Contains("'f16' is a tensor where a number", Error(() => root["f16"].AsDouble()), StringComparison.Ordinal);
        Assert.Contains("'f16' is F16 [3, 4] where integers", Error(() => root["f16"].AsTensor().ReadInt64()), StringComparison.Ordinal);
        Assert.Contains("the root object is a dictionary where an integer", Error(() => root.AsInt64()), StringComparison.Ordinal);
        Assert.Contains("where True or False", Error(() => root["none"].AsBoolean()), StringComparison.Ordinal);

        static string Error(Func<object> ask) => Assert.Throws<WhenceException>(ask).Message;
    }

    [Fact]
    public void Protocol_4_is_read()
    {
        using var file = Open("protocol4.pth");
        Assert.Equal(Counting, file.Root["a"].AsTensor().ReadSingle());
        Assert.Equal([1, 2], file.Root["l"].AsList().Select(item => item.AsInt64()));
    }

    [Fact]
    public void The_weights_of_a_TorchScript_archive_are_plain_tensors()
    {
        using var file = Open("scripted.pt");
        var tensors = file.Root.ReadStateDict();
        Assert.Equal(["bias", "inner.count", "inner.weight"], tensors.Keys.Order());
        Assert.Equal([0, 1, 2, 3, 4, 5], tensors["inner.weight"].ReadSingle());
        Assert.Equal([0.5f, -0.5f], tensors["bias"].ReadSingle());
        Assert.Equal([3], tensors["inner.count"].ReadInt64());
        Assert.Equal("inner.weight", tensors["inner.weight"].Path);
    }

    [Fact]
    public void A_whole_pickled_module_is_refused_with_what_to_do()
    {
        using var file = Open("module.pth");
        var message = Assert.Throws<WhenceException>(file.Root.ReadStateDict).Message;
        Assert.Contains("(__main__.Net)", message, StringComparison.Ordinal);
        Assert.Contains("save its state_dict()", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_format_before_zip_archives_is_refused_with_what_to_do() =>
        Assert.Contains("before 1.6", Assert.Throws<WhenceException>(() => Open("legacy.pth")).Message, StringComparison.Ordinal);

    [Fact]
    public void After_the_end_nothing_is_read()
    {
        var file = Open("everything.pth");
        var tensor = file.Root["f64"].AsTensor();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tensor.ReadSingle());
    }

    private static TorchFile Open(string name) =>
        TorchFile.Open(Path.Combine(SharedData.RepositoryRoot, "tests", "Whence.Tests", "Vectors", "TorchFiles", name));

    [Fact]
    public void A_compressed_pickle_is_refused()
    {
        using var folder = new TempFolder();
        using (var zip = new System.IO.Compression.ZipArchive(File.Create(folder["x.pth"]), System.IO.Compression.ZipArchiveMode.Create))
        {
            using var stream = zip.CreateEntry("archive/data.pkl").Open();
            stream.Write(TorchArchive.Pickle(new byte[100_000], '}'));
        }

        Assert.Contains("compressed", Assert.Throws<WhenceException>(() => TorchFile.Open(folder["x.pth"])).Message, StringComparison.Ordinal);
    }
}
