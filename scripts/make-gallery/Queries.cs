using System.Text.Json.Nodes;
using SkiaSharp;

namespace MakeGallery;

/// <summary>
/// Stand-ins for generated pictures. Each is composed from known drawings of the gallery, drawn again from their vector form, so
/// what influenced it is known by construction.
/// </summary>
internal static class Queries
{
    private const int Side = 256;

    private delegate void Paint(SKCanvas canvas, IReadOnlyList<Drawing> drawings);

    public static IReadOnlyList<Sample> Make(IReadOnlyList<Drawing> gallery)
    {
        var drawings = gallery.ToDictionary(d => d.Key);
        return
        [
            Compose(drawings, "cat-in-a-top-hat", "A cat in a top hat",
                "the cat under the hat of another designer, before a teal backdrop", CatInATopHat,
                "noto-v1/cat", "twemoji/top-hat"),
            Compose(drawings, "fruit-still-life", "Fruit on a table",
                "three designers' fruits with shadows, on a table", FruitStillLife,
                "noto/apple", "emojione/grapes", "fxemoji/banana"),
            Compose(drawings, "owl-between-two-styles", "An owl between two styles",
                "two designers' owls laid over each other, half of each, at dusk", OwlBetweenTwoStyles,
                "noto-v1/owl", "twemoji/owl"),
            Compose(drawings, "pink-elephant", "A pink elephant",
                "recoloured to pink, turned by 10 degrees and slightly blurred, on a meadow", PinkElephant,
                "noto/elephant"),
            Compose(drawings, "rocket-in-halftone", "A rocket printed in halftone",
                "printed again as coloured dots on cream paper", RocketInHalftone,
                "noto/rocket"),
        ];
    }

    private static Sample Compose(
        Dictionary<string, Drawing> gallery, string name, string title, string how, Paint paint, params string[] keys)
    {
        var drawings = keys.Select(key => gallery[key]).ToList();
        using var bitmap = Pixels.Square(Side);
        using (var canvas = new SKCanvas(bitmap))
        {
            paint(canvas, drawings);
        }

        var about = new JsonObject
        {
            ["made_from"] = new JsonArray([.. keys.Select(key => JsonValue.Create(key))]),
            ["how"] = how,
            ["credits"] = new JsonArray([.. drawings.Select(d => JsonValue.Create(
                $"{d.Label} by {d.Designer.Creator} ({d.Designer.Name}), {d.Designer.Licence}, changed"))]),
        };
        return new(name, Png.Encode(bitmap), $"{title}: not generated, but composed from {string.Join(", ", keys)}", about);
    }

    private static void CatInATopHat(SKCanvas canvas, IReadOnlyList<Drawing> drawings)
    {
        Backdrop(canvas, new(0xD3, 0xEE, 0xEA), new(0xF3, 0xFB, 0xF6));
        Shadow(canvas, 128, 240, 70, 8);
        Place(canvas, drawings[0], 36, 62, 186);
        Place(canvas, drawings[1], 80, 4, 76, degrees: -8);
    }

    private static void FruitStillLife(SKCanvas canvas, IReadOnlyList<Drawing> drawings)
    {
        Backdrop(canvas, new(0xFA, 0xF1, 0xE4), new(0xFD, 0xF9, 0xF2));
        using var table = new SKPaint { Color = new(0xE3, 0xC7, 0xA6) };
        canvas.DrawRect(0, 192, Side, Side - 192, table);
        Shadow(canvas, 196, 210, 52, 7);
        Place(canvas, drawings[2], 132, 92, 120);
        Shadow(canvas, 66, 208, 54, 7);
        Place(canvas, drawings[1], 4, 78, 130);
        Shadow(canvas, 132, 240, 44, 7);
        Place(canvas, drawings[0], 80, 138, 104);
    }

