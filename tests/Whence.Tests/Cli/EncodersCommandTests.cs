using Whence.Encoders;
using Whence.Images;
using Whence.Tests.Cli.Download;
using Whence.Tests.Encoders;
using Whence.Vectors;

namespace Whence.Tests.Cli;

/// <summary>Fetching, checking and measuring encoders. WHENCE_HOME belongs to a process, so the commands run in their own.</summary>
public sealed class EncodersCommandTests : IDisposable
{
    private const string Siglip = "siglip-base-patch16-224";
    private const string SiglipFile = "siglip-base-patch16-224-vision.onnx";
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task An_encoder_is_fetched_listed_and_not_fetched_twice()
    {
        var file = TinyOnnx.Siglip();
        using var server = new LocalServer(LocalServer.Ranges(file));
        Assert.Contains("whence encoders pull moco-vitb", (await RunAsync("encoders", "verify", "moco-vitb")).Error, StringComparison.Ordinal);

        var (code, output, error) = await RunAsync("encoders", "pull", Siglip, "--url", server.Url(), "--unchecked");
        Assert.True(code == 0, error);
        Assert.Contains("another checksum than the published one", output, StringComparison.Ordinal);
        Assert.Contains("Apache-2.0", error, StringComparison.Ordinal);
        Assert.Equal(file, File.ReadAllBytes(_temp["home", "models", Siglip, SiglipFile]));
        Assert.Equal([".lock", SiglipFile, Siglip + ".json"], Directory.GetFiles(_temp["home", "models", Siglip]).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        Assert.Contains("is here", (await RunAsync("encoders", "pull", Siglip)).Output, StringComparison.Ordinal);
        output = (await RunAsync("encoders", "list")).Output;
        var (here, fetchable) = (output[..output.IndexOf("To be fetched", StringComparison.Ordinal)], output[output.IndexOf("To be fetched", StringComparison.Ordinal)..]);
        Assert.Contains(Siglip, here, StringComparison.Ordinal);
        Assert.DoesNotContain(Siglip, fetchable, StringComparison.Ordinal);
        Assert.Contains("dino-vitb16", fetchable, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_corrupted_file_is_thrown_away_and_the_message_says_what_to_do_without_a_network()
    {
        using var server = new LocalServer(_ => LocalServer.Answer("200 OK", "", new byte[46_830_571]), _ => LocalServer.Answer("404 Not Found", "", []), _ => LocalServer.Answer("200 OK", "", new byte[9]));
        var (code, _, error) = await RunAsync("encoders", "pull", "resnet18-torchvision", "--url", server.Url());
        Assert.Equal(2, code);
        Assert.Contains("f37072fd47e89c5e", error, StringComparison.Ordinal);
        Assert.Equal([".lock"], Directory.GetFiles(_temp["home", "models", "resnet18-torchvision"]).Select(Path.GetFileName));
        (code, _, error) = await RunAsync("encoders", "pull", "resnet18-torchvision", "--url", server.Url());
        Assert.Equal(2, code);
        Assert.Contains("404 Not Found", error, StringComparison.Ordinal);
        Assert.Contains("--from FILE", error, StringComparison.Ordinal);
        error = (await RunAsync("encoders", "pull", "resnet18-torchvision", "--url", server.Url())).Error; // the checksum decides, not the size
        Assert.Contains("SHA-256 is", error, StringComparison.Ordinal);
        Assert.Contains("9 bytes where 46,830,571 are expected", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_download_that_was_killed_goes_on_and_one_that_went_on_wrongly_begins_anew()
    {
        var file = TinyOnnx.Siglip(padding: 80_000);
        var part = _temp["home", "models", Siglip, SiglipFile + ".part"];
        using var server = new LocalServer(
            asked => [.. LocalServer.Ranges(file, sent: 50_000)(asked)!, []], LocalServer.Ranges(file, sent: 10_000), LocalServer.Ranges(file), LocalServer.Ranges(file));
        Directory.CreateDirectory(Path.GetDirectoryName(part)!);
        var changed = new SemaphoreSlim(0); // never disposed: a change may be told late, and thrown there it would end all tests
        using (var watcher = new FileSystemWatcher(Path.GetDirectoryName(part)!, "*.part"))
        {
            watcher.Changed += (_, _) => changed.Release();
            watcher.EnableRaisingEvents = true;
            using var process = CliProcess.Start(Environment(), "encoders", "pull", Siglip, "--url", server.Url(), "--unchecked");
            while (!File.Exists(part) || new FileInfo(part).Length < 50_000)
            {
                await changed.WaitAsync(TestContext.Current.CancellationToken);
            }

            watcher.EnableRaisingEvents = false;
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        // The beginning rots meanwhile.
        using (var stream = File.OpenWrite(part))
        {
            stream.WriteByte(0xFF);
        }

        var (code, _, error) = await RunAsync("encoders", "pull", Siglip, "--url", server.Url(), "--unchecked");
        Assert.True(code == 0, error);
        Assert.Contains("once more, from the beginning", error, StringComparison.Ordinal);
        Assert.Equal([null, 50_000, 60_000, null], server.Requests.Select(asked => asked.From));
        Assert.Equal(file, File.ReadAllBytes(_temp["home", "models", Siglip, SiglipFile]));
    }

    [Fact]
    public async Task A_file_that_is_there_is_registered_and_mistakes_are_told()
    {
        SafetensorsFile.Write(_temp["w"], [TensorData.FromSingle("w", [1, 2], 2)]);
        File.WriteAllBytes(_temp["onnx"], TinyOnnx.Siglip());
        var (code, output, error) = await RunAsync("encoders", "pull", Siglip, "--from", _temp["onnx"], "--link", "--unchecked");
        Assert.True(code == 0, error);
        Assert.Contains("linked", output, StringComparison.Ordinal);
        await Refused("is not in the catalogue", "nobody");
        await Refused("resnet18.json); it is not in the catalogue", "resnet18");
        await Refused("has no 'cls_token'", "dino-vits16", "--from", _temp["w"]);
        Assert.Equal([".lock"], Directory.GetFiles(_temp["home", "models", "dino-vits16"]).Select(Path.GetFileName));
        await Refused("SHA-256 is", "dino-vitb16", "--from", _temp["w"]);
        await Refused("of one encoder", "dino-vitb16", "dino-vits8", "--from", _temp["w"]);
        await Refused("not both", "dino-vitb16", "--from", _temp["w"], "--url", "https://example.org");
        await Refused("goes with --from", "dino-vitb16", "--link");
        await Refused("no http", "dino-vitb16", "--url", "file:///etc/passwd");
        await Refused("cannot be read", "dino-vits8", "--from", _temp["missing"]);

        async Task Refused(string expected, params string[] args)
        {
            var (code, _, error) = await RunAsync(["encoders", "pull", .. args]);
            Assert.Equal(2, code);
            Assert.Contains(expected, error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_tuned_is_registered_in_the_home_where_no_other_folder_is_given()
    {
        File.WriteAllText(_temp["c.json"], """{"format":"whence-calibration","version":1,"tau":0.5,"lambda":0.25,"encoder":"resnet18"}""");
        var (code, output, error) = await RunAsync("encoders", "register", "resnet18", "--calibration", _temp["c.json"]);
        Assert.True(code == 0, error);
        Assert.Contains(_temp["home", "models", "resnet18", "calibration.json"], output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_encoder_is_verified_against_a_reference_and_the_first_difference_told()
    {
        var spec = TinyOnnx.Write(_temp["tiny"], "tiny");
        var file = TestImages.Png(1);
        var preprocessor = new Preprocessor(EncoderSpec.Load(spec).Preprocessing);
        var (decoded, numbers, feature) = (ImageDecoder.Decode(file), new float[3 * 8 * 8], new float[3]);
        preprocessor.Preprocess(decoded, numbers);
        for (var i = 0; i < 3; i++)
        {
            feature[i] = numbers.Skip(64 * i).Take(64).Average();
        }

        Write(numbers, feature);
        var (code, output, error) = await RunAsync("encoders", "verify", spec, "--reference", _temp["r.safetensors"]);
        Assert.True(code == 0, error);
        Assert.Contains("within the tolerance", output, StringComparison.Ordinal);
        Assert.Contains("made with 'other', not 'tiny'", error, StringComparison.Ordinal);

        Write([.. numbers.Select(x => x + 0.5f)], feature);
        (code, output, error) = await RunAsync("encoders", "verify", spec, "--reference", _temp["r.safetensors"]);
        Assert.Equal(2, code);
        Assert.Contains("differs from the reference first at resize to normalize, image 'a'", error, StringComparison.Ordinal);
        Assert.Contains("mean 0.5", error, StringComparison.Ordinal);
        Assert.Contains("what lies between", error, StringComparison.Ordinal);

        void Write(float[] normalized, float[] values) => SafetensorsFile.Write(
            _temp["r.safetensors"],
            [
                TensorData.FromBytes("a.file", ElementType.U8, file, file.Length),
                Pixels(decoded),
                TensorData.FromSingle("a.normalized", normalized, 3, 8, 8),
                TensorData.FromSingle("a.feature", values, 3),
            ],
            new Dictionary<string, string> { ["format"] = "whence-encoder-reference", ["version"] = "1", ["encoder"] = "other" });
    }

    [Fact]
    public async Task Encoders_are_measured_and_those_that_cannot_be_opened_named()
    {
        var spec = TinyOnnx.Write(_temp["home", "models", "tiny"], "tiny");
        TinyOnnx.Write(_temp["home", "models", "broken"], "broken");
        File.Delete(_temp["home", "models", "broken", "broken.onnx"]);
        var (code, output, error) = await RunAsync("encoders", "bench", "tiny", "broken", "--batch", "1", "3", "--threads", "1");
        Assert.Equal(2, code);
        Assert.Equal(2, output.Split('\n').Count(line => line.Contains(" tiny ", StringComparison.Ordinal)));
        Assert.Contains("cannot be opened", output, StringComparison.Ordinal);
        Assert.Contains("broken.onnx", error, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("encoders", "bench", spec, "--batch", "0")).Code);
    }

    private static TensorData Pixels(RgbImage image)
    {
        var bytes = new byte[image.Width * image.Height * 3];
        image.CopyRgbTo(bytes);
        return TensorData.FromBytes("a.decoded", ElementType.U8, bytes, image.Height, image.Width, 3);
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] args) =>
        CliProcess.RunAsync(Environment(), args);

    private Dictionary<string, string> Environment() => new() { [WhenceHome.Variable] = _temp["home"], ["WHENCE_MODELS"] = "", ["no_proxy"] = "127.0.0.1" };
}
