using System.Text.Json;
using Whence.Calibration;
using Whence.Mapping;

namespace Whence.Tests.Cli;

/// <summary>Mappers and calibrations that are kept for an encoder. WHENCE_MODELS belongs to a process, so the commands run in their own.</summary>
public sealed class RegistrationTests : IDisposable
{
    private const int Dimension = 512;
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task What_is_registered_for_the_index_s_encoder_is_taken_and_said_and_what_is_given_wins()
    {
        await IndexAsync();
        WriteMapper("trained.pth", "m", encoder: null);
        File.WriteAllText(_temp["c.json"], """{"format":"whence-calibration","version":1,"tau":0.5,"lambda":0.25,"encoder":"resnet18"}""");
        var shipped = Calibrator.Load(Path.Combine(AppContext.BaseDirectory, "models", "resnet18", "calibration.json"));
        Assert.Equal(("mapper.safetensors", shipped.Tau), await AttributeAsync(expectError: ""));
        Assert.DoesNotContain("registered", (await RunAsync("encoders", "list")).Output, StringComparison.Ordinal);
        Assert.Equal((null, 0.5), await AttributeAsync("", "--calibration", _temp["c.json"])); // which nobody said it was fitted for

        var (code, output, error) = await RunAsync("encoders", "register", "resnet18", "--mapper", _temp["trained.pth"], "--calibration", _temp["c.json"]);
        Assert.Equal((0, ""), (code, error));
        Assert.DoesNotContain("not used any more", output, StringComparison.Ordinal); // what comes along is not registered
        Assert.Contains(_temp["models", "resnet18", "mapper.safetensors"], output, StringComparison.Ordinal);
        Assert.Contains(_temp["models", "resnet18", "mapper.safetensors"], (await RunAsync("encoders", "list")).Output.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);

        Assert.Equal(("mapper.safetensors", 0.5), await AttributeAsync("registered for encoder 'resnet18'"));
        Assert.Equal((null, 0.0619), await AttributeAsync("", "--mapper", "none"));
        Assert.Equal(("trained.pth", 0.0619), await AttributeAsync("", "--mapper", _temp["trained.pth"]));
        File.WriteAllText(_temp["other.json"], """{"format":"whence-calibration","version":1,"tau":0.3,"lambda":0.25,"encoder":"resnet18"}""");
        Assert.Equal(("mapper.safetensors", 0.3), await AttributeAsync("mapper.safetensors", "--calibration", _temp["other.json"]));

        // The calibration was fitted for the mapper before.
        Assert.Contains("taken out", (await RunAsync("encoders", "register", "resnet18", "--mapper", _temp["trained.pth"])).Output, StringComparison.Ordinal);
        Assert.Equal(("mapper.safetensors", 0.0619), await AttributeAsync("mapper.safetensors"));
        Assert.Equal(0, (await RunAsync("ann", "build", "--index", _temp["index"])).Code);
        Assert.Equal(("mapper.safetensors", 0.0619), await AttributeAsync("mapper.safetensors", "--ann"));

        Assert.Equal(0, (await RunAsync("encoders", "register", "resnet18", "--remove")).Code);
        Assert.Equal(("mapper.safetensors", shipped.Tau), await AttributeAsync(""));
        Assert.Contains("the mappers that come with encoder 'resnet18'", (await RunAsync("ann", "build", "--index", _temp["index"])).Error, StringComparison.Ordinal);
        Assert.Equal("", (await RunAsync("ann", "build", "--index", _temp["index"], "--mapper", "none")).Error);
    }

    [Fact]
    public async Task What_does_not_belong_to_the_encoder_is_not_registered()
    {
        WriteMapper("other.safetensors", "m", encoder: "dino");
        File.WriteAllText(_temp["c.json"], """{"format":"whence-calibration","version":1,"tau":0.5,"lambda":0.25,"encoder":"dino"}""");
        await Refused("of encoder 'dino'", "resnet18", "--mapper", _temp["other.safetensors"]);
        await Refused("fitted for encoder 'resnet18'", "resnet18", "--calibration", _temp["c.json"]);
        File.WriteAllText(_temp["raw.json"], """{"format":"whence-calibration","version":1,"tau":0.5,"lambda":0.25,"encoder":"resnet18","mapper":""}""");
        WriteMapper("own.safetensors", "m", encoder: "resnet18");
        await Refused("was fitted for raw features", "resnet18", "--calibration", _temp["raw.json"], "--mapper", _temp["own.safetensors"]);
        await Refused("Give --mapper", "resnet18");
        await Refused("No encoder is called", "nobody", "--mapper", _temp["other.safetensors"]);
        await Refused("no encoder's name", "../resnet18", "--mapper", _temp["other.safetensors"]);
        Assert.False(Directory.Exists(_temp["models"]));
        Assert.Equal(0, (await RunAsync("encoders", "register", "resnet18", "--remove")).Code);

        async Task Refused(string expected, params string[] args)
        {
            var (code, _, error) = await RunAsync(["encoders", "register", .. args]);
            Assert.Equal(2, code);
            Assert.Contains(expected, error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_mapper_that_says_it_is_another_encoder_s_is_refused()
    {
        await IndexAsync();
        WriteMapper("other.safetensors", "m", encoder: "dino");
        var (code, _, error) = await RunAsync("attribute", _temp["photos", "00000.png"], "--index", _temp["index"], "--mapper", _temp["other.safetensors"]);
        Assert.Equal(2, code);
        Assert.Contains("the mapper 'other.safetensors' was trained for 'dino'", error, StringComparison.Ordinal);
    }

    private async Task IndexAsync()
    {
        TestImages.WriteFolder(_temp["photos"], 3);
        Assert.Equal(0, (await RunAsync("index", _temp["photos"], "--out", _temp["index"])).Code);
    }

    private void WriteMapper(string file, string name, string? encoder)
    {
        var factors = new float[Dimension];
        Array.Fill(factors, 2);
        var provenance = new MapperProvenance { Encoder = encoder, Features = [], Options = new Dictionary<string, string>(), Epoch = 1 };
        new MapperPair(new ChannelMapper(factors), new ChannelMapper(factors), name, encoder is null ? null : provenance).Save(_temp[file]);
    }

    private async Task<(string? Mapper, double Tau)> AttributeAsync(string expectError, params string[] more)
    {
        var (code, output, error) = await RunAsync(["attribute", _temp["photos", "00001.png"], "--index", _temp["index"], "--format", "jsonl", .. more]);
        Assert.True(code == 0, error);
        Assert.Contains(expectError, error, StringComparison.Ordinal);
        Assert.True(expectError.Length > 0 || error.Length == 0, error);
        using var answer = JsonDocument.Parse(output);
        return (answer.RootElement.GetProperty("mapper").GetString(), answer.RootElement.GetProperty("calibration").GetProperty("tau").GetDouble());
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] args) =>
        CliProcess.RunAsync(new Dictionary<string, string> { ["WHENCE_MODELS"] = _temp["models"] }, args);
}
