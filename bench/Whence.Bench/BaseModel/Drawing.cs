namespace Whence.Bench.BaseModel;

/// <summary>What a picture shows, and how.</summary>
/// <param name="Object">Its name: "red apple".</param>
/// <param name="Subgroup">What kind of object it is: "food-fruit".</param>
/// <param name="Group">The larger kind: "food-drink".</param>
/// <param name="Style">Its designer's style, or the treatment.</param>
/// <param name="IsTreated">Whether it is redrawn, not as its designer made it.</param>
internal sealed record Content(string Object, string Subgroup, string Group, string Style, bool IsTreated);

/// <summary>A picture of the data set.</summary>
/// <param name="Content">What it shows.</param>
/// <param name="Caption">What it is trained with.</param>
internal sealed record Drawing(Content Content, string Caption);

/// <summary>A prompt, and what it asks for.</summary>
/// <param name="Text">The prompt.</param>
/// <param name="Content">What it asks for.</param>
internal sealed record AskedPrompt(string Text, Content Content);
