using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Whence.Search;

/// <summary>Sources that an index knows, as 128-bit hashes: a hundred million locators fit in memory.</summary>
internal sealed class SourceSet
{
    private readonly HashSet<UInt128> _hashes = [];

    /// <summary>False where the source was known already.</summary>
    public bool Add(string source) => _hashes.Add(Hash(source));

    public bool Contains(string source) => _hashes.Contains(Hash(source));

    private static UInt128 Hash(string source) =>
        BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(source)));
}
