using FsCheck.Xunit;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

public class ClipTokenizerTests
{
    private static readonly ClipTokenizer Tokenizer = new();

    [Fact]
    public void A_short_text_is_padded_with_zeros()
    {
        var text = Tokenizer.Encode("a photo of a cat");
        Assert.Equal([49406, 320, 1125, 539, 320, 2368, 49407, 0, 0], text.Ids.Take(9));
        Assert.Equal((77, 7, false), (text.Ids.Count, text.Tokens, text.Truncated));
        Assert.Equal([49406, 49407, 0], Tokenizer.Encode("").Ids.Take(3));
    }

    [Fact]
    public void A_long_text_is_cut_and_ends_with_the_end_token()
    {
        var tokenizer = new ClipTokenizer(new ClipTokenizerOptions { ContextLength = 5, Padding = ClipPadding.EndToken });
        var text = tokenizer.Encode("a photo of a cat");
        Assert.Equal([49406, 320, 1125, 539, 49407], text.Ids);
        Assert.Equal((7, true), (text.Tokens, text.Truncated));
        Assert.Equal((5, false), (tokenizer.Encode("a photo of").Tokens, tokenizer.Encode("a photo of").Truncated));
        Assert.Equal([49406, 320, 49407, 49407, 49407], tokenizer.Encode("a").Ids);
    }

    [Fact]
    public void A_batch_is_its_texts()
    {
        string[] texts = ["a cat", "", string.Concat(Enumerable.Repeat("long ", 200))];
        var batch = Tokenizer.Encode(texts);
        Assert.Equal(texts.SelectMany(text => Tokenizer.Encode(text).Ids), batch.Ids.ToArray());
        Assert.Equal([4, 2, 202], batch.Tokens);
        Assert.Equal(1, batch.Truncated);
        Assert.Equal(0, Tokenizer.Encode(Array.Empty<string>()).Ids.Length);
    }

    [Fact]
    public void Special_strings_become_their_ids_where_a_word_begins()
    {
        Assert.Equal([49406, 49406, 2368, 49407, 49407], Tokenizer.Encode("<|StartOfText|>cat<|endoftext|>").Ids.Take(5));
        Assert.DoesNotContain(49406, Tokenizer.Encode("!<|startoftext|>").Ids.Skip(1));
    }

    [Fact]
    public void Decoding_gives_the_words_between_start_and_end()
    {
        Assert.Equal("a photo of a cat", Tokenizer.Decode([.. Tokenizer.Encode("A photo of a cat").Ids]));
        Assert.Equal("a photo", Tokenizer.Decode([320, 1125]));
        Assert.Equal("", Tokenizer.Decode([]));
        Assert.Equal("\uFFFD", Tokenizer.Decode([Tokenizer.Encode("\U0001F9FF").Ids[1]])); // the beginning of a letter that is cut
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Decode([49408]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Decode([-1]));
    }

    [Property(MaxTest = 1000)]
    public bool Any_text_gives_ids_in_range_and_its_cleaned_self_back(string? text)
    {
        var encoded = Wide.Encode(text ?? "");
        var cleaned = TextCleaner.Clean(text ?? "");
        return encoded.Tokens >= 2 && encoded.Ids.All(id => id is >= 0 and < 49408) && encoded.Ids[0] == 49406 && encoded.Ids[encoded.Tokens - 1] == 49407
            && WithoutSpaces(Wide.Decode([.. encoded.Ids])) == WithoutSpaces(cleaned);
    }

    [Property(MaxTest = 300)]
    public bool Captions_with_odd_characters_come_back(int seed)
    {
        var random = new Random(seed);
        string[] words = ["a", "Photo", "of", "Vincent's", "caf\u00E9", "\u65E5\u672C", "\U0001F600", "42", "\U00010330\U00010331", "&amp;", "don\u2019t", "\u0301", "\uDE00"];
        var text = string.Join(random.Next(2) == 0 ? " " : "", Enumerable.Range(0, random.Next(30)).Select(_ => words[random.Next(words.Length)]));
        return WithoutSpaces(Wide.Decode([.. Wide.Encode(text).Ids])) == WithoutSpaces(TextCleaner.Clean(text));
    }

    [Fact]
    public void An_added_token_is_found_whole_and_has_the_next_id()
    {
        var tokenizer = Tokenizer.AddTokens("<new1>", "<new12>").AddTokens("sks\u00E9");
        Assert.Equal((49411, 49408), (tokenizer.VocabularySize, Tokenizer.VocabularySize));
        Assert.Equal(["<new1>", "<new12>", "sks\u00E9"], tokenizer.AddedTokens);
        Assert.Equal([49406, 1125, 539, 49408, 2368, 49407, 0], tokenizer.Encode("Photo of <new1> cat").Ids.Take(7));
        Assert.Equal([49406, 2368, 49409, 49408, 2368, 49410, 49407], tokenizer.Encode("cat<new12><new1>cat sks\u00E9").Ids.Take(7));
        Assert.Equal("photo of <new1> cat", tokenizer.Decode([.. tokenizer.Encode("Photo of <new1> cat").Ids]));
        Assert.Equal(Tokenizer.Encode("<NEW1>").Ids, tokenizer.Encode("<NEW1>").Ids); // with its case
        Assert.DoesNotContain(49408, Tokenizer.Encode("<new1>").Ids);
    }

    [Theory]
    [InlineData("cat")]
    [InlineData("cat</w>")]
    [InlineData("<|endoftext|>")]
    [InlineData("<new1>")]
    public void A_token_that_is_there_is_refused(string token)
    {
        var message = Assert.Throws<WhenceException>(() => Tokenizer.AddTokens("<new1>").AddTokens(token)).Message;
        Assert.Contains($"already has the token '{token}'", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_a_token_is_refused() =>
        Assert.All(["", "two words", "\uD83D"], token => Assert.Throws<ArgumentException>(() => Tokenizer.AddTokens(token)));

    [Fact]
    public void Wrong_calls_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ClipTokenizer(new ClipTokenizerOptions { ContextLength = 1 }));
        Assert.Throws<ArgumentException>(() => Tokenizer.Encode("x", new int[76]));
        Assert.Throws<ArgumentNullException>(() => Tokenizer.Encode((string)null!));
    }

    [Fact]
    public void Many_threads_get_what_one_gets()
    {
        var random = new Random(5);
        string[] texts = [.. Enumerable.Range(0, 3000).Select(i => $"photo {i} of {random.Next(90_000)}x{(char)('a' + random.Next(26))}{random.NextInt64():x} caf\u00E9")];
        var expected = texts.Select(text => Tokenizer.Encode(text).Ids).ToArray();
        var shared = new ClipTokenizer();
        var actual = new IReadOnlyList<int>[texts.Length];
        Parallel.For(0, texts.Length * 4, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var ids = shared.Encode(texts[i % texts.Length]).Ids;
            actual[i % texts.Length] = ids;
            Assert.Equal(expected[i % texts.Length], ids);
        });
        Assert.Equal(expected, actual);
    }

    private static readonly ClipTokenizer Wide = new(new ClipTokenizerOptions { ContextLength = 65_536 });

    private static string WithoutSpaces(string text) => text.Replace(" ", "", StringComparison.Ordinal);
}
