using FsCheck.Xunit;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

public class BytePairsTests
{
    [Property(MaxTest = 300)]
    public bool Words_of_letters_that_often_stand_together_equal_the_slow_way(int seed, bool longer)
    {
        var random = new Random(seed);
        var word = new string([.. Enumerable.Range(0, random.Next(1, longer ? 300 : 40)).Select(_ => "etaoinshrdl"[random.Next(11)])]);
        return Same(ClipVocabulary.Shipped, word);
    }

    [Property(MaxTest = 200)]
    public bool Words_of_any_characters_equal_the_slow_way(FsCheck.NonEmptyString word) =>
        Same(ClipVocabulary.Shipped, word.Get) && Same(ClipVocabulary.Shipped, string.Concat(Enumerable.Repeat(word.Get, 60)));

    // Merges in any order, of which several make the same symbol, and merged symbols that are merged earlier than their parts are.
    [Property(MaxTest = 300)]
    public bool Vocabularies_that_no_training_makes_equal_the_slow_way(int seed)
    {
        var random = new Random(seed);
        List<string> symbols = ["a", "b", "a</w>", "b</w>"];
        var merges = new HashSet<(string, string)>();
        for (var i = 0; i < 25; i++)
        {
            var left = symbols[random.Next(symbols.Count)];
            var right = symbols[random.Next(symbols.Count)];
            if (!left.EndsWith("</w>", StringComparison.Ordinal) && left.Length + right.Length < 16 && merges.Add((left, right)))
            {
                symbols.Add(left + right);
            }
        }

        (string, string)[] shuffled = [.. merges];
        random.Shuffle(shuffled);
        var vocabulary = TinyVocabulary.Of(shuffled);
        return Enumerable.Range(1, 120).All(length =>
            Same(vocabulary, new string([.. Enumerable.Range(0, length).Select(_ => random.Next(2) == 0 ? 'a' : 'b')])));
    }

    [Fact]
    public void Words_beyond_what_is_remembered_equal_those_that_were_never_met()
    {
        var pairs = new BytePairs(ClipVocabulary.Shipped);
        for (var i = 0; i < 70_000; i++)
        {
            pairs.Encode($"word{i}");
        }

        Assert.Equal(SlowBytePairs.Encode(ClipVocabulary.Shipped, "word3"), pairs.Encode("word3").ToArray());
        Assert.Equal(SlowBytePairs.Encode(ClipVocabulary.Shipped, "word69999"), pairs.Encode("word69999").ToArray());
    }

    [Fact]
    public void A_word_of_a_million_letters_takes_no_square_of_that()
    {
        var symbols = new BytePairs(ClipVocabulary.Shipped).Encode(new string('a', 1_000_000));
        Assert.Equal(1_000_000, symbols.ToArray().Sum(id => ClipVocabulary.Shipped.Symbol(id).Replace("</w>", "", StringComparison.Ordinal).Length));
    }

    private static bool Same(ClipVocabulary vocabulary, string word)
    {
        var pairs = new BytePairs(vocabulary);
        var expected = SlowBytePairs.Encode(vocabulary, word);
        return pairs.Encode(word).SequenceEqual(expected.ToArray()) && pairs.Encode(word).SequenceEqual(expected.ToArray());
    }
}
