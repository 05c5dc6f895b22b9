using System.Buffers.Binary;
using Whence.Vectors;

namespace Whence.Tests.Vectors;

/// <summary>Archives written by hand: what other tools write only for files beyond 4 GB, and what none writes.</summary>
public sealed class ZipDirectoryTests : IDisposable
{
    private const uint See64 = uint.MaxValue;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Sizes_and_places_of_64_bits_are_read()
    {
        byte[] extra = [1, 0, 24, 0, .. Bytes(5L), .. Bytes(5L), .. Bytes(0L)];
        using var file = Save(Archive(Central(See64, See64, See64, extra), zip64: true));
        var zip = new ZipDirectory(file);
        var entry = zip.Entries["a"];
        Assert.Equal((5, false), (entry.Length, entry.Deflated));
        Assert.Equal("hello"u8.ToArray(), zip.ReadAll(entry, 5));
        Assert.Throws<WhenceException>(() => zip.ReadAll(entry, 4));
    }

    [Fact]
    public void A_comment_with_the_signature_of_an_end_does_not_mislead()
    {
        using var file = Save(Archive(Central(5, 5, 0, []), comment: "PK\x5\x6 and twenty-two bytes of text"u8.ToArray()));
        Assert.Equal(["a"], new ZipDirectory(file).Entries.Keys);
    }

    [Theory]
    [InlineData(5u, 6u, 0u)]
    [InlineData(1000u, 1000u, 0u)]
    [InlineData(5u, 5u, 1000u)]
    [InlineData(See64, See64, 0u)]
    public void Entries_that_the_archive_cannot_hold_are_refused(uint compressed, uint length, uint offset)
    {
        using var file = Save(Archive(Central(compressed, length, offset, [])));
        Assert.Throws<WhenceException>(() => new ZipDirectory(file));
    }

    [Fact]
    public void An_entry_that_begins_elsewhere_than_the_directory_says_is_refused_when_read()
    {
        using var file = Save(Archive(Central(5, 5, 3, [])));
        var zip = new ZipDirectory(file);
        Assert.Throws<WhenceException>(() => zip.Locate(zip.Entries["a"]));
    }

    [Fact]
    public void Two_entries_of_one_name_encryption_and_other_methods_are_refused()
    {
        var central = Central(5, 5, 0, []);
        AssertRefused([.. central, .. central], "appears twice");
        central[8] = 1;
        AssertRefused(central, "encrypted");
        central[8] = 0;
        central[10] = 12;
        AssertRefused(central, "method 12");

        void AssertRefused(byte[] directory, string message)
        {
            using var file = Save(Archive(directory));
            Assert.Contains(message, Assert.Throws<WhenceException>(() => new ZipDirectory(file)).Message, StringComparison.Ordinal);
        }
    }

    private static byte[] Central(uint compressed, uint length, uint offset, byte[] extra) =>
    [
        .. "PK\x1\x2"u8, .. new byte[16], .. Bytes(compressed), .. Bytes(length), 1, 0, (byte)extra.Length, 0, 0, 0,
        .. new byte[8], .. Bytes(offset), (byte)'a', .. extra,
    ];

    private static byte[] Archive(byte[] central, bool zip64 = false, byte[]? comment = null)
    {
        byte[] local = [.. "PK\x3\x4"u8, .. new byte[22], 1, 0, 0, 0, (byte)'a', .. "hello"u8];
        byte[] end64 = zip64
            ?
            [
                .. "PK\x6\x6"u8, .. Bytes(44L), .. new byte[28], .. Bytes((long)central.Length), .. Bytes((long)local.Length),
                .. "PK\x6\x7"u8, .. new byte[4], .. Bytes((long)local.Length + central.Length), .. new byte[4],
            ]
            : [];
        return
        [
            .. local, .. central, .. end64,
            .. "PK\x5\x6"u8, .. new byte[8], .. Bytes(zip64 ? See64 : (uint)central.Length), .. Bytes(zip64 ? See64 : (uint)local.Length),
            .. BitConverter.GetBytes((ushort)(comment?.Length ?? 0)), .. comment ?? [],
        ];
    }

    private static byte[] Bytes(long value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Bytes(uint value) => BitConverter.GetBytes(value);

    private MappedFile Save(byte[] bytes)
    {
        var path = _folder[Guid.NewGuid().ToString("N")];
        File.WriteAllBytes(path, bytes);
        return MappedFile.Open(path);
    }
}
