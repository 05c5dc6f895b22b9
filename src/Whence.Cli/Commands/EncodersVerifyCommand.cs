using System.CommandLine;
using Spectre.Console;
using Whence.Cli.Output;
using Whence.Encoders;
using Whence.Images;

namespace Whence.Cli.Commands;

/// <summary><c>whence encoders verify</c>: whether an encoder works, and whether it gives what another implementation gives.</summary>
internal static class EncodersVerifyCommand
{
    public static Command Create(Streams streams)
    {
        var name = new Argument<string>("encoder") { Description = "Name or spec file" };
        var images = new Option<string[]>("--image")
        {
            Description = "Two photographs of different things [default: two drawings of the demo]",
            HelpName = "FILE",
            AllowMultipleArgumentsPerToken = true,
        };
        var reference = new Option<string?>("--reference") { Description = "What another implementation makes of some images, step by step (.safetensors, docs/encoders.md)", HelpName = "FILE" };
        var encoders = new EncoderOptions();
        var command = new Command("verify", "Encode two crops of one picture and two pictures; check dimension, determinism, batches; compare with a reference") { name, images, reference };
        encoders.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var files = parsed.GetValue(images) is { Length: > 0 } given ? given : null;
            if (files is not null and not { Length: 2 })
            {
                throw new WhenceException($"--image takes two files, got {files.Length}.");
            }

            var bytes = files?.Select(File.ReadAllBytes).ToArray() ?? DemoCommand.TwoPictures();
            using var opened = parsed.GetValue(reference) is { } path ? EncoderReference.Open(path) : null;
            var spec = new EncoderRegistry().Resolve(parsed.GetRequiredValue(name));
            using var encoder = encoders.Open(parsed, spec);
            var check = EncoderCheck.Run(encoder, ImageDecoder.Decode(bytes[0]), ImageDecoder.Decode(bytes[1]));
            Write(streams.OutputConsole, encoder.Spec, check);
            var problems = check.Problems.ToList();
            if (opened is not null)
            {
                problems.AddRange(Compare(streams, encoder, opened, encoders.Read(parsed).Precision ?? encoder.Spec.Precision ?? EncoderPrecision.F32, cancellation));
            }

            return problems.Count == 0
                ? Task.FromResult(0)
                : throw new WhenceException($"Encoder '{encoder.Spec.Name}' failed: {string.Join("; ", problems)}.");
        });
        return command;
    }

    private static IEnumerable<string> Compare(Streams streams, IImageEncoder encoder, EncoderReference reference, EncoderPrecision precision, CancellationToken cancellation)
    {
        if (reference.Encoder is { } other && other != encoder.Spec.Name)
        {
            streams.Error.WriteLine($"The reference was made with '{other}', not '{encoder.Spec.Name}'.");
        }

        var check = ReferenceCheck.Run(encoder, reference, ReferenceTolerance.For(precision), cancellation);
        var table = new Table().Border(TableBorder.Simple).AddColumns("step", "images", "largest", "mean", "cosine", "result");
        var steps = check.Comparisons.GroupBy(c => (c.First, c.Last)).OrderBy(g => g.Key.Last).ThenBy(g => g.Key.First);
        foreach (var step in steps.Append(check.Whole.Where(w => w.First < w.Last).GroupBy(_ => (First: (EncodingStep)(-1), Last: EncodingStep.Network)).FirstOrDefault()))
        {
            if (step is null)
            {
                continue;
            }

            var whole = (int)step.Key.First < 0;
            var failed = step.Count(c => c.Problem is not null);
            table.AddRow(new[]
            {
                whole ? "all together" : Name(step.Key.First, step.Key.Last),
                Number($"{step.Count()}"),
                Number($"{step.Max(c => c.Largest):G3}"),
                Number($"{step.Average(c => c.Mean):G3}"),
                step.Any(c => c.Cosine is not null) ? Number($"{step.Min(c => c.Cosine):F6}") : "",
                whole ? "" : failed == 0 ? "within the tolerance" : Number($"{failed} differ"),
            }.Select(cell => new Text(cell)));
        }

        streams.OutputConsole.Write(table);
        if (check.FirstDifference is { } first)
        {
            var cosine = first.Cosine is { } value ? Number($", cosine {value:F6}") : "";
            yield return $"differs from the reference first at {Name(first.First, first.Last)}, image '{first.Image}': {first.Problem}"
                + (double.IsNaN(first.Largest) ? "" : Number($" (largest difference {first.Largest:G3}, mean {first.Mean:G3}{cosine})"))
                + (first.First == first.Last
                    ? $"; check {Advice(first.Last)}"
                    : "; which of these steps it is, a reference with what lies between them tells");
        }
    }

    private static string Name(EncodingStep first, EncodingStep last) =>
        (first == last ? $"{last}" : $"{first} to {last}").ToLowerInvariant();

    private static string Advice(EncodingStep step) => step switch
    {
        EncodingStep.Decode => "how the reference reads files: Pillow's convert(\"RGB\"), no EXIF rotation",
        EncodingStep.Resize => "'resize', 'stretch' and 'interpolation' of the spec",
        EncodingStep.Crop => "'crop' of the spec",
        EncodingStep.Normalize => "'mean', 'std', 'range' and 'channelOrder' of the spec",
        _ => "the weights and 'network' of the spec",
    };

    private static void Write(IAnsiConsole console, EncoderSpec spec, EncoderCheck check)
    {
        var grid = new Grid().AddColumn().AddColumn();
        Add("encoder", $"{spec.Name}, {spec.Dimension} values");
        Add("two crops of one picture", Number($"cosine {check.SamePicture:F4}"));
        Add("two pictures", Number($"cosine {check.OtherPicture:F4}"));
        Add("same input twice", check.Deterministic ? "equal to the last bit" : "differs");
        Add("alone and in a batch", check.BatchDifference is { } difference ? Number($"largest difference {difference:G3} of the feature's length") : "batch fixed at 1");
        console.Write(grid);

        void Add(string name, string value) => grid.AddRow(new Text(name), new Text(value));
    }

    private static string Number(FormattableString text) => FormattableString.Invariant(text);
}
