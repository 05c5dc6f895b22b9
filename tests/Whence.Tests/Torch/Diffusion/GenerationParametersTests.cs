using Whence.Images;
using Whence.Torch.Diffusion;

namespace Whence.Tests.Torch.Diffusion;

public sealed class GenerationParametersTests
{
    [Theory]
    [InlineData("""{"format": 1, "prompt": "a red cat"}""", "a red cat")]
    [InlineData("""{"prompt": ""}""", "")]
    [InlineData("""{"prompt": 3}""", null)]
    [InlineData("""{"prompt": null}""", null)]
    [InlineData("""{"prompt": "half \ud83d"}""", null)]
    [InlineData("""{"prompt": "a", "prompt": "b"}""", null)]
    [InlineData("""["prompt"]""", null)]
    [InlineData("null", null)]
    [InlineData("a red cat", null)]
    public void The_prompt_of_an_image_is_found_and_what_others_have_written_is_none(string json, string? prompt) =>
        Assert.Equal(prompt, GenerationParameters.PromptOf(PngText.Encode(new RgbImage(2, 2), [("parameters", "a dog"), ("whence", json)])));

    [Fact]
    public void Other_files_have_no_prompt()
    {
        Assert.Null(GenerationParameters.PromptOf(PngText.Encode(new RgbImage(2, 2), [("parameters", "a dog")])));
        Assert.Null(GenerationParameters.PromptOf("GIF89a"u8.ToArray()));
        Assert.Null(GenerationParameters.PromptOf(default));
    }
}
