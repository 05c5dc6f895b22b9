using Whence.Encoders;

namespace Whence.Torch.Diffusion;

/// <summary>Makes encoders of diffusion models.</summary>
public static class DiffusionFeatures
{
    /// <summary>Writes the spec of a model's mid-block features (appendix B.5).</summary>
    /// <param name="model">A folder in diffusers' layout, or a single file.</param>
    /// <param name="file">The spec; its name without the ending is the encoder's. The model is named relative to its folder.</param>
    /// <param name="timestep">Step t of the noise, from 0. The paper's is 100.</param>
    /// <returns>The spec.</returns>
    /// <exception cref="WhenceException">The model cannot be opened, has no such step, or the file cannot be written.</exception>
    public static EncoderSpec Describe(string model, string file, int timestep = 100)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentException.ThrowIfNullOrEmpty(file);
        using var opened = DiffusionModel.Open(model);
        if (timestep < 0 || timestep >= opened.Scheduler.TrainSteps)
        {
            throw new WhenceException($"--timestep is {timestep}, but the model's noise has the steps 0 to {opened.Scheduler.TrainSteps - 1}.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var spec = MidBlockFeatures.Describe(opened, Path.GetRelativePath(folder, Path.GetFullPath(model)), Path.GetFileNameWithoutExtension(file), timestep);
        spec.Validate();
        spec.Save(file);
        return spec with { Folder = folder };
    }
}
