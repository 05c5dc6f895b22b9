using System.Text.Encodings.Web;
using System.Text.Json;

namespace Whence.Reports;

/// <summary>
/// Attributions for programs: JSON with every number at full precision, so that reading gives back the same bits. The schema has
/// a number, <see cref="Schema"/>, which grows when a member changes its meaning; new members may appear without it.
/// </summary>
public static class JsonReport
{
    /// <summary>Version of the schema, the first member of every object.</summary>
    public const int Schema = 1;

    /// <summary>Writes one object a query, as it comes: a slow query does not hold back those before it.</summary>
    /// <param name="stream">Receives UTF-8 without a byte order mark; stays open.</param>
    /// <param name="attributions">One per query, taken one at a time.</param>
    /// <param name="lines">True for JSON Lines, an object on each line; false for one indented array.</param>
    /// <exception cref="ArgumentException">A similarity, influence or parameter is not a finite number, which JSON cannot say.</exception>
    public static void Write(Stream stream, IEnumerable<Attribution> attributions, bool lines)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(attributions);
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions
        {
            Indented = !lines,
            NewLine = "\n",
            // Captions in any script stay readable. The output is data, never a part of an HTML page.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        });
        if (!lines)
        {
            json.WriteStartArray();
        }

        foreach (var attribution in attributions)
        {
            Write(json, attribution);
            json.Flush();
            if (lines)
            {
                stream.WriteByte((byte)'\n');
                json.Reset();
            }

            stream.Flush();
        }

        if (!lines)
        {
            json.WriteEndArray();
            json.Flush();
            stream.WriteByte((byte)'\n');
        }
    }

    private static void Write(Utf8JsonWriter json, Attribution attribution)
    {
        json.WriteStartObject();
        json.WriteNumber("schema", Schema);

        json.WriteStartObject("query");
        json.WriteString("source", attribution.Query.Source);
        json.WriteString("sha256", attribution.Query.Sha256);
        json.WriteEndObject();

        json.WriteString("index", attribution.Index);
        json.WriteString("encoder", attribution.Encoder);
        json.WriteString("mapper", attribution.Mapper);

        json.WriteStartObject("calibration");
        json.WriteNumber("tau", attribution.Calibration.Tau);
        json.WriteNumber("lambda", attribution.Calibration.Lambda);
        json.WriteBoolean("fitted", attribution.Calibration.Fitted);
        if (attribution.Calibration.Domain is { } domain)
        {
            json.WriteString("domain", domain);
        }

        if (attribution.Calibration.None is { } function)
        {
            json.WriteStartObject("none");
            json.WriteNumber("intercept", function.Intercept);
            json.WriteNumber("slope", function.Slope);
            json.WriteEndObject();
        }

        json.WriteEndObject();

        if (attribution.Where is { } where)
        {
            json.WriteString("where", where);
        }

        if (attribution.Approximate is { } candidates)
        {
            json.WriteBoolean("approximate", true);
            json.WriteNumber("candidates", candidates.Count);
            json.WriteBoolean("truncated", candidates.Truncated);
        }

        json.WriteNumber("searched", attribution.Searched);
        json.WriteNumber("nonzero", attribution.Nonzero);
        json.WriteNumber("remaining", attribution.Remaining);
        if (attribution.None is { } none)
        {
            json.WriteNumber("none", none);
        }

        WriteImages(json, "results", attribution.Results);
        if (attribution.Groups is { } groups)
        {
            Write(json, groups);
        }

        json.WriteEndObject();
    }

    private static void WriteImages(Utf8JsonWriter json, string name, IReadOnlyList<AttributedImage> images)
    {
        json.WriteStartArray(name);
        foreach (var image in images)
        {
            json.WriteStartObject();
            json.WriteNumber("rank", image.Rank);
            json.WriteNumber("id", image.Id);
            json.WriteString("source", image.Source);
            json.WriteNumber("similarity", image.Similarity);
            json.WriteNumber("influence", image.Influence);
            json.WriteStartObject("metadata");
            foreach (var (key, value) in image.Metadata)
            {
                json.WriteString(key, value);
            }

            json.WriteEndObject();
            if (image.Duplicates.Count > 0)
            {
                WriteImages(json, "duplicates", image.Duplicates);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, InfluenceGroups groups)
    {
        json.WriteStartObject("groups");
        json.WriteString("column", groups.Column);
        json.WriteStartArray("shares");
        foreach (var share in groups.Shares)
        {
            json.WriteStartObject();
            json.WriteString("value", share.Value);
            json.WriteNumber("influence", share.Influence);
            json.WriteNumber("images", share.Images);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
