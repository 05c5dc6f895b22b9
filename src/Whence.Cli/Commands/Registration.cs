using Whence.Calibration;
using Whence.Encoders;
using Whence.Mapping;

namespace Whence.Cli.Commands;

/// <summary>Copies mappers and a calibration to where an encoder's are looked up, or takes them out.</summary>
internal static class Registration
{
    /// <returns>What was done, a line each.</returns>
    public static IEnumerable<string> Run(string encoder, string? mapper, string? calibration, bool remove)
    {
        if (remove == (mapper is not null || calibration is not null))
        {
            throw new WhenceException("Give --mapper, --calibration or both, or --remove alone.");
        }

        var folder = EncoderRegistry.FolderToRegister(encoder);
        var (mapperFile, calibrationFile) = (Path.Combine(folder, EncoderRegistry.MapperFile), Path.Combine(folder, EncoderRegistry.CalibrationFile));
        if (remove)
        {
            if (!File.Exists(mapperFile) && !File.Exists(calibrationFile))
            {
                return [$"Nothing is registered for '{encoder}' in {folder}."];
            }

            File.Delete(mapperFile);
            File.Delete(calibrationFile);
            return [$"Nothing is registered for '{encoder}' in {folder} any more."];
        }

        // All is checked before anything is written.
        var registry = new EncoderRegistry();
        var spec = registry.Resolve(encoder);
        if (spec.Name != encoder)
        {
            throw new WhenceException($"'{encoder}' is found, but its spec has the name '{spec.Name}', which indexes keep; give that name, and its file the name '{spec.Name}.json'.");
        }

        var pair = mapper is null ? null : MapperPair.Load(mapper);
        if (pair is not null && (pair.Real.InputDimension != spec.Dimension || (pair.Provenance?.Encoder ?? encoder) != encoder))
        {
            throw new WhenceException(
                $"'{mapper}': maps {pair.Real.InputDimension} values{(pair.Provenance?.Encoder is { } own ? $" of encoder '{own}'" : "")}, '{encoder}' makes {spec.Dimension}; give mappers that were trained for it.");
        }

        if (calibration is not null)
        {
            CheckCalibration(encoder, calibration, pair ?? (File.Exists(mapperFile) ? MapperPair.Load(mapperFile) : null));
        }

        // A calibration that is there was fitted for other mappers: with these it must at no time be taken.
        Directory.CreateDirectory(folder);
        var lines = new List<string>();
        var before = FolderInUse(registry, encoder);
        if (pair is not null)
        {
            lines.Add($"{mapperFile}: registered for '{encoder}'{(File.Exists(calibrationFile) ? "; the calibration that was there, for other mappers, is taken out" : "")}.");
            File.Delete(calibrationFile);
            pair.Save(mapperFile);
        }

        if (calibration is not null)
        {
            lines.Add($"{calibrationFile}: registered for '{encoder}'.");
            var temporary = calibrationFile + ".new";
            File.Copy(calibration, temporary, overwrite: true);
            File.Move(temporary, calibrationFile, overwrite: true);
        }

        if (FolderInUse(registry, encoder) is { } used && used != folder)
        {
            lines.Add($"{used}: what is registered there comes first, so this is not used.");
        }
        else if (before is not null && before != folder)
        {
            lines.Add($"{before}: what is registered there is not used any more.");
        }

        return lines;
    }

    private static string? FolderInUse(EncoderRegistry registry, string encoder) =>
        (registry.FindMapper(encoder) ?? registry.FindCalibration(encoder)) is { } file && !EncoderRegistry.ComesAlong(file) ? Path.GetDirectoryName(file) : null;

    private static void CheckCalibration(string encoder, string file, MapperPair? mapper)
    {
        var calibration = Calibrator.Load(file);
        if (calibration.Encoder != encoder)
        {
            throw new WhenceException($"'{file}': does not say that it was fitted for encoder '{encoder}'; calibrate for it.");
        }

        if (calibration.Mapper is { } own && own != Calibrator.ChecksumOf(mapper))
        {
            throw new WhenceException(
                $"'{file}': was fitted for {(own.Length == 0 ? "raw features" : "other mappers")}, not for {(mapper is null ? "raw features" : $"'{mapper.Name}'")}; register it with the mappers that it was fitted with.");
        }
    }
}
