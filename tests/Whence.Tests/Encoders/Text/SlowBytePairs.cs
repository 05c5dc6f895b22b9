using System.Text;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

/// <summary>Byte pairs as they are defined: find the pair of lowest rank, merge it wherever it stands from left to right, again.</summary>
internal static class SlowBytePairs
{
    public static List<int> Encode(ClipVocabulary vocabulary, string word)
    {
        var bytes = Encoding.UTF8.GetBytes(word);
        var symbols = bytes.Select((b, i) => vocabulary.Byte(b, i == bytes.Length - 1)).ToList();
        while (true)
        {
            var ranked = symbols.Zip(symbols.Skip(1)).Where(pair => vocabulary.TryMerge(pair.First, pair.Second, out _)).ToArray();
            if (ranked.Length == 0)
            {
                return symbols;
            }

            var (left, right) = ranked.MinBy(pair => Merge(vocabulary, pair).Rank);
            for (var i = 0; i + 1 < symbols.Count; i++)
            {
                if (symbols[i] == left && symbols[i + 1] == right)
                {
                    symbols[i] = Merge(vocabulary, (left, right)).Id;
                    symbols.RemoveAt(i + 1);
                }
            }
        }
    }

    private static Merge Merge(ClipVocabulary vocabulary, (int Left, int Right) pair) =>
        vocabulary.TryMerge(pair.Left, pair.Right, out var merge) ? merge : throw new InvalidOperationException();
}
