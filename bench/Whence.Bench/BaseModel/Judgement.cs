using Whence.Evaluation;

namespace Whence.Bench.BaseModel;

/// <summary>What is asked of a sample's nearest pictures, and how often it holds.</summary>
internal static class Judgement
{
    /// <summary>How many of the nearest pictures are looked at.</summary>
    public const int Nearest = 5;

    private const int Resamples = 10_000;

    /// <summary>What is measured, in the order of the values.</summary>
    public static readonly IReadOnlyList<string> Measures = ["object", "style", "both", "object in 5", "subgroup", "group"];

    /// <summary>1 for what holds, else 0: whether the nearest picture shows the object, has the style, both, one of the nearest five shows the object, the nearest shows one of its subgroup, of its group.</summary>
    /// <param name="asked">What was asked for.</param>
    /// <param name="nearest">The nearest pictures, the nearest first, at least one.</param>
    public static double[] Of(Content asked, IReadOnlyList<Content> nearest)
    {
        var first = nearest[0];
        return
        [
            One(first.Object == asked.Object),
            One(first.Style == asked.Style),
            One(first.Object == asked.Object && first.Style == asked.Style),
            One(nearest.Take(Nearest).Any(n => n.Object == asked.Object)),
            One(first.Subgroup == asked.Subgroup),
            One(first.Group == asked.Group),
        ];
    }

    /// <summary>How likely each is where the nearest pictures are any, each equally likely.</summary>
    /// <param name="asked">What was asked for.</param>
    /// <param name="among">The pictures that there are, at least five.</param>
    public static double[] Chance(Content asked, IReadOnlyList<Content> among)
    {
        double Share(Func<Content, bool> holds) => (double)among.Count(holds) / among.Count;
        var (others, none) = (among.Count(c => c.Object != asked.Object), 1.0);
        for (var i = 0; i < Nearest; i++)
        {
            none *= Math.Max(0.0, others - i) / (among.Count - i);
        }

        return
        [
            Share(c => c.Object == asked.Object),
            Share(c => c.Style == asked.Style),
            Share(c => c.Object == asked.Object && c.Style == asked.Style),
            1 - none,
            Share(c => c.Subgroup == asked.Subgroup),
            Share(c => c.Group == asked.Group),
        ];
    }

    /// <summary>
    /// The mean of a measure over prompts, of each of which it is the mean over what was judged: one prompt counts as any other, however many pictures there are of it. With the interval that other
    /// prompts might have given (bootstrap over prompts, whose samples stay together).
    /// </summary>
    /// <param name="prompts">Per prompt the values of what was judged of it; prompts without any are passed over.</param>
    /// <param name="measure">A place in <see cref="Measures"/>.</param>
    /// <returns>Null where nothing was judged.</returns>
    public static Share? Mean(IEnumerable<IReadOnlyList<double[]>> prompts, int measure)
    {
        var judged = prompts.Where(p => p.Count > 0).ToArray();
        if (judged.Length == 0)
        {
            return null;
        }

        var means = Array.ConvertAll(judged, p => p.Average(values => values[measure]));
        var interval = Bootstrap.Interval(new Bootstrap(judged.Length, Resamples, new Random(0)).Means(means, Array.ConvertAll(judged, _ => 1)));
        return new Share(means.Average(), interval!.Value.Low, interval.Value.High, judged.Length);
    }

    private static double One(bool holds) => holds ? 1 : 0;
}

/// <summary>A share with its 95 % interval.</summary>
/// <param name="Mean">The share.</param>
/// <param name="Low">Where the interval begins.</param>
/// <param name="High">Where it ends.</param>
/// <param name="Prompts">Prompts that it is the mean of.</param>
internal sealed record Share(double Mean, double Low, double High, int Prompts);
