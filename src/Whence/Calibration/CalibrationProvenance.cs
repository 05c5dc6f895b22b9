using System.Reflection;
using Whence.Files;

namespace Whence.Calibration;

/// <summary>How a calibration was fitted, as its file says.</summary>
public sealed record CalibrationProvenance
{
    /// <summary>The features files whose queries it was fitted to.</summary>
    public required IReadOnlyList<CalibrationSource> Features { get; init; }

    /// <summary>N, the number of distractors.</summary>
    public required long Distractors { get; init; }

    /// <summary>Number of queries.</summary>
    public required int Queries { get; init; }

    /// <summary>R, the most candidates of a query.</summary>
    public required int Top { get; init; }

    /// <summary>Seed that the queries were drawn with.</summary>
    public required int Seed { get; init; }

    /// <summary>Updates.</summary>
    public required int Steps { get; init; }

    /// <summary>Queries of a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Adam's learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Kullback-Leibler divergence (Eq. 5, with softplus) on these queries before the fit, in nats.</summary>
    public required double DivergenceBefore { get; init; }

    /// <summary>The same after the fit.</summary>
    public required double DivergenceAfter { get; init; }

    /// <summary>Version of Whence that fitted it.</summary>
    public string Whence { get; init; } =
        typeof(CalibrationProvenance).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}

/// <summary>A features file that a calibration was fitted to.</summary>
/// <param name="Name">The test case's name.</param>
/// <param name="Sha256">Of the file, lower-case hexadecimal; empty where the features came from elsewhere.</param>
public sealed record CalibrationSource(string Name, string Sha256)
{
    /// <summary>A file with its checksum.</summary>
    /// <param name="name">The test case's name.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="WhenceException">It cannot be read.</exception>
    public static CalibrationSource OfFile(string name, string path) => new(name, RegularFile.Guard(path, () => Checksum.Of(path)));
}