    private static void OwlBetweenTwoStyles(SKCanvas canvas, IReadOnlyList<Drawing> drawings)
    {
        Backdrop(canvas, new(0x6D, 0x7F, 0xB5), new(0xF6, 0xD5, 0xB8));
        Place(canvas, drawings[0], 24, 24, 208);
        using var half = new SKPaint { Color = SKColors.Black.WithAlpha(128) };
        canvas.SaveLayer(half);
        Place(canvas, drawings[1], 28, 42, 200); // eyes upon eyes
        canvas.Restore();
    }

    private static void PinkElephant(SKCanvas canvas, IReadOnlyList<Drawing> drawings)
    {
        using var blur = SKImageFilter.CreateBlur(1.1f, 1.1f, SKShaderTileMode.Clamp, null, SKRect.Create(Side, Side));
        using var soft = new SKPaint { ImageFilter = blur };
        canvas.SaveLayer(soft);
        Backdrop(canvas, new(0xCF, 0xE8, 0xF7), new(0xF4, 0xFA, 0xE8));
        using var meadow = new SKPaint { Color = new(0x9C, 0xC8, 0x6B), IsAntialias = true };
        canvas.DrawOval(128, 268, 210, 66, meadow);
        Shadow(canvas, 128, 226, 76, 9);

        // Greys become pinks: red stays, green and blue are lowered.
        using var filter = SKColorFilter.CreateColorMatrix(
        [
            1.12f, 0, 0, 0, 0.04f,
            0, 0.78f, 0, 0, 0,
            0, 0, 0.92f, 0, 0,
            0, 0, 0, 1, 0,
        ]);
        using var pink = new SKPaint { ColorFilter = filter };
        canvas.SaveLayer(pink);
        Place(canvas, drawings[0], 30, 36, 196, degrees: -10);
        canvas.Restore();
        canvas.Restore();
    }

    private static void RocketInHalftone(SKCanvas canvas, IReadOnlyList<Drawing> drawings)
    {
        const int Cell = 5;
        using var original = Pixels.Square(Side);
        using (var source = new SKCanvas(original))
        {
            source.Clear(SKColors.White);
            Place(source, drawings[0], 16, 16, 224);
        }

        canvas.Clear(new(0xFB, 0xF6, 0xE6));
        using var ink = new SKPaint { IsAntialias = true };
        for (var y = Cell / 2; y < Side; y += Cell)
        {
            for (var x = Cell / 2; x < Side; x += Cell)
            {
                // A dot's area grows with the darkness of what it stands for; its colour is that of the place.
                var colour = original.GetPixel(x, y);
                var darkness = 1 - (((0.299f * colour.Red) + (0.587f * colour.Green) + (0.114f * colour.Blue)) / 255);
                ink.Color = colour;
                canvas.DrawCircle(x, y, Cell * 0.72f * MathF.Sqrt(Math.Min(1, 1.35f * darkness)), ink);
            }
        }
    }

    private static void Backdrop(SKCanvas canvas, SKColor top, SKColor bottom)
    {
        using var shader = SKShader.CreateLinearGradient(new(0, 0), new(0, Side), [top, bottom], SKShaderTileMode.Clamp);
        using var paint = new SKPaint { Shader = shader };
        canvas.DrawRect(0, 0, Side, Side, paint);
    }

    private static void Shadow(SKCanvas canvas, float x, float y, float width, float height)
    {
        using var blur = SKMaskFilter.CreateBlur(SKBlurStyle.Normal, 5);
        using var paint = new SKPaint { Color = SKColors.Black.WithAlpha(70), MaskFilter = blur, IsAntialias = true };
        canvas.DrawOval(x, y, width, height, paint);
    }

    private static void Place(SKCanvas canvas, Drawing drawing, float left, float top, float side, float degrees = 0)
    {
        canvas.Save();
        canvas.RotateDegrees(degrees, left + (side / 2), top + (side / 2));
        canvas.Translate(left, top);
        drawing.Draw(canvas, side);
        canvas.Restore();
    }
}
