using FsCheck.Xunit;
using Whence.Search;

namespace Whence.Tests.Search;

public class BestKeysTests
{
    [Property(MaxTest = 100)]
    public bool The_best_of_all_that_were_added_are_kept_in_rank_order(int seed, byte k, byte turns)
    {
        var random = new Random(seed);
        var (best, added) = (new BestKeys(1 + k), new List<ulong>());
        for (var turn = 0; turn < turns % 40; turn++)
        {
            var (count, before) = (random.Next(LayoutPart.ChunkRows + 1), best.Threshold);
            if (best.MakeRoom(count) ? best.Threshold != Highest(added, 1 + k) : best.Threshold != before)
            {
                return false;
            }

            // Whole numbers, so that ties are everywhere; what is below the threshold need not be added.
            foreach (var similarity in Enumerable.Range(0, count).Select(_ => (float)random.Next(200)).Where(s => s >= best.Threshold))
            {
                added.Add(RankKey.Pack(similarity, added.Count));
                best.Add(similarity, added.Count - 1);
            }
        }

        return added.Order().Take(1 + k).SequenceEqual(best.Cut().ToArray());
    }

    private static float Highest(List<ulong> keys, int k) => RankKey.Similarity(keys.Order().ElementAt(k - 1));
}
