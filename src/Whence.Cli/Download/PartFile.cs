using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Whence.Cli.Download;

/// <summary>
/// A file of which only the beginning may be here, and beside it (<c>.json</c> added to its name) what the rest must fit: a download that was
/// interrupted goes on where the server says that it still has the same file.
/// </summary>
internal sealed class PartFile(string path)
{
    private readonly string _about = path + ".json";

    public string Path => path;

    /// <summary>Bytes that are here.</summary>
    public long Length => File.Exists(path) ? new FileInfo(path).Length : 0;

    /// <summary>What the beginning belongs to; null where there is none or nobody knows.</summary>
    public Origin? Read()
    {
        try
        {
            return Length > 0 ? JsonSerializer.Deserialize<Origin>(File.ReadAllText(_about)) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Write(Origin origin) => File.WriteAllText(_about, JsonSerializer.Serialize(origin));

    public void Delete()
    {
        File.Delete(path);
        File.Delete(_about);
    }

    /// <summary>Leaves the file alone, since it has become another.</summary>
    public void Forget() => File.Delete(_about);

    /// <summary>What a server said of a file.</summary>
    /// <param name="Url">Where it is.</param>
    /// <param name="ETag">Its strong entity tag; null where the server gave none.</param>
    /// <param name="Modified">When it was changed last; null where the server does not say.</param>
    /// <param name="Total">Its size in bytes; null where the server does not say.</param>
    internal sealed record Origin(string Url, string? ETag, DateTimeOffset? Modified, long? Total)
    {
        public static Origin Of(string url, HttpResponseMessage response, long? total) => new(
            url, response.Headers.ETag is { IsWeak: false } tag ? tag.Tag : null, response.Content.Headers.LastModified, total);

        /// <summary>With which a server gives the rest only of the same file; null where nothing tells it from another.</summary>
        [JsonIgnore]
        public RangeConditionHeaderValue? Condition =>
            ETag is not null && EntityTagHeaderValue.TryParse(ETag, out var tag) ? new RangeConditionHeaderValue(tag)
            : Modified is { } modified ? new RangeConditionHeaderValue(modified)
            : null;
    }
}
