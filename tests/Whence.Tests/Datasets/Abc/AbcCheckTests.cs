using Whence.Datasets.Abc;
using Whence.Encoders;
using Whence.Images;
using Whence.Torch.Encoders;

namespace Whence.Tests.Datasets.Abc;

public sealed class AbcCheckTests
{
    private static readonly RgbImage Red = Solid(255, 0, 0), Blue = Solid(0, 0, 255), White = Solid(255, 255, 255), Black = Solid(0, 0, 0);

    [Fact]
    public void A_sample_is_measured_against_the_exemplar_that_it_is_most_like()
    {
        var (samples, model) = Measure([Black, Red], [Drawn("a", 1, Red), Drawn("a", 2, Blue)]);
        Assert.Equal(new AbcMeasure(1, 0), samples[0]);
        Assert.True(samples[1].Similarity < 0.9 && samples[1].Pixels > 0.3);
        Assert.Null(model); // nothing was drawn before
        Assert.Equal(1, Assert.Single(Measure([Black], [Drawn("a", 1, White)]).Samples).Pixels);
    }

    [Fact]
    public void The_gain_is_over_what_was_drawn_of_the_same_words_with_the_same_noise()
    {
        var model = Measure([Red], [Drawn("a", 1, Red), Drawn("a", 2, Blue)], [Drawn("a", 1, Blue)]).Model!;
        Assert.Equal(1, model.Similarity, 1e-5); // of the first alone
        Assert.Equal(Measure([Red], [Drawn("a", 1, Blue)]).Samples[0].Similarity, model.Uncustomized, 1e-5);
    }

    [Fact]
    public void Of_a_style_another_encoder_says_how_like_the_exemplars_samples_are()
    {
        using var encoder = new PixelEncoder(new EncoderRegistry().Resolve("pixels"));
        using var styles = ImageEncoders.Open(new EncoderRegistry().Resolve("resnet18-style"));
        var checker = new AbcChecker(encoder, styles);
        var (things, looks) = (Of(AbcKind.ObjectCentric), Of(AbcKind.StyleCentric));
        Assert.Equal(things.Samples, looks.Samples); // which exemplar, and whether it is a copy
        Assert.Equal(things.Model!.Obeyed, looks.Model!.Obeyed);
        Assert.Equal((things.Model.Similarity, things.Model.Uncustomized), (looks.Model.Similarity, looks.Model.Uncustomized));
        Assert.Null(things.Model.StyleSimilarity ?? things.Model.StyleUncustomized);
        Assert.NotEqual(things.Model.Uncustomized, looks.Model.StyleUncustomized);
        Assert.Equal(1, looks.Model.StyleSimilarity!.Value, 1e-5);

        (IReadOnlyList<AbcMeasure> Samples, AbcCheckRecord? Model) Of(AbcKind kind) => checker.Measure(kind, [Red], [Drawn("a", 1, Red), Drawn("a", 2, Blue), Drawn("b", 3, Red)], [Drawn("a", 1, Blue), Drawn("b", 3, Black)]);
    }

    [Fact]
    public void Prompts_are_obeyed_where_samples_are_most_like_what_was_drawn_of_their_own_words()
    {
        AbcPicture[] before = [Drawn("a", 1, Red), Drawn("b", 3, Blue)];
        Assert.Equal(1, Obeyed(Drawn("a", 2, Red), Drawn("b", 4, Blue)));
        Assert.Equal(0, Obeyed(Drawn("a", 2, Blue), Drawn("b", 4, Red)));
        Assert.Equal(0.5, Obeyed(Drawn("a", 2, Red), Drawn("b", 4, Red)));

        // Of the same noise as what was drawn before, they count for nothing: they would be alike whatever the words.
        Assert.Equal(1, Obeyed(Drawn("a", 1, Blue), Drawn("a", 2, Red)));
        Assert.Null(Measure([Red], [Drawn("a", 1, Red), Drawn("b", 3, Red)], before).Model!.Obeyed);
        Assert.Null(Measure([Red], [Drawn("a", 1, Red), Drawn("a", 2, Red)], before[..1]).Model!.Obeyed);

        double? Obeyed(params AbcPicture[] samples) => Measure([Red], [.. before, .. samples], before).Model!.Obeyed;
    }

