namespace Whence.Torch.Customization;

/// <summary>How a file holds what a customization trained.</summary>
public enum ConceptFormat
{
    /// <summary>
    /// The authors' script on CompVis's code, <c>delta_epoch=000004.ckpt</c>: <c>{"state_dict": {"model.diffusion_model.input_blocks.1.1....": tensor,
    /// "embed": [tokens, width]}}</c>. It does not name its tokens; they are <c>&lt;new1&gt;</c>, <c>&lt;new2&gt;</c> and so on.
    /// </summary>
    CompVis,

    /// <summary>The authors' script on diffusers, <c>delta.bin</c>: <c>{"unet": {"down_blocks.0....attn2.to_k.weight": tensor}, "modifier_token": {"&lt;new1&gt;": [width]}}</c>.</summary>
    Delta,

    /// <summary>
    /// Hugging Face's script, <c>pytorch_custom_diffusion_weights.bin</c> or <c>.safetensors</c>: <c>{"down_blocks.0....attn2.processor.to_k_custom_diffusion.weight":
    /// tensor}</c>, and beside it a file for each token, <c>&lt;new1&gt;.bin</c>: <c>{"&lt;new1&gt;": [width]}</c>.
    /// </summary>
    HuggingFace,

    /// <summary>The models of the paper's dataset, <c>pytorch_custom_diffusion_weights.pt</c>: the U-Net's plain names, and the tokens in files of their own as above.</summary>
    Release,

    /// <summary>Nothing but tokens, <c>{"&lt;new1&gt;": [width]}</c>: what lies beside the two above.</summary>
    Tokens,
}
