using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Whence.Files;
using Whence.Images;

namespace Whence.Torch.Diffusion;

/// <summary>
/// All that a drawn image followed from, as it stands in its PNG: <c>parameters</c>, a text that other tools of Stable Diffusion read, and <c>whence</c>, JSON (docs/formats.md).
/// </summary>
public sealed class GenerationParameters
{
    private const string TextKey = "parameters", JsonKey = "whence";
    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal GenerationParameters(
        GenerationRequest request, GenerationOptions options, SchedulerSpec scheduler, int width, int height, string model, string weights)
    {
        Text = TextOf(request, options, scheduler, width, height, model, weights);
        Json = JsonOf(request, options, scheduler, width, height, model, weights);
    }

    /// <summary>As other tools have it: the prompt, the negative prompt, then names and values on one line.</summary>
    public string Text { get; }

    /// <summary>As Whence has it.</summary>
    public string Json { get; }

    /// <summary>Writes an image as PNG with both texts.</summary>
    /// <exception cref="WhenceException">The file cannot be written.</exception>
    public void Save(RgbImage image, string path)
    {
        ArgumentNullException.ThrowIfNull(image);
        var bytes = PngText.Encode(image, [(TextKey, Text), (JsonKey, Json)]);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    /// <summary>Whether a file is a PNG that followed from the same.</summary>
    public bool AreOf(string path) => PngText.Read(path).GetValueOrDefault(JsonKey) == Json;

    /// <summary>The prompt that Whence drew an image by, as its PNG holds it; null of any other file.</summary>
    /// <param name="file">Bytes of the file.</param>
    public static string? PromptOf(ReadOnlyMemory<byte> file)
    {
        try
        {
            return PngText.Read(file).GetValueOrDefault(JsonKey) is { } text && JsonNode.Parse(text) is JsonObject json && json["prompt"] is JsonValue value && value.TryGetValue<string>(out var prompt)
                ? prompt
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null; // another program's text
        }
    }

    private static string TextOf(
        GenerationRequest request, GenerationOptions options, SchedulerSpec scheduler, int width, int height, string model, string weights)
    {
        var text = new StringBuilder(request.Prompt).Append('\n');
        if (request.NegativePrompt.Length > 0)
        {
            text.Append("Negative prompt: ").Append(request.NegativePrompt).Append('\n');
        }

        text.Append(CultureInfo.InvariantCulture, $"Steps: {options.Steps}, Sampler: {Sampler(scheduler)}, CFG scale: {options.Guidance}, Seed: {request.Seed}, Size: {width}x{height}");
        text.Append(CultureInfo.InvariantCulture, $", Model hash: {weights[..10]}").Append(model.Length > 0 ? $", Model: {Value(model)}" : "");
        return text.Append(options.Eta > 0 ? string.Create(CultureInfo.InvariantCulture, $", Eta DDIM: {options.Eta}") : "").Append(", Version: Whence").ToString();
    }

    // Other tools quote what would end a value.
    private static string Value(string text) => text.AsSpan().ContainsAny(",:\n\r") ? JsonSerializer.Serialize(text, Plain) : text;

    private static string JsonOf(
        GenerationRequest request, GenerationOptions options, SchedulerSpec scheduler, int width, int height, string model, string weights)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = Plain.Encoder }))
        {
            json.WriteStartObject();
            json.WriteNumber("format", 1);
            json.WriteString("prompt", request.Prompt);
            json.WriteString("negativePrompt", request.NegativePrompt);
            json.WriteNumber("seed", request.Seed);
            json.WriteNumber("steps", options.Steps);
            json.WriteNumber("guidance", options.Guidance);
            json.WriteNumber("eta", options.Eta);
            json.WriteNumber("width", width);
            json.WriteNumber("height", height);
            json.WriteString("model", model);
            json.WriteString("weights", weights);
            json.WritePropertyName("scheduler");
            SchedulerConfig.Write(json, scheduler);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    // The names that are in use.
    private static string Sampler(SchedulerSpec scheduler) => scheduler.Kind switch
    {
        SchedulerKind.Ddpm => "DDPM",
        SchedulerKind.Ddim => "DDIM",
        SchedulerKind.Pndm => "PLMS",
        SchedulerKind.Euler => "Euler",
        _ => $"DPM{(scheduler.Algorithm == DpmAlgorithm.DpmSolverPlusPlus ? "++" : "")} {scheduler.SolverOrder}M",
    };
}
