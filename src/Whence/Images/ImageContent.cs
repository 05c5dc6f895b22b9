namespace Whence.Images;

/// <summary>An image file's bytes and what was written beside it.</summary>
/// <param name="Bytes">The encoded image (JPEG, PNG, ...) as it lies in the source.</param>
/// <param name="Caption">Caption or prompt; null where there is none.</param>
/// <param name="Metadata">
/// Further columns as text; their names never collide with the index's own columns, see <see cref="MetadataNames"/>.
/// </param>
public sealed record ImageContent(ReadOnlyMemory<byte> Bytes, string? Caption, IReadOnlyDictionary<string, string> Metadata);
