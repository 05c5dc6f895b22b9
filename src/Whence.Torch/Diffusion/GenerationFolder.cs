using System.Globalization;
using System.Text;

namespace Whence.Torch.Diffusion;

/// <summary>What became of a run of images.</summary>
/// <param name="Drawn">Images that were drawn.</param>
/// <param name="Before">Images that were there already, of the same parameters.</param>
public readonly record struct GenerationSummary(int Drawn, int Before);

/// <summary>A folder of drawn images: a PNG each, <c>NUMBER-PROMPT-SEED.png</c>, numbered in the order of the requests from 0001.</summary>
/// <param name="folder">Is made where it is missing.</param>
public sealed class GenerationFolder(string folder)
{
    private const int PromptLetters = 40, LeastDigits = 4;

    /// <summary>
    /// Draws images into the folder, each written whole when it is ready. An image that is there already with the same parameters is passed over, so that the same run goes on where it was
    /// interrupted.
    /// </summary>
    /// <param name="generator">Draws them.</param>
    /// <param name="requests">In their order.</param>
    /// <param name="overwrite">Whether other files of the same names are replaced.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="WhenceException">Another file of the same name is there, or as for <see cref="ImageGenerator.Generate"/>.</exception>
    public GenerationSummary Draw(
        ImageGenerator generator, IReadOnlyList<GenerationRequest> requests, bool overwrite = false, IProgress<GenerationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(generator);
        ArgumentNullException.ThrowIfNull(requests);
        Directory.CreateDirectory(folder);
        var files = requests.Select((request, i) => (Request: request, Path: Path.Combine(folder, FileName(request, i, requests.Count)), Parameters: generator.Describe(request))).ToArray();
        var there = files.Where(file => Path.Exists(file.Path)).ToLookup(file => file.Parameters.AreOf(file.Path));
        if (!overwrite && there[false].ToArray() is { Length: > 0 } others)
        {
            throw new WhenceException(
                $"'{others[0].Path}' is there{(others.Length > 1 ? $" (and {others.Length - 1} more)" : "")}, and is not what this run would draw; choose another --out, or say --overwrite.");
        }

        var left = files.Except(there[true]).ToArray();
        foreach (var (file, image) in left.Zip(generator.Generate([.. left.Select(file => file.Request)], progress, cancellation)))
        {
            file.Parameters.Save(image.Image, file.Path);
        }

        return new(left.Length, files.Length - left.Length);
    }

    /// <summary>A name that sorts by number and tells what it is of: the prompt's letters and digits, of which the first 40, and the seed.</summary>
    /// <param name="request">The image.</param>
    /// <param name="place">Its place among the requests, from 0.</param>
    /// <param name="count">The number of requests.</param>
    public static string FileName(GenerationRequest request, int place, int count)
    {
        ArgumentNullException.ThrowIfNull(request);
        var digits = Math.Max(LeastDigits, count.ToString(CultureInfo.InvariantCulture).Length);
        var words = new StringBuilder();
        foreach (var letter in request.Prompt.ToLowerInvariant())
        {
            if (char.IsLetterOrDigit(letter))
            {
                words.Append(letter);
            }
            else if (words.Length > 0 && words[^1] != '-')
            {
                words.Append('-');
            }

            if (words.Length == PromptLetters)
            {
                break;
            }
        }

        var prompt = words.ToString().Trim('-');
        return string.Create(CultureInfo.InvariantCulture, $"{(place + 1).ToString($"D{digits}", CultureInfo.InvariantCulture)}-{(prompt.Length > 0 ? prompt : "image")}-{request.Seed}.png");
    }
}
