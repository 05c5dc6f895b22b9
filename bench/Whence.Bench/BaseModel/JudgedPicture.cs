using Whence.Images;

namespace Whence.Bench.BaseModel;

/// <summary>A picture that a prompt is judged by.</summary>
/// <param name="Prompt">Place of the prompt.</param>
/// <param name="Image">The picture.</param>
/// <param name="Own">Place of what it is made of among what it is compared with; -1 for none.</param>
internal sealed record Picture(int Prompt, RgbImage Image, int Own = -1);

/// <summary>What a picture is near to.</summary>
/// <param name="Picture">The picture.</param>
/// <param name="Nearest">Places of the nearest, the nearest first.</param>
/// <param name="Values">Of each of <see cref="Judgement.Measures"/>.</param>
internal sealed record JudgedPicture(Picture Picture, IReadOnlyList<int> Nearest, double[] Values);
