using Whence.Search;
using Whence.Vectors;

namespace Whence.Tests.Search;

/// <summary>Indexes made by hand, without images.</summary>
internal static class TestIndex
{
    public static IndexWriter NewWriter(string folder, int dimension, int partSize, bool normalized = false) => new(
        folder,
        new IndexManifest { Encoder = "test", Dimension = dimension, Type = ElementType.F16, Normalized = normalized, Parts = [] },
        partSize);

    public static IndexedImage Row(int number, Dictionary<string, string>? extra = null) => new()
    {
        Id = -1,
        Source = $"/images/{number:D5}.png",
        Key = $"{number:D5}",
        Width = 10 + number,
        Height = 20,
        Sha256 = number.ToString("x64", System.Globalization.CultureInfo.InvariantCulture),
        Caption = number % 2 == 0 ? $"picture {number}" : null,
        Extra = extra ?? [],
    };
}
