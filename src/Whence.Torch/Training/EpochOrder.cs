namespace Whence.Torch.Training;

/// <summary>
/// Which images each step takes: all of them in random order, then all again in another. That follows from the seed, the stage and the step alone; the order of an epoch is kept, so that
/// steps that are asked for one after the other do not shuffle all images each.
/// </summary>
/// <param name="seed">Of the training.</param>
/// <param name="stage">A number of its own for each stage.</param>
/// <param name="count">Images there are, at least 1.</param>
/// <param name="batch">Images a step.</param>
internal sealed class EpochOrder(long seed, int stage, int count, int batch)
{
    private readonly int[] _order = new int[count];
    private long _epoch = -1;

    /// <summary>The images of a step, from 0.</summary>
    /// <param name="step">From 0.</param>
    public int[] Images(long step)
    {
        var images = new int[batch];
        for (var i = 0; i < batch; i++)
        {
            var (epoch, place) = Math.DivRem((step * batch) + i, count);
            if (epoch != _epoch)
            {
                Shuffle(epoch);
            }

            images[i] = _order[place];
        }

        return images;
    }

    private void Shuffle(long epoch)
    {
        for (var i = 0; i < count; i++)
        {
            _order[i] = i;
        }

        new SplitMix64(seed, ~((epoch * 16) + stage)).Shuffle(_order);
        _epoch = epoch;
    }
}
