"""Stable Diffusion 1.x's networks as one writes them in PyTorch, with diffusers 0.14's layout and names; used by diffusion.py."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class TimestepEmbedding(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.width = width
        self.linear_1, self.linear_2 = nn.Linear(width, out), nn.Linear(out, out)

    def forward(self, timesteps):
        half = self.width // 2
        exponent = -math.log(10000) * torch.arange(half, dtype=torch.float32) / half
        angles = timesteps[:, None].float() * exponent.exp()[None]
        return self.linear_2(F.silu(self.linear_1(torch.cat([angles.cos(), angles.sin()], dim=-1))))


class Resnet(nn.Module):
    def __init__(self, width, out, time, groups, eps):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, width, eps=eps), nn.Conv2d(width, out, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, out) if time else None
        self.norm2, self.conv2 = nn.GroupNorm(groups, out, eps=eps), nn.Conv2d(out, out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(width, out, 1) if width != out else None

    def forward(self, x, temb=None):
        h = self.conv1(F.silu(self.norm1(x)))
        if temb is not None:
            h = h + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (x if self.conv_shortcut is None else self.conv_shortcut(x)) + h


class CrossAttention(nn.Module):
    detach_first = False

    def __init__(self, width, context, heads):
        super().__init__()
        self.heads, self.scale, self.crossed = heads, (width // heads) ** -0.5, context is not None
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k, self.to_v = nn.Linear(context or width, width, bias=False), nn.Linear(context or width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def split(self, x):
        n, t, width = x.shape
        return x.reshape(n, t, self.heads, width // self.heads).permute(0, 2, 1, 3).reshape(n * self.heads, t, width // self.heads)

    def forward(self, x, context=None):
        n, t, width = x.shape
        source = x if context is None else context
        q, k, v = self.to_q(x), self.to_k(source), self.to_v(source)
        if CrossAttention.detach_first and self.crossed:
            k, v = (torch.cat([y[:, :1].detach(), y[:, 1:]], dim=1) for y in (k, v))
        q, k, v = self.split(q), self.split(k), self.split(v)
        scores = torch.baddbmm(torch.empty(len(q), t, k.shape[1]), q, k.transpose(-1, -2), beta=0, alpha=self.scale)
        y = torch.bmm(scores.softmax(dim=-1), v)
        return self.to_out[0](y.reshape(n, self.heads, t, -1).permute(0, 2, 1, 3).reshape(n, t, width))


class GEGLU(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, x):
        x, gate = self.proj(x).chunk(2, dim=-1)
        return x * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.ModuleList([GEGLU(width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x):
        return self.net[2](self.net[0](x))


class TransformerBlock(nn.Module):
    def __init__(self, width, context, heads):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn1, self.attn2 = CrossAttention(width, None, heads), CrossAttention(width, context, heads)
        self.ff = FeedForward(width)

    def forward(self, x, context):
        x = self.attn1(self.norm1(x)) + x
        x = self.attn2(self.norm2(x), context) + x
        return self.ff(self.norm3(x)) + x


class Transformer(nn.Module):
    def __init__(self, width, context, heads, groups):
        super().__init__()
        self.norm, self.proj_in = nn.GroupNorm(groups, width, eps=1e-6), nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context, heads)])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, x, context):
        n, width, h, w = x.shape
        y = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).reshape(n, h * w, width)
        y = self.transformer_blocks[0](y, context)
        return self.proj_out(y.reshape(n, h, w, width).permute(0, 3, 1, 2).contiguous()) + x


class Sampler(nn.Module):
    def __init__(self, width, up, padded=True):
        super().__init__()
        self.up, self.padded = up, padded
        self.conv = nn.Conv2d(width, width, 3, stride=1 if up else 2, padding=1 if padded else 0)

    def forward(self, x):
        if self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        elif not self.padded:
            x = F.pad(x, (0, 1, 0, 1))
        return self.conv(x)


class UNetBlock(nn.Module):
    def __init__(self, widths, out, attended, sampler, spec):
        super().__init__()
        time, groups = 4 * spec["block_out_channels"][0], spec["norm_num_groups"]
        self.resnets = nn.ModuleList([Resnet(width, out, time, groups, spec["norm_eps"]) for width in widths])
        if attended:
            self.attentions = nn.ModuleList([Transformer(out, spec["cross_attention_dim"], spec["attention_head_dim"], groups) for _ in widths])
        if sampler:
            setattr(self, sampler, nn.ModuleList([Sampler(out, sampler == "upsamplers")]))

    def down(self, x, temb, context):
        outputs = []
        for i, resnet in enumerate(self.resnets):
            x = resnet(x, temb)
            if hasattr(self, "attentions"):
                x = self.attentions[i](x, context)
            outputs.append(x)
        if hasattr(self, "downsamplers"):
            x = self.downsamplers[0](x)
            outputs.append(x)
        return x, outputs

    def lift(self, x, skips, temb, context):
        for i, resnet in enumerate(self.resnets):
            x = resnet(torch.cat([x, skips.pop()], dim=1), temb)
            if hasattr(self, "attentions"):
                x = self.attentions[i](x, context)
        return self.upsamplers[0](x) if hasattr(self, "upsamplers") else x


class MidBlock(nn.Module):
    def __init__(self, spec):
        super().__init__()
        width, groups = spec["block_out_channels"][-1], spec["norm_num_groups"]
        time = 4 * spec["block_out_channels"][0]
        self.resnets = nn.ModuleList([Resnet(width, width, time, groups, spec["norm_eps"]) for _ in range(2)])
        self.attentions = nn.ModuleList([Transformer(width, spec["cross_attention_dim"], spec["attention_head_dim"], groups)])

    def forward(self, x, temb, context):
        return self.resnets[1](self.attentions[0](self.resnets[0](x, temb), context), temb)


class UNet(nn.Module):
    def __init__(self, spec):
        super().__init__()
        widths, layers = spec["block_out_channels"], spec["layers_per_block"]
        self.time_embedding = TimestepEmbedding(widths[0], 4 * widths[0])
        self.conv_in = nn.Conv2d(spec["in_channels"], widths[0], 3, padding=1)
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        skips, before = [widths[0]], widths[0]
        for i, (width, kind) in enumerate(zip(widths, spec["down_block_types"])):
            last = i == len(widths) - 1
            self.down_blocks.append(UNetBlock([before] + [width] * (layers - 1), width, "CrossAttn" in kind, None if last else "downsamplers", spec))
            skips += [width] * (layers if last else layers + 1)
            before = width
        self.mid_block = MidBlock(spec)
        for i, (width, kind) in enumerate(zip(reversed(widths), spec["up_block_types"])):
            inputs = [skips.pop() + (before if j == 0 else width) for j in range(layers + 1)]
            self.up_blocks.append(UNetBlock(inputs, width, "CrossAttn" in kind, None if i == len(widths) - 1 else "upsamplers", spec))
            before = width
        self.conv_norm_out = nn.GroupNorm(spec["norm_num_groups"], widths[0], eps=spec["norm_eps"])
        self.conv_out = nn.Conv2d(widths[0], spec["out_channels"], 3, padding=1)

    def forward(self, x, timesteps, context):
        temb = self.time_embedding(timesteps)
        x = self.conv_in(x)
        skips = [x]
        for block in self.down_blocks:
            x, outputs = block.down(x, temb, context)
            skips += outputs
        x = self.mid_block(x, temb, context)
        for block in self.up_blocks:
            x = block.lift(x, skips, temb, context)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class AutoencoderAttention(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.query, self.key, self.value, self.proj_attn = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        n, width, h, w = x.shape
        y = self.group_norm(x).view(n, width, h * w).transpose(1, 2)
        q, k, v = self.query(y), self.key(y), self.value(y)
        scores = torch.baddbmm(torch.empty(n, h * w, h * w), q, k.transpose(-1, -2), beta=0, alpha=width**-0.5)
        y = self.proj_attn(torch.bmm(scores.softmax(dim=-1), v))
        return y.transpose(-1, -2).reshape(n, width, h, w) + x


class AutoencoderMid(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet(width, width, None, groups, 1e-6) for _ in range(2)])
        self.attentions = nn.ModuleList([AutoencoderAttention(width, groups)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class AutoencoderBlock(nn.Module):
    def __init__(self, width, out, layers, groups, sampler):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet(width if i == 0 else out, out, None, groups, 1e-6) for i in range(layers)])
        self.samplers = sampler
        if sampler:
            setattr(self, sampler, nn.ModuleList([Sampler(out, sampler == "upsamplers", padded=sampler == "upsamplers")]))

    def forward(self, x):
        for resnet in self.resnets:
            x = resnet(x)
        return getattr(self, self.samplers)[0](x) if self.samplers else x


class Half(nn.Module):
    """The encoder or the decoder."""

    def __init__(self, spec, decodes):
        super().__init__()
        widths, groups, layers = spec["block_out_channels"], spec["norm_num_groups"], spec["layers_per_block"]
        self.decodes = decodes
        widths = widths[::-1] if decodes else widths
        inner = widths[0] if decodes else widths[-1]
        self.conv_in = nn.Conv2d(spec["latent_channels"] if decodes else spec["in_channels"], widths[0], 3, padding=1)
        blocks = [
            AutoencoderBlock(widths[max(i - 1, 0)], width, layers + (1 if decodes else 0), groups, None if i == len(widths) - 1 else "upsamplers" if decodes else "downsamplers")
            for i, width in enumerate(widths)
        ]
        setattr(self, "up_blocks" if decodes else "down_blocks", nn.ModuleList(blocks))
        self.mid_block = AutoencoderMid(inner, groups)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(widths[-1], spec["out_channels"] if decodes else 2 * spec["latent_channels"], 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        if self.decodes:
            x = self.mid_block(x)
        for block in self.up_blocks if self.decodes else self.down_blocks:
            x = block(x)
        if not self.decodes:
            x = self.mid_block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Autoencoder(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.encoder, self.decoder = Half(spec, decodes=False), Half(spec, decodes=True)
        channels = spec["latent_channels"]
        self.quant_conv, self.post_quant_conv = nn.Conv2d(2 * channels, 2 * channels, 1), nn.Conv2d(channels, channels, 1)

    def moments(self, x):
        return self.quant_conv(self.encoder(x))

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z))


class TextAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, mask):
        n, t, width = x.shape

        def split(y):
            return y.view(n, t, self.heads, -1).transpose(1, 2).reshape(n * self.heads, t, -1)

        q, k, v = split(self.q_proj(x) * (width // self.heads) ** -0.5), split(self.k_proj(x)), split(self.v_proj(x))
        weights = (torch.bmm(q, k.transpose(1, 2)) + mask).softmax(dim=-1)
        return self.out_proj(torch.bmm(weights, v).view(n, self.heads, t, -1).transpose(1, 2).reshape(n, t, width))


class TextMlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x))


class TextLayer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.self_attn, self.mlp = TextAttention(width, heads), TextMlp(width)

    def forward(self, x, mask):
        x = x + self.self_attn(self.layer_norm1(x), mask)
        return x + self.mlp(self.layer_norm2(x))


class TextEncoder(nn.Module):
    def __init__(self, vocabulary, context, width, heads, layers):
        super().__init__()
        self.embeddings = nn.Module()
        self.embeddings.token_embedding = nn.Embedding(vocabulary, width)
        self.embeddings.position_embedding = nn.Embedding(context, width)
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList([TextLayer(width, heads) for _ in range(layers)])
        self.final_layer_norm = nn.LayerNorm(width)
        self.register_buffer("mask", torch.full((context, context), -math.inf).triu(1), persistent=False)

    def forward(self, ids):
        x = self.embeddings.token_embedding(ids) + self.embeddings.position_embedding.weight
        for layer in self.encoder.layers:
            x = layer(x, self.mask)
        return self.final_layer_norm(x)
