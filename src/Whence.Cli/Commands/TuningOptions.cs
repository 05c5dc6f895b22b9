using System.CommandLine;
using Whence.Calibration;
using Whence.Encoders;
using Whence.Mapping;
using Whence.Search;

namespace Whence.Cli.Commands;

/// <summary>
/// Which mapper and calibration are used: those given, else those registered for the index's encoder (<c>whence encoders register</c>), else
/// those that come with it, else none. A registered calibration goes with the registered mapper, or with raw features where no mapper is registered: it is not taken
/// together with a mapper that was given. What comes with an encoder is only taken where neither was given, and outputs name the images that it was fitted on.
/// </summary>
internal sealed class TuningOptions
{
    private const string NoMapper = "none";

    private readonly Option<string?> _mapper = new("--mapper")
    {
        Description = "Mappers to apply (.safetensors or the authors' .pth), or 'none' [default: those registered for the encoder, or that come with it]",
        HelpName = "FILE",
    };

    private readonly Option<string?> _calibration = new("--calibration")
    {
        Description = "Fitted tau and lambda (.json or the authors' .pth) [default: those registered for the encoder, or that come with it]",
        HelpName = "FILE",
    };

    private bool _told;

    public void AddTo(Command command)
    {
        AddMapperTo(command);
        command.Add(_calibration);
    }

    public void AddMapperTo(Command command) => command.Add(_mapper);

    /// <summary>Loads them, and says on <paramref name="error"/> what was not asked for.</summary>
    public (MapperPair? Mapper, Calibrator Calibration) Load(ParseResult parsed, FeatureIndex index, TextWriter error)
    {
        var (mapper, calibration) = (GivenMapper(parsed), parsed.GetValue(_calibration));
        var registered = mapper is null ? Registered(index, calibrationGiven: calibration is not null) : default;
        Tell(index, registered.Mapper, calibration is null ? registered.Calibration : null, error);
        return (
            mapper switch
            {
                NoMapper => null,
                null => registered.Mapper is { } file ? MapperPair.Load(file) : null,
                _ => MapperPair.Load(mapper),
            },
            (calibration ?? registered.Calibration) is { } path ? Calibrator.Load(path) : Calibrator.Unfitted);
    }

    /// <summary>Loads what is taken where nothing is given, and says on <paramref name="error"/> what was registered.</summary>
    public static (MapperPair? Mapper, Calibrator Calibration) LoadDefaults(FeatureIndex index, TextWriter error)
    {
        var (mapper, calibration) = Registered(index, calibrationGiven: false);
        new TuningOptions().Tell(index, mapper, calibration, error);
        return (mapper is null ? null : MapperPair.Load(mapper), calibration is null ? Calibrator.Unfitted : Calibrator.Load(calibration));
    }

    /// <summary>Loads only the mapper, for graphs that later questions are asked of: what comes with the encoder is said too, since no output will name it.</summary>
    public MapperPair? LoadMapper(ParseResult parsed, FeatureIndex index, TextWriter error)
    {
        var given = GivenMapper(parsed);
        var file = given is null ? Registered(index, calibrationGiven: false).Mapper : given == NoMapper ? null : given;
        Tell(index, given is null ? file : null, calibration: null, error);
        if (given is null && EncoderRegistry.ComesAlong(file))
        {
            error.WriteLine($"using the mappers that come with encoder '{index.Manifest.Encoder}', as 'attribute' does; '--mapper none' does without, and must then be given there too");
        }

        return file is null ? null : MapperPair.Load(file);
    }

    private string? GivenMapper(ParseResult parsed) => parsed.GetValue(_mapper);

    // Features that were normalised before they came cannot be mapped any more, and a calibration of mapped ones is not theirs.
    private static (string? Mapper, string? Calibration) Registered(FeatureIndex index, bool calibrationGiven)
    {
        var registry = new EncoderRegistry();
        var (mapper, calibration) = (registry.FindMapper(index.Manifest.Encoder), registry.FindCalibration(index.Manifest.Encoder));
        return (index.Manifest.Normalized && mapper is not null) || (calibrationGiven && EncoderRegistry.ComesAlong(mapper ?? calibration)) ? default : (mapper, calibration);
    }

    private void Tell(FeatureIndex index, string? mapper, string? calibration, TextWriter error)
    {
        if (_told || (mapper ?? calibration) is not { } file || EncoderRegistry.ComesAlong(file))
        {
            return;
        }

        _told = true;
        error.WriteLine(
            $"using {string.Join(" and ", new[] { mapper, calibration }.OfType<string>())}, registered for encoder '{index.Manifest.Encoder}'{(mapper is null ? "" : "; '--mapper none' does without")}");
    }
}