    [Fact]
    public void A_model_below_a_threshold_has_a_fault_and_what_could_not_be_measured_is_none()
    {
        var check = new AbcCheck { Shows = 0.25, Obeys = 0.6 };
        Assert.Null(Faults(0.75, 0.5, 0.6));
        Assert.Null(Faults(0.75, 0.5, null));
        Assert.Equal([AbcFault.Concept], Faults(0.7, 0.5, 0.7));
        Assert.Equal([AbcFault.Concept, AbcFault.Prompt], Faults(0.4, 0.5, 0.55));
        Assert.Null(Style(0.7, 0.5, 0.7, 0.25)); // one encoder sees it
        Assert.Null(Style(0.75, 0.5, 0.2, 0.5));
        Assert.Equal([AbcFault.Concept], Style(0.7, 0.5, 0.7, 0.5));
        check = check with { Shows = -2, Obeys = 0 };
        Assert.Null(Faults(-1, 1, 0));

        IReadOnlyList<AbcFault>? Faults(double similarity, double before, double? obeyed) => check.Judge(Record(0, 0) with { Check = new(similarity, before, null, null, obeyed) }).Faults;

        IReadOnlyList<AbcFault>? Style(double similarity, double before, double style, double styleBefore) => check.Judge(Record(0, 0) with { Check = new(similarity, before, style, styleBefore, null) }).Faults;
    }

    [Fact]
    public void A_copy_is_near_by_its_feature_and_by_its_pixels()
    {
        var check = new AbcCheck { CopySimilarity = 0.9, CopyPixels = 0.1 };
        Assert.True(Copy(0.9, 0.1));
        Assert.Null(Copy(0.89, 0.09));
        Assert.Null(Copy(0.95, 0.11));

        bool? Copy(double similarity, double pixels) => check.Judge(Record(similarity, pixels)).Samples[0].Copy;
    }

    [Fact]
    public void So_many_images_are_drawn_before_of_each_prompt_as_the_recipe_says_but_no_more_than_samples()
    {
        AbcSample[] samples = [.. "aaabb".Select((letter, i) => new AbcSample("gpt", $"<new1> {letter}", i, $"{letter}")), new AbcSample("caption", "c", 9)];
        var model = new AbcModel { Id = "x-0000", Set = "x", Kind = AbcKind.StyleCentric, Split = AbcSplit.Test, Exemplars = [], Prompt = "<new1>", Seed = 0, Samples = samples };
        Assert.Equal([0, 3], new AbcCheck().Before(model).Select(s => s.Seed));
        Assert.Equal([0, 1, 2, 3, 4], new AbcCheck { Samples = 3 }.Before(model).Select(s => s.Seed));
    }

    private static (IReadOnlyList<AbcMeasure> Samples, AbcCheckRecord? Model) Measure(IReadOnlyList<RgbImage> exemplars, IReadOnlyList<AbcPicture> samples, params AbcPicture[] before)
    {
        using var encoder = new PixelEncoder(new EncoderRegistry().Resolve("pixels"));
        return new AbcChecker(encoder, encoder).Measure(AbcKind.ObjectCentric, exemplars, samples, before);
    }

    private static AbcPicture Drawn(string words, long seed, RgbImage image) => new(new AbcSample("gpt", $"<new1> {words}", seed, words), image);

    private static AbcRecord Record(double similarity, double pixels) => new()
    {
        Id = "x-0000",
        Set = "x",
        Kind = AbcKind.StyleCentric,
        Split = AbcSplit.Test,
        Group = "g",
        Seed = 0,
        Exemplars = [],
        Samples = [new AbcSampleRecord("s.png", "gpt", "<new1>", 0, "", similarity, pixels)],
    };

    private static RgbImage Solid(byte red, byte green, byte blue) => RgbImage.FromRgb([.. Enumerable.Repeat((byte[])[red, green, blue], 16).SelectMany(pixel => pixel)], 4, 4);
}
