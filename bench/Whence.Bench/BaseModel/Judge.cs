using System.Numerics.Tensors;
using Whence.Vectors;

namespace Whence.Bench.BaseModel;

/// <summary>Compares pictures of prompts with the training images, and with further pictures of the prompt, whose places follow those of the training images.</summary>
/// <param name="gallery">The training images.</param>
/// <param name="prompts">The prompts.</param>
/// <param name="further">Features of the further pictures of each prompt.</param>
internal sealed class Judge(Gallery gallery, IReadOnlyList<AskedPrompt> prompts, IReadOnlyList<FeatureMatrix>? further = null)
{
    private readonly Content[] _contents = [.. gallery.Drawings.Select(d => d.Content)];

    /// <summary>Judges pictures.</summary>
    /// <param name="pictures">The pictures.</param>
    /// <param name="features">Their features, of length 1.</param>
    /// <param name="withoutOwn">Whether a picture is not compared with what it is made of.</param>
    /// <param name="withFurther">Whether it is also compared with the prompt's further pictures.</param>
    public IReadOnlyList<JudgedPicture> Of(IReadOnlyList<Picture> pictures, FeatureMatrix features, bool withoutOwn = false, bool withFurther = false)
    {
        var judged = new JudgedPicture[pictures.Count];
        Parallel.For(0, pictures.Count, i =>
        {
            var (prompt, without) = (prompts[pictures[i].Prompt], withoutOwn ? pictures[i].Own : -1);
            var nearest = Gallery.Nearest(gallery.Features, features.Row(i), Judgement.Nearest, without);
            if (withFurther)
            {
                var own = further![pictures[i].Prompt];
                nearest =
                [
                    .. nearest.Concat(Enumerable.Range(0, own.Rows).Where(j => _contents.Length + j != without).Select(j => (_contents.Length + j, TensorPrimitives.Dot(own.Row(j), features.Row(i)))))
                        .OrderByDescending(n => n.Item2).ThenBy(n => n.Item1).Take(Judgement.Nearest),
                ];
            }

            judged[i] = new JudgedPicture(
                pictures[i],
                [.. nearest.Select(n => n.Row)],
                Judgement.Of(prompt.Content, [.. nearest.Select(n => n.Row < _contents.Length ? _contents[n.Row] : prompt.Content)]));
        });
        return judged;
    }

    /// <summary>What chance would give for each prompt.</summary>
    /// <param name="withFurther">Whether the prompt's further pictures count.</param>
    public IReadOnlyList<double[]> Chance(bool withFurther = false) =>
        [.. prompts.AsParallel().AsOrdered().Select((p, i) => Judgement.Chance(p.Content, withFurther ? [.. _contents, .. Enumerable.Repeat(p.Content, further![i].Rows)] : _contents))];
}
