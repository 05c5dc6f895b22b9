using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

public sealed class ClipVocabularyFilesTests : IDisposable
{
    private const int Mutations = 600;

    private static readonly string[] Inserted = ["\"", "{", "}", ",", " ", "\n", "9999999999", "\0", "</w>"];

    private readonly TempFolder _folder = new();

    public ClipVocabularyFilesTests() => TinyVocabulary.Write(_folder);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_gives_its_own_ids()
    {
        var tokenizer = ClipTokenizer.Load(_folder.Path);
        Assert.Equal((518, 516, 517), (tokenizer.VocabularySize, tokenizer.StartToken, tokenizer.EndToken));
        Assert.Equal([516, 513, 515, 517, 0], tokenizer.Encode("Cat dog").Ids.Take(5));
        Assert.Equal("cat dog cab", tokenizer.Decode([.. tokenizer.Encode("cat dog cab").Ids]));
    }

    [Fact]
    public void Compressed_files_are_read_as_well()
    {
        foreach (var name in new[] { "vocab.json", "merges.txt" })
        {
            using var gzip = new GZipStream(File.Create(_folder[name + ".gz"]), CompressionLevel.Fastest);
            gzip.Write(File.ReadAllBytes(_folder[name]));
            File.Delete(_folder[name]);
        }

        Assert.Equal([516, 513, 517], ClipTokenizer.Load(_folder.Path).Encode("cat").Ids.Take(3));
    }

    [Fact]
    public void Added_tokens_of_the_folder_are_added()
    {
        File.WriteAllText(_folder["added_tokens.json"], """{ "<new2>": 519, "<|endoftext|>": 517, "<new1>": 518 }""");
        var tokenizer = ClipTokenizer.Load(_folder.Path);
        Assert.Equal(["<new1>", "<new2>"], tokenizer.AddedTokens);
        Assert.Equal([516, 519, 513, 517], tokenizer.Encode("<new2> cat").Ids.Take(4));
        File.WriteAllText(_folder["added_tokens.json"], """{ "<new1>": 600 }""");
        AssertRefused("'<new1>' has the id 600 where 518 is the next");
    }

    [Fact]
    public void Missing_files_are_named()
    {
        AssertRefused("no such folder", _folder["nowhere"]);
        File.Delete(_folder["merges.txt"]);
        AssertRefused("holds no merges.txt nor merges.txt.gz");
    }

    [Theory]
    [InlineData("c a\nca t</w>\nd o\ndo g</w>\nc a\n", "the merge of 'c' and 'a' is there twice")]
    [InlineData("c a\nx y\n", "the symbol 'xy' is missing from the vocabulary")]
    [InlineData("c a\nnever</w> met\n", "the symbol 'never</w>' is missing from the vocabulary")]
    [InlineData("c a\nca\n", "line 2 is 'ca' where two symbols")]
    [InlineData("c a\nca t h\n", "line 2 is 'ca t h' where two symbols")]
    [InlineData("c a\n ca\n", "line 2 is ' ca' where two symbols")]
    public void Merges_that_do_not_fit_are_refused(string merges, string message)
    {
        File.WriteAllText(_folder["merges.txt"], merges);
        AssertRefused(message);
    }

    [Theory]
    [InlineData("[1]", "something else than an object")]
    [InlineData("""{ "a": "b" }""", "the id of 'a' is no whole number")]
    [InlineData("""{ "a": 1e300 }""", "the id of 'a' is no whole number")]
    [InlineData("""{ "a": 0, "a": 1 }""", "'a' is there twice")]
    [InlineData("""{ "": 0 }""", "symbol 0 is empty")]
    [InlineData("""{ "a": 0, "b": 0 }""", "which is also the id of 'a'")]
    [InlineData("""{ "a": 0, "b": 5 }""", "'b' has the id 5, which is out of range")]
    [InlineData("""{ "a": 0, "b": -1 }""", "'b' has the id -1, which is out of range")]
    [InlineData("""{ "a": 0 }""", "the symbol '\u0100' is missing")]
    [InlineData("""{ "a": 0 """, "not a usable CLIP tokenizer")]
    [InlineData("""{ "a": 0 } x""", "not a usable CLIP tokenizer")]
    [InlineData("""{ "\ud800": 0 }""", "not a usable CLIP tokenizer")]
    public void Vocabularies_that_are_none_are_refused(string vocabulary, string message)
    {
        File.WriteAllText(_folder["vocab.json"], vocabulary);
        AssertRefused(message);
    }

    [Fact]
    public void Start_and_end_are_needed()
    {
        var ids = TinyVocabulary.Ids(TinyVocabulary.Merges);
        ids.Remove(ClipVocabulary.EndText);
        File.WriteAllText(_folder["vocab.json"], JsonSerializer.Serialize(ids));
        AssertRefused("the symbol '<|endoftext|>' is missing");
    }

    [Fact]
    public void What_unpacks_without_an_end_is_not_unpacked_to_it()
    {
        File.Delete(_folder["merges.txt"]);
        using (var gzip = new GZipStream(File.Create(_folder["merges.txt.gz"]), CompressionLevel.Optimal))
        {
            for (var i = 0; i < 80; i++)
            {
                gzip.Write(new byte[1 << 20]);
            }
        }

        AssertRefused("holds more than 67108864 bytes");
    }

    [Theory]
    [InlineData("vocab.json", false)]
    [InlineData("merges.txt", false)]
    [InlineData("vocab.json", true)]
    [InlineData("merges.txt", true)]
    public void Damaged_files_are_read_or_refused(string name, bool compressed)
    {
        var valid = File.ReadAllBytes(_folder[name]);
        if (compressed)
        {
            using var bytes = new MemoryStream();
            using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest))
            {
                gzip.Write(valid);
            }

            valid = bytes.ToArray();
        }

        var random = new Random(valid.Length);
        for (var i = 0; i < Mutations; i++)
        {
            File.WriteAllBytes(_folder[name], Mutate(valid, random));
            try
            {
                ClipTokenizer.Load(_folder.Path).Encode("cat dog");
            }
            catch (WhenceException e)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
            catch (Exception e)
            {
                Assert.Fail($"Mutation {i}: {e}");
            }
        }
    }

    private static byte[] Mutate(byte[] valid, Random random)
    {
        var (at, other) = (random.Next(valid.Length), random.Next(valid.Length));
        switch (random.Next(4))
        {
            case 0:
                return valid[..at];
            case 1:
                return [.. valid[..at], .. valid[other..]];
            case 2:
                return [.. valid[..at], .. Encoding.UTF8.GetBytes(Inserted[random.Next(Inserted.Length)]), .. valid[at..]];
            default:
                var bytes = valid.ToArray();
                bytes[at] = (byte)random.Next(256);
                return bytes;
        }
    }

    private void AssertRefused(string message, string? folder = null) =>
        Assert.Contains(message, Assert.Throws<WhenceException>(() => ClipTokenizer.Load(folder ?? _folder.Path)).Message, StringComparison.Ordinal);
}
