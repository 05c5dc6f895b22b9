using System.CommandLine;
using System.Globalization;
using Whence.Cli.Output;
using Whence.Datasets.Abc;
using Whence.Torch.Abc;
using Whence.Torch.Encoders;

namespace Whence.Cli.Commands;

/// <summary><c>whence dataset build</c>: exemplars, models customized on them, what these draw.</summary>
internal static class DatasetBuildCommand
{
    public static Command Create(Streams streams)
    {
        var recipe = new Argument<string>("RECIPE.json") { Description = "Which exemplars, how models are customized and what they draw (docs/formats.md)" };
        var output = new Option<string?>("--out") { Description = "Folder of the data set", HelpName = "DIR" };
        var shard = new Option<string?>("--shard") { Description = "Make only every N-th model, from the I-th, for other machines to make the others; 'whence dataset merge' joins them", HelpName = "I/N" };
        var dry = new Option<bool>("--dry-run") { Description = "Try out a few steps, and say how many models and images there will be, how many hours and how much disk they take" };
        var device = new Option<string?>("--device") { Description = "Where models are customized and draw [default: cpu]" }.AcceptOnlyFromAmong("cpu", "cuda");
        var command = new Command("build", "Customize models on exemplars and draw with them: images of known influence; interrupted, the same command goes on") { recipe, output, shard, dry, device };
        command.SetAction((parsed, cancellation) => Task.Run(
            () => RunAsync(streams, parsed.GetRequiredValue(recipe), parsed.GetValue(output), parsed.GetValue(shard), parsed.GetValue(dry), parsed.GetValue(device) == "cuda", cancellation), CancellationToken.None));
        return command;
    }

    // Types of Whence.Torch occur only from here on: what does not train must not load libtorch.
    private static async Task<int> RunAsync(Streams streams, string path, string? output, string? shard, bool dry, bool cuda, CancellationToken cancellation)
    {
        var ((part, parts), device) = (shard is null ? (0, 1) : Shard(shard), cuda ? EncoderDevice.Cuda : EncoderDevice.Cpu);
        if (output is null && !dry)
        {
            throw new WhenceException("Give --out DIR, the folder of the data set, or --dry-run.");
        }

        var plan = await AbcPlan.LoadAsync(path, cancellation);
        var model = ModelOf(path, plan);
        Print(streams, plan);
        if (dry)
        {
            var estimate = AbcEstimate.Measure(plan, model, output, part, parts, device, cancellation);
            Line(streams, $"{estimate.Models:N0} models to make, {estimate.AtOnce:N0} at once: {Durations.Text(TimeSpan.FromSeconds(estimate.Customizing))} to customize and {Durations.Text(TimeSpan.FromSeconds(estimate.Sampling))} to draw and check on this machine, about {estimate.Bytes / 1e6:N1} MB.");
            return 0;
        }

        try
        {
            Build(streams, new AbcBuilder(plan, model, output!, device), output!, part, parts, cancellation);
            return 0;
        }
        catch (OperationCanceledException)
        {
            streams.Error.WriteLine("interrupted: models that were whole are kept; the same command goes on from there.");
            return WhenceCommand.Interrupted;
        }
    }

    /// <summary>Makes a data set, or what of it is missing.</summary>
    internal static async Task MakeAsync(Streams streams, string path, string output, CancellationToken cancellation)
    {
        var plan = await AbcPlan.LoadAsync(path, cancellation);
        Print(streams, plan);
        Build(streams, new AbcBuilder(plan, ModelOf(path, plan), output), output, 0, 1, cancellation);
    }

    private static void Build(Streams streams, AbcBuilder builder, string output, int part, int parts, CancellationToken cancellation)
    {
        var lists = builder.Build(part, parts, new Reporter(streams.Error), cancellation);
        Line(streams, lists.Count > 0 ? (FormattableString)$"{output}: {string.Join(", ", lists)}." : $"{output}: every model of part {part} of {parts} is there; when the others are, 'whence dataset merge' joins them.");
        if (lists.Count > 0)
        {
            OutcomeView.Print(streams, output);
        }
    }

    private static string ModelOf(string path, AbcPlan plan) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, plan.Recipe.Model);

    private static (int Part, int Parts) Shard(string text) =>
        text.Split('/') is [var one, var all] && int.TryParse(one, NumberStyles.None, CultureInfo.InvariantCulture, out var part) && int.TryParse(all, NumberStyles.None, CultureInfo.InvariantCulture, out var parts) && part < parts
            ? (part, parts)
            : throw new WhenceException($"--shard is '{text}', but must be a part and how many there are, from 0/N to N-1/N, such as 0/4.");

    private static void Print(Streams streams, AbcPlan plan)
    {
        foreach (var unread in plan.Unread.Take(5))
        {
            streams.Error.WriteLine($"left out: {unread.Path}: {unread.Error}");
        }

        if (plan.Unread.Count > 0)
        {
            streams.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{plan.Unread.Count:N0} images cannot be read and are left out"));
        }

        foreach (var set in plan.Models.GroupBy(m => (m.Set, m.Split)))
        {
            Line(streams, $"{set.Key.Set}, {set.Key.Split.ToString().ToLowerInvariant()}: {set.Count():N0} models, {set.Sum(m => m.Exemplars.Count):N0} exemplars, {set.Sum(m => m.Samples.Count):N0} images");
        }
    }

    private static void Line(Streams streams, FormattableString text) => streams.Output.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    /// <summary>A line after each model, with the time that is left.</summary>
    private sealed class Reporter(TextWriter error) : IProgress<AbcProgress>
    {
        public void Report(AbcProgress value)
        {
            if (value.Left is not { } left)
            {
                if (value.Done > 0)
                {
                    error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{value.Done:N0} of {value.Models:N0} models are {(value.Measuring ? "measured anew" : "there")}"));
                }

                return;
            }

            error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{value.Done:N0} of {value.Models:N0} models, {value.Customizing / value.Made:F1} s to customize and {value.Sampling / value.Made:F1} s to draw, {Durations.Text(left)} left"));
        }
    }
}
