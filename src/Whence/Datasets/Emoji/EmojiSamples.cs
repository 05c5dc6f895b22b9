using System.IO.Hashing;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using SkiaSharp;
using Whence.Datasets.Styles;
using Whence.Images;

namespace Whence.Datasets.Emoji;

/// <summary>Makes the samples of one drawing: the drawing as it is, and treated. Any number of threads may do so at a time.</summary>
internal sealed class EmojiSamples(EmojiRecipe recipe)
{
    /// <summary>Drawings are rendered and treated at so many times the size, and then averaged.</summary>
    public const int Finer = 2;

    // Purposes of random numbers: each draws its own.
    private const int HoldOut = 0, TrainedDraw = 1, HeldOutDraw = 2, Treating = 3;
    private const int Visible = 8;

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly IReadOnlyList<Treatment> _trained = recipe.Trained;
    private readonly IReadOnlyList<Treatment> _heldOut = recipe.HeldOut;

    /// <summary>Whether an object is held out: all objects of a theme are, or none.</summary>
    public bool IsHeldOut(EmojiObject item) => new ViewRandom(recipe.Seed, item.Theme, HoldOut).Chance(recipe.HeldOutObjects);

    public bool IsHeldOut(LockedPackage designer) => recipe.HeldOutDesigners.Contains(designer.Style!);

    /// <summary>A drawing's picture, at <see cref="Finer"/> times the size.</summary>
    /// <exception cref="WhenceException">It cannot be drawn.</exception>
    public RgbImage Render(EmojiDrawing drawing) =>
        SvgRenderer.Render(drawing.Set.Get(drawing.Name), recipe.Size * Finer, (float)(recipe.Margin / 64 * recipe.Size * Finer));

    /// <summary>A picture in a style, at the size of the data set.</summary>
    public RgbImage Treat(Treatment treatment, RgbImage finer, string key) =>
        Averaged(treatment.Apply(finer, (long)XxHash3.HashToUInt64(Encoding.UTF8.GetBytes($"{treatment.Name}/{key}"), ((long)recipe.Seed << 32) | Treating)));

    /// <summary>Names a treated drawing, as <see cref="EmojiDrawing.Key"/> names the plain one.</summary>
    public static string KeyOf(EmojiDrawing drawing, Treatment treatment) => $"{treatment.Name.Replace(' ', '-')}/{drawing.Key.Replace('/', '-')}";

    /// <summary>All samples of a drawing, the plain one first.</summary>
    public IReadOnlyList<EmojiSample> Make(EmojiDrawing drawing)
    {
        RgbImage finer;
        try
        {
            finer = Render(drawing);
        }
        catch (WhenceException e)
        {
            return [EmojiSample.Dropped(drawing.Key, EmojiDrop.Broken, e.Message)];
        }

        var plain = Averaged(finer);
        if (Ink(plain) < recipe.LeastInk)
        {
            return [EmojiSample.Dropped(drawing.Key, EmojiDrop.Blank, "")];
        }

        var (newObject, newDesigner) = (IsHeldOut(drawing.Object), IsHeldOut(drawing.Package));
        var samples = new List<EmojiSample> { Sample(drawing, drawing.Key, plain, drawing.Style, null, EmojiSplit.Of(newObject, newDesigner)) };
        if (!newDesigner)
        {
            samples.AddRange(Draw(_trained, recipe.TrainedPerDrawing, drawing.Key, TrainedDraw).Select(t => Treated(t, newStyle: false)));
            samples.AddRange(Draw(_heldOut, recipe.HeldOutPerDrawing, drawing.Key, HeldOutDraw).Select(t => Treated(t, newStyle: true)));
        }

        return samples;

        EmojiSample Treated(Treatment treatment, bool newStyle)
        {
            var image = Treat(treatment, finer, drawing.Key);
            var key = KeyOf(drawing, treatment);
            return IsUniform(image)
                ? EmojiSample.Dropped(key, EmojiDrop.Blank, "", isTreated: true)
                : Sample(drawing, key, image, treatment.Name, treatment, EmojiSplit.Of(newObject, newStyle));
        }
    }

    private List<Treatment> Draw(IReadOnlyList<Treatment> among, int count, string key, int purpose)
    {
        var random = new ViewRandom(recipe.Seed, key, purpose);
        var left = among.ToList();
        var drawn = new List<Treatment>();
        while (drawn.Count < count)
        {
            var place = random.Below(left.Count);
            drawn.Add(left[place]);
            left.RemoveAt(place);
        }

        return drawn;
    }

