using Whence.Torch.Training;

namespace Whence.Tests.Torch.Training;

public class EpochOrderTests
{
    [Theory]
    [InlineData(12, 5)]
    [InlineData(12, 4)]
    [InlineData(3, 8)] // several epochs a step
    [InlineData(1, 1)]
    public void Steps_take_what_shuffling_at_each_of_them_gives(int count, int batch)
    {
        var order = new EpochOrder(7, 2, count, batch);
        long[] steps = [.. Enumerable.Range(0, 30), 4, 100, 0, 1L << 33]; // one after the other, and as a training that goes on
        Assert.All(steps, step => Assert.Equal(Slow(7, 2, step, count, batch), order.Images(step)));
    }

    [Fact]
    public void Each_epoch_has_every_image_once_and_an_order_of_its_own()
    {
        var order = new EpochOrder(1, 1, 10, 5);
        int[][] epochs = [.. Enumerable.Range(0, 4).Select(epoch => (int[])[.. order.Images(2 * epoch), .. order.Images((2 * epoch) + 1)])];
        Assert.All(epochs, epoch => Assert.Equal(Enumerable.Range(0, 10), epoch.Order()));
        Assert.Equal(4, epochs.Select(epoch => string.Join(' ', epoch)).Distinct().Count());
    }

    private static int[] Slow(long seed, int stage, long step, int count, int batch) => [.. Enumerable.Range(0, batch).Select(i =>
    {
        var at = (step * batch) + i;
        int[] order = [.. Enumerable.Range(0, count)];
        new SplitMix64(seed, ~((at / count * 16) + stage)).Shuffle(order);
        return order[at % count];
    })];
}
