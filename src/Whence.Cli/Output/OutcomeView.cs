using System.Globalization;
using Whence.Datasets.Abc;

namespace Whence.Cli.Output;

/// <summary>What the check of a data set found, in two lines.</summary>
internal static class OutcomeView
{
    /// <summary>Prints what was found; nothing where nothing was checked, or models are still missing.</summary>
    /// <param name="streams">Where to.</param>
    /// <param name="folder">Folder of the data set.</param>
    public static void Print(Streams streams, string folder)
    {
        if (AbcOutcome.Load(folder) is not { } outcome)
        {
            return;
        }

        streams.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{outcome.Checked:N0} models checked, {outcome.Dropped.Count:N0} left out of the lists: of {Of(AbcFault.Concept):N0} samples do not show the exemplars, of {Of(AbcFault.Prompt):N0} they do not follow their prompts."));
        streams.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{outcome.Copies:N0} of {outcome.Samples:N0} samples are copies of an exemplar."));

        int Of(AbcFault fault) => outcome.Dropped.Count(model => model.Faults.Contains(fault));
    }
}