    private static EmojiSample Sample(EmojiDrawing drawing, string key, RgbImage image, string style, Treatment? treatment, string split)
    {
        var (item, package) = (drawing.Object, drawing.Package);
        var about = new JsonObject
        {
            ["object"] = item.Label,
            ["code"] = item.Code,
            ["group"] = item.Group,
            ["subgroup"] = item.Subgroup,
            ["tags"] = string.Join(", ", item.Tags),
            ["style"] = style,
            ["designer"] = package.Style,
            ["treatment"] = treatment?.Name,
            ["split"] = split,
            ["creator"] = package.Creator,
            ["licence"] = package.Licence,
            ["licence_url"] = package.LicenceUrl,
            ["source"] = package.Source,
            ["package"] = $"{package.Name}@{package.Version}",
            ["changes"] = treatment is null ? "rendered to pixels" : $"rendered to pixels and redrawn: {treatment.Name}",
        };
        if (treatment is null)
        {
            about.Remove("treatment");
        }

        return new EmojiSample
        {
            Key = key,
            IsTreated = treatment is not null,
            Split = split,
            Style = style,
            Png = Png(image),
            Pixels = XxHash128.Hash(image.Pixels.AsSpan(0, image.Stride * image.Height)),
            Caption = EmojiCaption.Of(item.Label, style),
            About = Encoding.UTF8.GetBytes(about.ToJsonString(Readable)),
        };
    }

    /// <summary>Half the size: each pixel the mean of four, rounded.</summary>
    internal static RgbImage Averaged(RgbImage finer)
    {
        var image = new RgbImage(finer.Width / Finer, finer.Height / Finer);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                var (to, from) = ((y * image.Stride) + (x * RgbImage.BytesPerPixel), (y * Finer * finer.Stride) + (x * Finer * RgbImage.BytesPerPixel));
                for (var channel = 0; channel < 3; channel++)
                {
                    var sum = finer.Pixels[from + channel] + finer.Pixels[from + RgbImage.BytesPerPixel + channel]
                        + finer.Pixels[from + finer.Stride + channel] + finer.Pixels[from + finer.Stride + RgbImage.BytesPerPixel + channel];
                    image.Pixels[to + channel] = (byte)((sum + 2) / 4);
                }

                image.Pixels[to + 3] = byte.MaxValue;
            }
        }

        return image;
    }

    /// <summary>Share of pixels that are visibly not white.</summary>
    private static double Ink(RgbImage image)
    {
        var count = 0;
        for (var i = 0; i < image.Width * image.Height; i++)
        {
            var (r, g, b) = image[i % image.Width, i / image.Width];
            count += Math.Min(r, Math.Min(g, b)) < byte.MaxValue - Visible ? 1 : 0;
        }

        return count / (double)(image.Width * image.Height);
    }

    private static bool IsUniform(RgbImage image)
    {
        var (low, high) = (new int[] { 255, 255, 255 }, new int[3]);
        for (var i = 0; i < image.Width * image.Height; i++)
        {
            for (var channel = 0; channel < 3; channel++)
            {
                var value = image.Pixels[(i * RgbImage.BytesPerPixel) + channel];
                (low[channel], high[channel]) = (Math.Min(low[channel], value), Math.Max(high[channel], value));
            }
        }

        return Enumerable.Range(0, 3).All(channel => high[channel] - low[channel] <= Visible);
    }

    private static unsafe byte[] Png(RgbImage image)
    {
        fixed (byte* pixels = image.Pixels)
        {
            using var pixmap = new SKPixmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque), (nint)pixels, image.Stride);
            using var png = pixmap.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, 6))
                ?? throw new InvalidOperationException($"A picture of {image.Width} x {image.Height} cannot be encoded.");
            return png.ToArray();
        }
    }
}

/// <summary>Why a picture is not in the data set.</summary>
internal enum EmojiDrop
{
    None,
    Broken,
    Blank,
    Duplicate,
}

/// <summary>A picture with its caption and what is known about it, or why there is none.</summary>
internal sealed record EmojiSample
{
    public required string Key { get; init; }

    public bool IsTreated { get; init; }

    public EmojiDrop Drop { get; init; }

    /// <summary>What is broken; of a duplicate the key of the picture that stayed.</summary>
    public string Reason { get; init; } = "";

    public string Split { get; init; } = "";

    public string Style { get; init; } = "";

    public byte[] Png { get; init; } = [];

    /// <summary>Checksum of the pixels: equal for exact duplicates.</summary>
    public byte[] Pixels { get; init; } = [];

    public string Caption { get; init; } = "";

    public byte[] About { get; init; } = [];

    public static EmojiSample Dropped(string key, EmojiDrop drop, string reason, bool isTreated = false) => new() { Key = key, Drop = drop, Reason = reason, IsTreated = isTreated };
}
