using Whence.Datasets.Abc;
using Whence.Torch.Encoders;

namespace Whence.Torch.Abc;

/// <summary>What building a data set will take, from trying out its first model with a few steps, as often at once as models are made at once.</summary>
/// <param name="Models">Models that are to be made.</param>
/// <param name="AtOnce">Of these, how many at once.</param>
/// <param name="Customizing">Seconds that their customizations take on this machine, so many at once.</param>
/// <param name="Sampling">Seconds that their samples take, and the check of these; rather too many of models that are not customized, which are not checked.</param>
/// <param name="Bytes">Bytes of their images and, where they are kept, weights; rather too many, as samples of few steps are full of noise.</param>
public sealed record AbcEstimate(int Models, int AtOnce, double Customizing, double Sampling, long Bytes)
{
    // What does not depend on the steps is told from what does by two runs; the first one pays for what is made once in a process.
    private static readonly int[] Steps = [1, 1, 3];

    /// <summary>Tries out the first model of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="model">Folder of the model that is customized.</param>
    /// <param name="folder">The data set, whose models that are there need not be made; null for a new one.</param>
    /// <param name="shard">Which part of the models.</param>
    /// <param name="shards">Parts in all.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="WhenceException">The model or an exemplar cannot be read, or there is no such device.</exception>
    public static AbcEstimate Measure(
        AbcPlan plan, string model, string? folder = null, int shard = 0, int shards = 1, EncoderDevice device = EncoderDevice.Cpu, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var temporary = Directory.CreateTempSubdirectory("whence-estimate-").FullName;
        try
        {
            var (first, recipe) = (plan.Models[0], plan.Recipe);
            var batch = first with { Samples = [.. first.Samples.Take(recipe.Sampling.Batch)] };
            var builder = new AbcBuilder(plan, model, folder ?? temporary, device);
            AbcModel[] models = [.. builder.Missing(shard, shards)];
            var atOnce = Math.Clamp(models.Length, 1, builder.AtOnce);
            AbcModel[] tried = [.. Enumerable.Range(0, atOnce).Select(i => batch with { Id = $"{batch.Id}-{i}" })];
            var runs = Steps.Select((steps, run) => (Steps: steps, Took: Try(plan, tried, steps, model, Path.Combine(temporary, $"{run}"), device, cancellation))).ToArray();
            var customized = models.Count(m => m.Prompt is not null);
            var record = AbcRecord.Load(Path.Combine(temporary, "0"), tried[0].Id);
            var sample = record.Samples.Average(s => new FileInfo(Path.Combine(temporary, "0", s.Path)).Length);
            var weights = record.Concept is { } kept ? new FileInfo(Path.Combine(temporary, "0", kept.Path)).Length : 0;
            return new AbcEstimate(
                models.Length,
                atOnce,
                customized * Time(run => run.Customizing, recipe.Customization.Steps) / atOnce,
                models.Sum(m => Math.Ceiling((double)m.Samples.Count / batch.Samples.Count)) * Time(run => run.Sampling, recipe.Sampling.Steps) / atOnce,
                (long)models.Sum(m => ((m.Samples.Count + (recipe.Check?.Before(m).Count() ?? 0)) * sample) + m.Exemplars.Sum(e => e.Length)) + (customized * weights));

            // Of a model, by a line through the last two runs.
            double Time(Func<AbcProgress, double> of, int steps)
            {
                var (few, more) = (runs[^2], runs[^1]);
                var step = Math.Max(0, (of(more.Took) - of(few.Took)) / (more.Steps - few.Steps));
                return (Math.Max(0, of(few.Took) - (few.Steps * step)) + (steps * step)) / atOnce;
            }
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static AbcProgress Try(AbcPlan plan, AbcModel[] models, int steps, string model, string folder, EncoderDevice device, CancellationToken cancellation)
    {
        var recipe = plan.Recipe with { Customization = plan.Recipe.Customization with { Steps = steps }, Sampling = plan.Recipe.Sampling with { Steps = steps } };
        var last = new Last();
        new AbcBuilder(plan.Tried(recipe, models), model, folder, device).Build(progress: last, cancellation: cancellation);
        return last.Progress;
    }

    private sealed class Last : IProgress<AbcProgress>
    {
        public AbcProgress Progress { get; private set; }

        public void Report(AbcProgress value) => Progress = value;
    }
}
