using System.Diagnostics;
using System.Text.RegularExpressions;
using Whence.Encoders;

namespace Whence.Tests.Encoders;

/// <summary>What <c>docs/encoders.md</c> says can be done, is done.</summary>
public partial class EncodersPageTests
{
    private const string Python = "/usr/bin/python3";
    private static readonly string Page = File.ReadAllText(Path.Combine(SharedData.RepositoryRoot, "docs", "encoders.md"));

    [Fact]
    public void Every_spec_on_the_page_is_one()
    {
        using var temp = new TempFolder();
        var specs = Blocks("json").Select(json =>
        {
            File.WriteAllText(temp["spec.json"], json);
            return EncoderSpec.Load(temp["spec.json"]);
        }).ToArray();
        Assert.Equal(["csd-vitl", "dino-vits16-paintings", "my-descriptor"], specs.Select(spec => spec.Name));
    }

    [Fact]
    public void Every_encoder_of_the_catalogue_is_on_the_page_with_its_licence_and_whether_it_can_be_checked()
    {
        foreach (var entry in EncoderCatalogue.Entries)
        {
            var row = Page.Split('\n').Single(line => line.StartsWith('|') && line.Contains($"`{entry.Spec.Name}`", StringComparison.Ordinal));
            Assert.Contains(entry.Spec.Licence!, row, StringComparison.Ordinal);
            Assert.Equal(entry.Sha256 is null, row.TrimEnd().EndsWith("| none |", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task The_script_on_the_page_writes_what_verify_compares_with()
    {
        Assert.SkipUnless(await RunAsync("-c", "import torch, torchvision, PIL, numpy") is 0, $"needs {Python} with PyTorch, torchvision, Pillow and NumPy");
        using var temp = new TempFolder();
        var spec = EncoderSpec.Load(TinyOnnx.Write(temp.Path, "tiny"));
        spec = spec with { Preprocessing = spec.Preprocessing with { Mean = [0.485f, 0.456f, 0.406f], Std = [0.229f, 0.224f, 0.225f] } };

        // The means of the channels, and its 8 pixels, in the place of DINO.
        var script = Assert.Single(Blocks("python"))
            .Replace("\"dino-vitb16\", 256, 224, T.InterpolationMode.BICUBIC", "\"tiny\", 8, 8, T.InterpolationMode.BILINEAR", StringComparison.Ordinal)
            .Replace("torch.hub.load(\"facebookresearch/dino:main\", \"dino_vitb16\")", "torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())", StringComparison.Ordinal);
        File.WriteAllText(temp["reference.py"], script);
        var photos = Path.Combine(SharedData.RepositoryRoot, "tests", "golden", "images");
        string[] images = [.. Directory.GetFiles(photos, "*.jpg").Order(StringComparer.Ordinal).Take(2), .. Directory.GetFiles(photos, "*.png").Order(StringComparer.Ordinal).Take(2)];
        Assert.Equal(0, await RunAsync([temp["reference.py"], temp["r.safetensors"], .. images]));

        using var reference = EncoderReference.Open(temp["r.safetensors"]);
        Assert.Equal("tiny", reference.Encoder);
        Assert.Equal(images.Select(Path.GetFileName).Order(StringComparer.Ordinal), reference.Images);
        using var encoder = new OnnxEncoder(spec);
        var check = ReferenceCheck.Run(encoder, reference, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Null(check.FirstDifference);
        Assert.Equal(4 * 5, check.Comparisons.Count);
        Assert.All(check.Comparisons, comparison => Assert.Equal(comparison.First, comparison.Last));
        Assert.Equal(4, check.Whole.Count);
    }

    private static string[] Blocks(string language) =>
        [.. Block().Matches(Page).Where(match => match.Groups[1].Value == language).Select(match => match.Groups[2].Value)];

    private static async Task<int?> RunAsync(params string[] args)
    {
        if (!File.Exists(Python))
        {
            return null;
        }

        using var process = Process.Start(new ProcessStartInfo(Python, args) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(await error);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode;
    }

    [GeneratedRegex("```(\\w+)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
