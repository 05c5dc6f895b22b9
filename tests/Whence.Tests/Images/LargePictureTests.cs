using Whence.Images;

namespace Whence.Tests.Images;

public class LargePictureTests
{
    [Fact]
    public void There_is_one_large_picture_at_a_time()
    {
        var (inside, most) = (0, 0);
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using var place = new LargePicture();
            place.Enter(10_000, 10_000);
            most = Math.Max(most, Interlocked.Increment(ref inside));
            Interlocked.Decrement(ref inside);
        });
        Assert.Equal(1, most);
    }

    [Fact]
    public void Others_do_not_wait_for_it()
    {
        using var large = new LargePicture();
        large.Enter(10_000, 10_000);
        var other = new Thread(() =>
        {
            using var small = new LargePicture();
            small.Enter(5_000, 5_000);
        });
        other.Start();
        other.Join();
    }
}
