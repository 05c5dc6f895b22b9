using System.Security.Cryptography;
using Whence.Vectors;

namespace Whence.Mapping;

/// <summary>
/// The two mappers that are trained together: h for real images and h~ for synthesized ones (section 4.2 of the paper).
/// </summary>
public sealed class MapperPair
{
    private const string RealPrefix = "real_mapper.";
    private const string SynthPrefix = "synth_mapper.";

    private MapperPair(Mapper real, Mapper synth, string name, string sha256, MapperProvenance? provenance) =>
        (Real, Synth, Name, Sha256, Provenance) = (real, synth, name, sha256, provenance);

    /// <summary>Joins two mappers.</summary>
    /// <param name="real">For the training images.</param>
    /// <param name="synth">For the queries.</param>
    /// <param name="name">What to call the pair in reports.</param>
    /// <param name="provenance">How they were trained, where somebody knows.</param>
    /// <exception cref="ArgumentException">Their dimensions differ, so that mapped features could not be compared.</exception>
    public MapperPair(Mapper real, Mapper synth, string name, MapperProvenance? provenance = null)
    {
        ArgumentNullException.ThrowIfNull(real);
        ArgumentNullException.ThrowIfNull(synth);
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (real.InputDimension != synth.InputDimension || real.OutputDimension != synth.OutputDimension)
        {
            throw new ArgumentException("The mappers must have the same dimensions.", nameof(synth));
        }

        (Real, Synth, Name, Provenance) = (real, synth, name, provenance);
        using var bytes = new MemoryStream();
        Write(bytes);
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
    }

    /// <summary>h, for the training images.</summary>
    public Mapper Real { get; }

    /// <summary>h~, for the synthesized images.</summary>
    public Mapper Synth { get; }

    /// <summary>
    /// SHA-256 in lower-case hexadecimal: of the file that was loaded, or of the .safetensors file that <see cref="Save"/> would write.
    /// An index of mapped features keeps it, and refuses queries mapped by another pair.
    /// </summary>
    public string Sha256 { get; }

    /// <summary>How they were trained; null where nobody says, as in the authors' files.</summary>
    public MapperProvenance? Provenance { get; }

    /// <summary>The file's name without its folder, or the name given.</summary>
    public string Name { get; }

    /// <summary>
    /// Loads <c>{"real_mapper": state_dict, "synth_mapper": state_dict}</c> from a PyTorch file, or the same tensors with the
    /// prefixes <c>real_mapper.</c> and <c>synth_mapper.</c> from a .safetensors file; the kind of file is told by its content.
    /// </summary>
    /// <exception cref="WhenceException">Not such a file; one error lists every key and shape that differs.</exception>
    public static MapperPair Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = MappedFile.Open(path);
        using var stream = file.Stream(0, file.Length);
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(stream));
        var (real, synth, provenance) = TorchFile.LooksLikeTorch(file) ? LoadTorch(path) : LoadSafetensors(path);
        return new MapperPair(real, synth, Path.GetFileName(path), sha256, provenance);
    }

    /// <summary>
    /// Writes a file beside its place and renames it: the authors' PyTorch layout, which has no room for the provenance, where the name ends in
    /// <c>.pth</c> or <c>.pt</c>, otherwise .safetensors. The same pair gives the same bytes.
    /// </summary>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Path.GetExtension(path).ToLowerInvariant() is ".pth" or ".pt")
        {
            TorchFileWriter.Write(path, [(RealPrefix.TrimEnd('.'), [.. Real.State("")]), (SynthPrefix.TrimEnd('.'), [.. Synth.State("")])]);
        }
        else
        {
            SafetensorsFile.Write(path, Tensors(), Provenance?.ToMetadata());
        }
    }

    /// <summary>Refuses features of another encoder than the one that the pair was trained for, where both are known.</summary>
    /// <param name="encoder">Name of the encoder that made the features; null where nobody says.</param>
    /// <param name="where">What holds the features, to begin the message with.</param>
    /// <exception cref="WhenceException">Another encoder.</exception>
    internal void CheckEncoder(string? encoder, string where)
    {
        if (encoder is not null && Provenance?.Encoder is { } own && own != encoder)
        {
            throw new WhenceException(
                $"{where}: its features were made by encoder '{encoder}', the mapper '{Name}' was trained for '{own}'; use a mapper of that encoder or none.");
        }
    }

    private void Write(Stream stream) => SafetensorsFile.Write(stream, Tensors(), Provenance?.ToMetadata());

    private List<TensorData> Tensors() => [.. Real.State(RealPrefix), .. Synth.State(SynthPrefix)];

    private static (Mapper Real, Mapper Synth, MapperProvenance? Provenance) LoadTorch(string path)
    {
        using var file = TorchFile.Open(path);
        return Build(path, file.Root.ReadStateDict().Select(tensor => (tensor.Key, tensor.Value.View)), provenance: null);
    }

    private static (Mapper Real, Mapper Synth, MapperProvenance? Provenance) LoadSafetensors(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return Build(path, file.Tensors.Keys.Select(name => (name, file.View(name))), MapperProvenance.FromMetadata(path, file.Metadata));
    }

    private static (Mapper Real, Mapper Synth, MapperProvenance? Provenance) Build(
        string path, IEnumerable<(string Name, TensorView Tensor)> tensors, MapperProvenance? provenance)
    {
        var (realState, synthState, problems) = (new MapperState(), new MapperState(), new List<string>());
        foreach (var (name, tensor) in tensors)
        {
            if (name.StartsWith(RealPrefix, StringComparison.Ordinal))
            {
                realState.Add(name[RealPrefix.Length..], tensor);
            }
            else if (name.StartsWith(SynthPrefix, StringComparison.Ordinal))
            {
                synthState.Add(name[SynthPrefix.Length..], tensor);
            }
            else
            {
                problems.Add($"{name} {tensor.Info} is not expected");
            }
        }

        var real = realState.Build(RealPrefix, problems);
        var synth = synthState.Build(SynthPrefix, problems);
        if (real is not null && synth is not null
            && (real.InputDimension != synth.InputDimension || real.OutputDimension != synth.OutputDimension))
        {
            problems.Add(
                $"real_mapper maps {real.InputDimension} to {real.OutputDimension} dimensions, " +
                $"synth_mapper {synth.InputDimension} to {synth.OutputDimension}");
        }

        return real is not null && synth is not null && problems.Count == 0
            ? (real, synth, provenance)
            : throw new WhenceException($"'{path}' is not a pair of mappers: {Listing.Of(problems)}."
                .ReplaceLineEndings(" "));
    }
}
