using System.Buffers.Binary;
using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

/// <summary>Native code follows what stands in a graph: nothing in a file may lead it out of it.</summary>
public sealed class GraphFileTests : IDisposable
{
    private const int Count = 600, Dimension = 8;
    private const int VectorBytes = 8 + (Count * Dimension * 2), Levels = VectorBytes + 64 + 40, Nodes = Levels + (2 * Count);
    private static readonly GraphShape Shape = new(Count, Count, Dimension);

    private readonly TempFolder _temp = new();
    private readonly string _path;
    private readonly byte[] _bytes;

    public GraphFileTests()
    {
        var random = new Random(1);
        ExactSearchTests.Write(_temp["index"], [.. Enumerable.Range(0, Count).Select(_ => Enumerable.Range(0, Dimension).Select(_ => random.NextSingle() - 0.5f).ToArray())], 600);
        ApproximateIndex.Build(FeatureIndex.Open(_temp["index"]), options: new() { Threads = 1 });
        _path = Directory.GetFiles(_temp["index", "ann", "features"], "*.usearch").Single();
        _bytes = File.ReadAllBytes(_path);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Every_changed_byte_is_noticed_or_is_one_of_a_vector()
    {
        var random = new Random(2);
        for (var i = 0; i < 300; i++)
        {
            var at = random.Next(i % 2 == 0 ? Nodes : _bytes.Length);
            Write(b => b[at] ^= (byte)(1 << random.Next(8)));
            if (at is >= 8 and < VectorBytes)
            {
                Assert.Equal(5, Search().Length);
                Assert.Contains("its vectors", Assert.Throws<WhenceException>(() => ApproximateCheck.Run(FeatureIndex.Open(_temp["index"]))).Message, StringComparison.Ordinal);
            }
            else
            {
                AssertDamaged(Assert.Throws<WhenceException>(Search));
            }
        }
    }

    // Made to fit its checksum, by somebody who means harm.
    public static TheoryData<string, int, ulong, int> Lies => new()
    {
        { "rows", 0, Count + 1, 4 },
        { "bytes a row", 4, 4096, 4 },
        { "name", VectorBytes, 0, 1 },
        { "version", VectorBytes + 7, 3, 2 },
        { "metric", VectorBytes + 13, (byte)'c', 1 },
        { "scalar", VectorBytes + 14, 1, 1 },
        { "count", VectorBytes + 17, ulong.MaxValue, 8 },
        { "dimension", VectorBytes + 33, 1 << 20, 8 },
        { "several a key", VectorBytes + 41, 1, 1 },
        { "size", VectorBytes + 64, ulong.MaxValue, 8 },
        { "connectivity", VectorBytes + 72, 1 << 30, 8 },
        { "connectivity of the base", VectorBytes + 80, 33, 8 },
        { "highest level", VectorBytes + 88, 1000, 8 },
        { "entry", VectorBytes + 96, Count, 8 },
        { "level", Levels, 5, 2 },
        { "level below 0", Levels, 0xFFFF, 2 },
        { "key", Nodes, Count, 8 },
        { "key of another", Nodes, 1, 8 },
        { "level of a node", Nodes + 8, 1, 2 },
        { "number of neighbours", Nodes + 10, 33, 4 },
        { "neighbour", Nodes + 14, Count, 4 },
        { "distant neighbour", Nodes + 14, uint.MaxValue, 4 },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_lie_is_found_without_a_checksum(string about, int at, ulong value, int length)
    {
        Assert.NotEmpty(about);
        Assert.Equal(16, Check().Length);
        Write(b =>
        {
            Span<byte> number = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(number, value);
            number[..length].CopyTo(b.AsSpan(at));
        });
        AssertDamaged(Assert.Throws<WhenceException>(Check));
    }

    [Fact]
    public void A_neighbour_that_does_not_reach_as_high_is_found()
    {
        var at = Nodes;
        for (var slot = 0; slot < Count; slot++)
        {
            var level = BinaryPrimitives.ReadInt16LittleEndian(_bytes.AsSpan(at + 8));
            var upper = at + 10 + (33 * 4);
            if (level > 0 && BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(upper)) > 0)
            {
                var low = Enumerable.Range(0, Count).First(s => BinaryPrimitives.ReadInt16LittleEndian(_bytes.AsSpan(Levels + (2 * s))) == 0);
                Write(b => BinaryPrimitives.WriteUInt32LittleEndian(b.AsSpan(upper + 4), (uint)low));
                AssertDamaged(Assert.Throws<WhenceException>(Check));
                return;
            }

            at += 10 + (33 * 4) + (level * 17 * 4);
        }

        Assert.Fail("there is no upper level");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(VectorBytes)]
    [InlineData(Nodes)]
    [InlineData(Nodes + 5)]
    public void A_file_cut_short_is_found(int length)
    {
        File.WriteAllBytes(_path, _bytes[..length]);
        Assert.Throws<WhenceException>(Search);
    }

    [Fact]
    public void A_byte_too_many_is_found()
    {
        File.WriteAllBytes(_path, [.. _bytes, 0]);
        AssertDamaged(Assert.Throws<WhenceException>(Search));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"format\":\"whence-approximate-index\",\"version\":1,\"encoder\":\"test\",\"mapper\":\"\",\"parameters\":null,\"graphs\":null}")]
    [InlineData("{\"format\":\"whence-approximate-index\",\"version\":1,\"encoder\":\"test\",\"mapper\":\"\",\"parameters\":{\"metric\":\"innerProduct\",\"type\":\"bf16\",\"connectivity\":16,\"expansionAdd\":128},\"graphs\":[null,{\"parts\":[null],\"vectors\":1,\"hash\":\"../../../../etc\",\"vectorsHash\":\"\"}]}")]
    public void A_table_of_contents_that_means_nothing_is_an_index_without_graphs(string content)
    {
        var table = _temp["index", "ann", "features", "graphs.json"];
        File.WriteAllText(table, content);
        Assert.Contains("whence ann build", Assert.Throws<WhenceException>(Search).Message, StringComparison.Ordinal);
        Assert.Equal(1, ApproximateIndex.Build(FeatureIndex.Open(_temp["index"]), options: new() { Threads = 1 }).Made);
        Assert.Equal(5, Search().Length);
    }

    [Fact]
    public void A_graph_in_the_place_of_another_is_not_used()
    {
        var table = _temp["index", "ann", "features", "graphs.json"];
        var hash = Path.GetFileNameWithoutExtension(_path)[^16..];
        File.WriteAllText(table, File.ReadAllText(table).Replace(hash, new string('0', 16), StringComparison.Ordinal));
        File.Move(_path, _path.Replace(hash, new string('0', 16), StringComparison.Ordinal));
        AssertDamaged(Assert.Throws<WhenceException>(Search));
    }

    private Match[] Search()
    {
        using var search = ApproximateSearch.Open(FeatureIndex.Open(_temp["index"]));
        return search.Nearest(new FeatureMatrix(1, Dimension, [1, 0, 0, 0, 0, 0, 0, 0]), 5)[0];
    }

    private string Check()
    {
        using var file = MappedFile.Open(_path);
        return GraphFile.Check(file, Shape);
    }

    private void Write(Action<byte[]> change)
    {
        var bytes = (byte[])_bytes.Clone();
        change(bytes);
        File.WriteAllBytes(_path, bytes);
    }

    private static void AssertDamaged(WhenceException error)
    {
        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
        Assert.Contains("whence ann build", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
