using System.Text.Json;
using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

/// <summary>Vocabularies with few merges, as objects and as files.</summary>
internal static class TinyVocabulary
{
    public static readonly (string Left, string Right)[] Merges = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>")];

    public static Dictionary<string, int> Ids(IEnumerable<(string Left, string Right)> merges)
    {
        string[] symbols =
        [
            .. ByteSymbols.InOrder, .. ByteSymbols.InOrder.Select(symbol => symbol + "</w>"), .. merges.Select(merge => merge.Left + merge.Right),
            ClipVocabulary.StartText, ClipVocabulary.EndText,
        ];
        return symbols.Distinct().Select((symbol, id) => (symbol, id)).ToDictionary(one => one.symbol, one => one.id);
    }

    public static ClipVocabulary Of(IReadOnlyList<(string Left, string Right)> merges) => new(Ids(merges), merges);

    public static string MergesText(IEnumerable<(string Left, string Right)> merges) =>
        string.Concat(merges.Select(merge => $"{merge.Left} {merge.Right}\n").Prepend("#version: 0.2\n"));

    public static void Write(TempFolder folder)
    {
        File.WriteAllText(folder["vocab.json"], JsonSerializer.Serialize(Ids(Merges)));
        File.WriteAllText(folder["merges.txt"], MergesText(Merges));
    }
}
