namespace Whence.Torch.Customization;

/// <summary>Which of a number of images comes n-th when they are gone through again and again, each time in another order, which follows from the seed.</summary>
/// <param name="count">Images, at least 1.</param>
/// <param name="seed">Of the training.</param>
/// <param name="purpose">Another purpose gives other orders.</param>
internal sealed class ShuffledOrder(int count, long seed, int purpose)
{
    private readonly int[] _order = new int[count];
    private long _round = -1;

    /// <summary>The image at a place, from 0.</summary>
    public int At(long place)
    {
        var (round, within) = Math.DivRem(place, count);
        if (round != _round)
        {
            for (var i = 0; i < count; i++)
            {
                _order[i] = i;
            }

            var random = Streams.Of(seed, purpose, round);
            random.Shuffle(_order);
            _round = round;
        }

        return _order[within];
    }
}

/// <summary>Random numbers of a training: a stream of its own for each purpose and step, so that what is drawn follows from these alone.</summary>
internal static class Streams
{
    /// <summary>What a stream is for.</summary>
    public const int Draws = 1, Exemplars = 2, Prior = 3;

    /// <summary>The stream; below 0, where no exemplar's variation is (<see cref="ExemplarAugmenter"/>).</summary>
    public static SplitMix64 Of(long seed, int purpose, long step) => new(seed, -((4 * step) + purpose));
}
