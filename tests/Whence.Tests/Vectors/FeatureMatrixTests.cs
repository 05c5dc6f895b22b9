using Whence.Vectors;

namespace Whence.Tests.Vectors;

public class FeatureMatrixTests
{
    [Fact]
    public void Rows_lie_one_after_the_other()
    {
        var matrix = new FeatureMatrix(2, 3, [1, 2, 3, 4, 5, 6]);
        Assert.Equal([4, 5, 6], matrix.Row(1).ToArray());
        Assert.Equal(6, matrix.Span.Length);
        Assert.Equal(6, matrix.Memory.Length);
    }

    [Fact]
    public void Wrong_lengths_and_rows_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new FeatureMatrix(2, 3, new float[5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FeatureMatrix(2, 0, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FeatureMatrix(1, 1, [1]).Row(1));
    }
}
