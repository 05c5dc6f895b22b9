using Whence.Calibration;

namespace Whence.Tests.Calibration;

/// <summary>The loss of a calibration and its gradient as the formula stands, element by element in float64: the twin of the fast kernel.</summary>
internal static class SlowCalibration
{
    public static CalibrationGradient Of(ReadOnlySpan<float> similarities, int exemplars, double inverseTau, double bias)
    {
        var maximum = float.NegativeInfinity;
        foreach (var s in similarities)
        {
            maximum = Math.Max(maximum, s);
        }

        var (sum, byTau, byOffset, logs, logsByTau, logsByOffset) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (var i = 0; i < similarities.Length; i++)
        {
            var below = (double)similarities[i] - maximum;
            var e = Math.Exp(inverseTau * below);
            var x = 100 * (e + (0.001 * bias));
            var t = x > 20 ? x / 100 : LogOnePlus(Math.Exp(x)) / 100;
            var slope = x > 20 ? 1 : 1 / (1 + Math.Exp(-x));
            sum += t;
            byTau += slope * e * below;
            byOffset += slope;
            if (i < exemplars)
            {
                logs += Math.Log(t) / exemplars;
                logsByTau += slope * e * below / t / exemplars;
                logsByOffset += slope / t / exemplars;
            }
        }

        return new CalibrationGradient(Math.Log(sum) - logs, (byTau / sum) - logsByTau, 0.001 * ((byOffset / sum) - logsByOffset));
    }

    // The series, where 1 + z would lose z.
    private static double LogOnePlus(double z) => z < 1e-4 ? z - (z * z / 2) + (z * z * z / 3) : Math.Log(1 + z);
}
