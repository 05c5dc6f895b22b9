using System.Text.Json.Nodes;
using Whence.Encoders.Text;
using Whence.Torch.Diffusion;

namespace Whence.Torch.Encoders.Training;

/// <summary><c>config.json</c> of Hugging Face's CLIPModel: the sizes of both towers, with which other programs open what was trained.</summary>
internal static class ImageTextConfig
{
    /// <summary>Writes it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="recipe">What was trained with.</param>
    /// <param name="tokenizer">Of the texts.</param>
    public static void Save(string path, ImageTextRecipe recipe, ClipTokenizer tokenizer)
    {
        var text = TextConfig.Of(recipe.TextSpec(tokenizer.VocabularySize), tokenizer);
        text["projection_dim"] = recipe.Dimension;
        var image = recipe.ImageSpec();
        ConfigText.Write(path, new JsonObject
        {
            ["architectures"] = ConfigText.List(["CLIPModel"]),
            ["logit_scale_init_value"] = ImageTextNetwork.FirstLogScale,
            ["model_type"] = "clip",
            ["projection_dim"] = recipe.Dimension,
            ["text_config"] = text,
            ["vision_config"] = new JsonObject
            {
                ["hidden_act"] = "quick_gelu",
                ["hidden_size"] = image.Width,
                ["image_size"] = image.ImageSize,
                ["intermediate_size"] = 4 * image.Width,
                ["layer_norm_eps"] = TextConfig.Epsilon,
                ["model_type"] = "clip_vision_model",
                ["num_attention_heads"] = image.Heads,
                ["num_hidden_layers"] = image.Depth,
                ["patch_size"] = image.PatchSize,
                ["projection_dim"] = recipe.Dimension,
            },
        });
    }
}
