namespace Whence.Datasets.Prompts;

/// <summary>What a person said about a line of a file of prompts.</summary>
public enum PromptState
{
    /// <summary>It is used.</summary>
    Approved,

    /// <summary>A chat model's, which nobody has looked at: it is not used. The line begins with <c>?</c>.</summary>
    Waiting,

    /// <summary>It is not used, and kept so that it is not proposed again. The line begins with <c>-</c>.</summary>
    Rejected,
}

/// <summary>A line of a file of prompts.</summary>
/// <param name="Number">Of the line, from 1.</param>
/// <param name="Split">What it is for.</param>
/// <param name="State">Whether it is used.</param>
/// <param name="Text">The line without its mark.</param>
public sealed record PromptLine(int Number, PromptSplit Split, PromptState State, string Text);
