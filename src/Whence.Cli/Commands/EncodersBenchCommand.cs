using System.CommandLine;
using System.Diagnostics;
using Spectre.Console;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Images;

namespace Whence.Cli.Commands;

/// <summary><c>whence encoders bench</c>: images a second and memory, of each encoder that can be opened here.</summary>
internal static class EncodersBenchCommand
{
    private const int PictureWidth = 640;
    private const int PictureHeight = 480;
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(1);

    public static Command Create(Streams streams)
    {
        var names = new Argument<string[]>("encoder") { Description = "Names or spec files [default: all that are here]", Arity = ArgumentArity.ZeroOrMore };
        var batches = new Option<int[]>("--batch")
        {
            Description = "Pictures per call",
            HelpName = "N",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [1, 8],
        };
        var threads = CommonOptions.Threads();
        var encoders = new EncoderOptions();
        var command = new Command("bench", "Measure images per second and memory of encoders, on random pictures") { names, batches, threads };
        encoders.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var sizes = parsed.GetValue(batches)!;
            if (sizes.Any(size => size is < 1 or > 4096))
            {
                throw new WhenceException("--batch must be from 1 to 4096.");
            }

            var registry = new EncoderRegistry();
            var given = parsed.GetRequiredValue(names);
            var table = new Table().Border(TableBorder.Simple).AddColumns("encoder", "batch", "preprocessing/s", "network/s", "memory", "");
            var failed = new List<string>();
            foreach (var name in given.Length > 0 ? given : [.. registry.Find().Keys])
            {
                try
                {
                    foreach (var row in Measure(() => encoders.Open(parsed, registry.Resolve(name)), name, sizes, parsed.GetValue(threads), cancellation))
                    {
                        table.AddRow(row.Select(cell => new Text(cell)));
                    }
                }
                catch (WhenceException e)
                {
                    failed.Add(e.Message);
                    table.AddRow(new[] { name, "", "", "", "", "cannot be opened" }.Select(cell => new Text(cell)));
                }
            }

            streams.OutputConsole.Write(table);
            failed.ForEach(streams.Error.WriteLine);
            streams.Output.WriteLine(FormattableString.Invariant(
                $"Threads: {parsed.GetValue(threads)}. Preprocessing: resize, crop and normalise {PictureWidth} x {PictureHeight} pixels. Memory: what the process grew by while the encoder was opened and ran."));
            return given.Length == 0 || failed.Count == 0 ? Task.FromResult(0) : throw new WhenceException($"{failed.Count} of {given.Length} encoders cannot be opened.");
        });
        return command;
    }

    private static IEnumerable<string[]> Measure(Func<IImageEncoder> open, string name, int[] batches, int threads, CancellationToken cancellation)
    {
        var before = Resident();
        using var encoder = open();
        var spec = encoder.Spec.Preprocessing;
        var preprocessor = new Preprocessor(spec);
        var picture = Picture();
        var preprocessing = Rate(threads, 1, () =>
        {
            var pixels = new float[preprocessor.Length];
            return () => preprocessor.Preprocess(picture, pixels);
        }, cancellation);
        foreach (var batch in batches)
        {
            if (batch > encoder.MaxBatch)
            {
                yield return [name, $"{batch}", "", "", "", $"takes at most {encoder.MaxBatch}"];
                continue;
            }

            var network = Rate(threads, batch, () =>
            {
                var (input, features) = (Input(preprocessor.Length * batch), new float[batch * encoder.Spec.Dimension]);
                return () => encoder.Encode(input, features);
            }, cancellation);
            yield return [name, $"{batch}", Number(preprocessing), Number(network), DownloadView.Size(Math.Max(0, Resident() - before)), ""];
        }
    }

    /// <summary>Images a second: each thread works for a while on inputs of its own, after one call that is not counted.</summary>
    private static double Rate(int threads, int images, Func<Action> prepare, CancellationToken cancellation)
    {
        var actions = Enumerable.Range(0, threads).Select(_ => prepare()).ToArray();
        Array.ForEach(actions, action => action());
        var (calls, watch) = (0L, Stopwatch.StartNew());
        var workers = actions.Select(action => Task.Factory.StartNew(
            () =>
            {
                do
                {
                    action();
                    Interlocked.Increment(ref calls);
                }
                while (watch.Elapsed < Enough && !cancellation.IsCancellationRequested);
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        Task.WhenAll(workers).GetAwaiter().GetResult();
        cancellation.ThrowIfCancellationRequested();
        return calls * images / watch.Elapsed.TotalSeconds;
    }

    private static RgbImage Picture()
    {
        var bytes = new byte[PictureWidth * PictureHeight * 3];
        new Random(1).NextBytes(bytes);
        return RgbImage.FromRgb(bytes, PictureWidth, PictureHeight);
    }

    private static float[] Input(int length)
    {
        var random = new Random(2);
        var values = new float[length];
        for (var i = 0; i < length; i++)
        {
            values[i] = (random.NextSingle() * 2) - 1;
        }

        return values;
    }

    private static long Resident()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static string Number(double rate) => FormattableString.Invariant($"{rate:F1}");
}
