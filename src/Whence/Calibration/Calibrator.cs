namespace Whence.Calibration;

/// <summary>
/// Turns similarities into soft influence: Eq. 6 of the paper,
/// <c>P_i = relu(exp((s_i - s_max) / tau) - lambda) / sum_j relu(exp((s_j - s_max) / tau) - lambda)</c>.
/// </summary>
public sealed record Calibrator
{
    /// <summary>The authors' published values for CLIP tuned on objects and styles, used until a fit for the encoder exists.</summary>
    public static Calibrator Unfitted { get; } = new() { Tau = 0.0619, Lambda = 0.0385, Fitted = false };

    /// <summary>Temperature tau, above 0.</summary>
    public required double Tau { get; init; }

    /// <summary>Threshold lambda, below 1. An image further than <c>tau * ln(1 / lambda)</c> below the best has no influence.</summary>
    public required double Lambda { get; init; }

    /// <summary>True when tau and lambda were fitted for the encoder (and mapper) in use; false marks every output "uncalibrated".</summary>
    public required bool Fitted { get; init; }
}
