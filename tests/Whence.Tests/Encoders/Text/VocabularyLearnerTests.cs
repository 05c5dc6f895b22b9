using System.Text;
using FsCheck;
using FsCheck.Xunit;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

public sealed class VocabularyLearnerTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Words_that_are_met_often_become_one_symbol_and_rare_ones_stay_in_pieces()
    {
        string[] captions = [.. Enumerable.Repeat("a red circle", 5), .. Enumerable.Repeat("A blue CIRCLE", 5), "an unseen thing"];
        var tokenizer = ClipTokenizer.Learn(captions);
        Assert.Equal(5, tokenizer.Encode("a red circle").Tokens); // start, three words, end
        Assert.Equal(5, tokenizer.Encode("a blue circle").Tokens);
        Assert.True(tokenizer.Encode("unseen").Tokens > 3);
        Assert.Equal("a red circle", tokenizer.Decode([.. tokenizer.Encode("A  Red circle").Ids]));
        Assert.Equal((tokenizer.VocabularySize - 2, tokenizer.VocabularySize - 1), (tokenizer.StartToken, tokenizer.EndToken));
    }

    [Property(MaxTest = 60)]
    public bool The_vocabulary_is_no_larger_than_asked_and_equals_the_slow_way(int seed)
    {
        var random = new Random(seed);
        var texts = RandomTexts(random);
        var options = new VocabularyOptions { Most = 530 + random.Next(60), Reserved = random.Next(6), LeastCount = 1 + random.Next(3) };
        var learned = VocabularyLearner.Learn(texts, options);
        return learned.Count <= options.Most && learned.Merges.SequenceEqual(SlowMerges(texts, options));
    }

    [Property(MaxTest = 40)]
    public bool The_order_of_the_texts_changes_nothing_and_every_text_comes_back(int seed, NonEmptyString any)
    {
        var random = new Random(seed);
        string[] texts = [.. RandomTexts(random), any.Get];
        var tokenizer = ClipTokenizer.Learn(texts, new() { Most = 700, Reserved = 3 });
        var ordered = VocabularyLearner.Learn(texts, new() { Most = 700, Reserved = 3 }).Merges;
        random.Shuffle(texts);
        var whole = ClipTokenizer.Learn(texts, new() { Most = 700, Reserved = 3 }, new ClipTokenizerOptions { ContextLength = 4096 });
        return ordered.SequenceEqual(VocabularyLearner.Learn(texts, new() { Most = 700, Reserved = 3 }).Merges)
            && tokenizer.VocabularySize == whole.VocabularySize
            && Squeezed(whole.Decode([.. whole.Encode(any.Get).Ids])) == Squeezed(TextCleaner.Clean(any.Get));
    }

    [Fact]
    public void What_was_saved_is_read_as_it_was_and_its_bytes_are_the_same_every_time()
    {
        string[] captions = ["a \"quoted\" café \\ ☃", "a quoted café", "a red apple, noto style", "a red apple, fluent style"];
        var tokenizer = ClipTokenizer.Learn(captions, new() { Most = 560, Reserved = 4 }).AddTokens("<new1>", "<new2>");
        Directory.CreateDirectory(_temp["a"]);
        Directory.CreateDirectory(_temp["b"]);
        tokenizer.Save(_temp["a"]);
        ClipTokenizer.Learn([.. captions.Reverse()], new() { Most = 560, Reserved = 4 }).AddTokens("<new1>", "<new2>").Save(_temp["b"]);
        Assert.Equal(["added_tokens.json", "merges.txt", "tokenizer_config.json", "vocab.json"], Directory.GetFiles(_temp["a"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        foreach (var file in Directory.GetFiles(_temp["a"]))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(_temp["b", Path.GetFileName(file)]));
        }

        var loaded = ClipTokenizer.Load(_temp["a"]);
        Assert.Equal((tokenizer.VocabularySize, 2), (loaded.VocabularySize, loaded.AddedTokens.Count));
        Assert.Equal(tokenizer.ReservedTokens, loaded.ReservedTokens);
        foreach (var caption in captions.Append("a <new1> of ☃ <new2>"))
        {
            Assert.Equal(tokenizer.Encode(caption).Ids.ToArray(), loaded.Encode(caption).Ids.ToArray());
        }
    }

    [Fact]
    public void No_text_gives_a_reserved_symbol()
    {
        var tokenizer = ClipTokenizer.Learn(["<|reserved1|>", "<|reserved1|> reserved reserved", "<|reserved1|>"], new() { Reserved = 2 });
        Assert.Equal(2, tokenizer.ReservedTokens.Count);
        Assert.Equal([tokenizer.StartToken - 2, tokenizer.StartToken - 1], tokenizer.ReservedTokens);
        Assert.DoesNotContain(tokenizer.ReservedTokens[0], tokenizer.Encode("<|reserved1|>").Ids.ToArray());
        Assert.Empty(new ClipTokenizer().ReservedTokens);
    }

    [Fact]
    public void CLIP_s_own_vocabulary_is_written_as_it_is_published()
    {
        var tokenizer = new ClipTokenizer();
        tokenizer.Save(_temp.Path);
        var loaded = ClipTokenizer.Load(_temp.Path);
        Assert.Equal(tokenizer.Encode("A photo of a café, 3 dogs!").Ids.ToArray(), loaded.Encode("A photo of a café, 3 dogs!").Ids.ToArray());
        Assert.Equal(49408, loaded.VocabularySize);
    }

    [Fact]
    public void Sizes_that_cannot_be_are_refused()
    {
        foreach (var options in new VocabularyOptions[] { new() { Most = 513, Reserved = 0 }, new() { Most = 520, Reserved = 7 }, new() { Reserved = -1 }, new() { LeastCount = 0 }, new() { Most = 2_000_000 } })
        {
            Assert.ThrowsAny<ArgumentException>(() => ClipTokenizer.Learn(["a"], options));
        }

        Assert.Equal(514, ClipTokenizer.Learn([], new() { Most = 514, Reserved = 0 }).VocabularySize);
    }

    private static string Squeezed(string text) => text.Replace(" ", "", StringComparison.Ordinal);

    private static string[] RandomTexts(Random random) => [.. Enumerable.Range(0, 1 + random.Next(30)).Select(_ =>
        string.Join(' ', Enumerable.Range(0, 1 + random.Next(5)).Select(_ => new string([.. Enumerable.Range(0, 1 + random.Next(6)).Select(_ => "abcé"[random.Next(4)])]))))];

    // Counts all pairs anew for each merge.
    private static List<(string Left, string Right)> SlowMerges(string[] texts, VocabularyOptions options)
    {
        List<List<string>> words = [.. texts.SelectMany(t => TextCleaner.Clean(t).Split(' ')).Where(w => w.Length > 0).Select(w =>
        {
            List<string> symbols = [.. Encoding.UTF8.GetBytes(w).Select(b => ByteSymbols.Of(b).ToString())];
            symbols[^1] += ByteSymbols.WordEnd;
            return symbols;
        })];
        var merges = new List<(string Left, string Right)>();
        var count = VocabularyOptions.Least + options.Reserved;
        while (count < options.Most)
        {
            var best = words.SelectMany(w => w.Zip(w.Skip(1))).GroupBy(p => p).Where(g => g.Count() >= options.LeastCount)
                .OrderByDescending(g => g.Count()).ThenBy(g => g.Key.First, StringComparer.Ordinal).ThenBy(g => g.Key.Second, StringComparer.Ordinal).FirstOrDefault();
            if (best is null)
            {
                break;
            }

            var (left, right) = best.Key;
            count += merges.Any(m => m.Left + m.Right == left + right) ? 0 : 1;
            merges.Add((left, right));
            foreach (var word in words)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == left && word[i + 1] == right)
                    {
                        word[i] = left + right;
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return merges;
    }
}
