using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Whence.Vectors;

namespace Whence.Search;

/// <summary>
/// What USearch saves, read with suspicion: native code follows the numbers in it blindly, so each is checked before it gets the file.
/// One after the other, all little-endian: rows and bytes a row (uint32); the vectors; a head of 64 bytes; size, connectivity,
/// connectivity of the base, highest level, entry (uint64); a level a row (int16); a node a row. A node is its key (uint64), its level
/// (int16), and for each level up to that the number of neighbours and room for as many as the connectivity (uint32). A neighbour
/// must be a node, and one that reaches as high.
/// </summary>
internal static class GraphFile
{
    private const int HeadBytes = 64, GraphHeadBytes = 5 * sizeof(ulong), NodeHeadBytes = sizeof(ulong) + sizeof(short);
    private const int HashedAtATime = 1 << 24;

    /// <summary>Checks that a graph is whole and sound, but for the numbers of its vectors, which decide only what is found.</summary>
    /// <param name="file">The file.</param>
    /// <param name="shape">What it must be.</param>
    /// <returns>Hash of all that was checked.</returns>
    /// <exception cref="WhenceException">It is damaged, or no graph of that shape.</exception>
    public static string Check(MappedFile file, GraphShape shape)
    {
        var hash = new XxHash3();
        var vectors = 2L * sizeof(uint) + ((long)shape.Vectors * shape.Dimension * 2);
        var levelBytes = (long)shape.Vectors * sizeof(short);
        var nodes = vectors + HeadBytes + GraphHeadBytes + levelBytes;
        Require(file, shape.Vectors > 0 && file.Length > nodes, "it is too short");
        Require(file, Read(0, 2 * sizeof(uint)) is var size && UInt32(size, 0) == shape.Vectors && UInt32(size, 1) == shape.Dimension * 2L, "it holds other vectors");
        Require(file, IsHead(Read(vectors, HeadBytes), shape), "it was made with other parameters");

        var head = MemoryMarshal.Cast<byte, ulong>(Read(vectors + HeadBytes, GraphHeadBytes));
        var (highest, entry) = (head[3], head[4]);
        Require(file, head[0] == (ulong)shape.Vectors && head[1] == GraphShape.Connectivity && head[2] == GraphShape.BaseConnectivity
            && highest <= (ulong)short.MaxValue && entry < (ulong)shape.Vectors, "its graph has another size");
        var levels = MemoryMarshal.Cast<byte, short>(Read(vectors + HeadBytes + GraphHeadBytes, levelBytes)).ToArray();
        Require(file, levels[entry] == (short)highest, "its graph has no entry");

        var keys = new BitArray(shape.Rows);
        var at = nodes;
        foreach (var level in levels)
        {
            Require(file, level >= 0 && level <= (short)highest && NodeBytes(level) <= file.Length - at, "its graph has a node too many");
            var node = Read(at, NodeBytes(level));
            var key = BinaryPrimitives.ReadUInt64LittleEndian(node);
            Require(file, key < (ulong)shape.Rows && !keys[(int)key] && BinaryPrimitives.ReadInt16LittleEndian(node[sizeof(ulong)..]) == level, "its graph has a wrong node");
            keys[(int)key] = true;
            Require(file, AreNodes(MemoryMarshal.Cast<byte, uint>(node[NodeHeadBytes..]), level, levels), "its graph leads nowhere");
            at += node.Length;
        }

        Require(file, at == file.Length, "it is too long");
        return Text(hash);

        ReadOnlySpan<byte> Read(long offset, long length)
        {
            var bytes = file.Bytes(offset, length);
            hash.Append(bytes);
            return bytes;
        }
    }

    /// <summary>Hash of the vectors of a graph whose shape was checked.</summary>
    public static string HashVectors(MappedFile file, GraphShape shape)
    {
        var hash = new XxHash3();
        var end = 2L * sizeof(uint) + ((long)shape.Vectors * shape.Dimension * 2);
        for (var at = 2L * sizeof(uint); at < end; at += HashedAtATime)
        {
            hash.Append(file.Bytes(at, Math.Min(HashedAtATime, end - at)));
        }

        return Text(hash);
    }

    private static bool AreNodes(ReadOnlySpan<uint> lists, int level, short[] levels)
    {
        for (var l = 0; l <= level; l++)
        {
            var room = l == 0 ? GraphShape.BaseConnectivity : GraphShape.Connectivity;
            if (lists[0] > room)
            {
                return false;
            }

            foreach (var neighbour in lists.Slice(1, (int)lists[0]))
            {
                if (neighbour >= (uint)levels.Length || levels[neighbour] < l)
                {
                    return false;
                }
            }

            lists = lists[(1 + room)..];
        }

        return true;
    }

    private static int NodeBytes(int level) =>
        NodeHeadBytes + (((1 + GraphShape.BaseConnectivity) + (level * (1 + GraphShape.Connectivity))) * sizeof(uint));

    // Name, version (three numbers), kinds of metric, scalar, key and slot, then vectors, removed ones, dimension, several a key or one.
    private static bool IsHead(ReadOnlySpan<byte> head, GraphShape shape) =>
        head.StartsWith("usearch"u8) && BinaryPrimitives.ReadUInt16LittleEndian(head[7..]) == 2
        && head[13..17].SequenceEqual((ReadOnlySpan<byte>)[(byte)'i', 4, 14, 15])
        && BinaryPrimitives.ReadUInt64LittleEndian(head[17..]) == (ulong)shape.Vectors
        && BinaryPrimitives.ReadUInt64LittleEndian(head[25..]) == 0
        && BinaryPrimitives.ReadUInt64LittleEndian(head[33..]) == (ulong)shape.Dimension
        && !head[41..].ContainsAnyExcept((byte)0);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int place) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[(place * sizeof(uint))..]);

    private static string Text(XxHash3 hash) => hash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture);

    private static void Require(MappedFile file, bool sound, string problem)
    {
        if (!sound)
        {
            throw ApproximateIndex.Damaged(file.Path, problem);
        }
    }
}

/// <summary>What a graph is of.</summary>
/// <param name="Rows">Rows of the parts it covers: its keys are below.</param>
/// <param name="Vectors">Vectors in it, at least 1; fewer than rows where removed images were left out.</param>
/// <param name="Dimension">Numbers a vector.</param>
internal readonly record struct GraphShape(int Rows, int Vectors, int Dimension)
{
    /// <summary>Neighbours of a node on each level but the lowest.</summary>
    public const int Connectivity = 16;

    /// <summary>Neighbours of a node on the lowest level.</summary>
    public const int BaseConnectivity = 2 * Connectivity;

    /// <summary>Candidates among which a new node's neighbours are chosen.</summary>
    public const int ExpansionAdd = 128;
}
