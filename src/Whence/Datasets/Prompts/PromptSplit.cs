namespace Whence.Datasets.Prompts;

/// <summary>What a prompt is for. No prompt is for two of these: what is measured must not have been learned (section 3 of the paper).</summary>
public enum PromptSplit
{
    /// <summary>To train mappers with.</summary>
    Train,

    /// <summary>To choose between trainings with.</summary>
    Validation,

    /// <summary>To test with, and for nothing else.</summary>
    Test,
}
