# apt: python3-torch python3-numpy libopenblas0-pthread
# import: torch numpy
"""Stable Diffusion 1.x's networks as one writes them in PyTorch, with the layout, the names and the steps of diffusers 0.14: attention by baddbmm, softmax and
bmm. Sizes and weights from files. One line for one line.

    ready                      answers when everything is loaded: versions
    check                      largest deviations from the reference: U-Net, autoencoder, losses and weights of Custom Diffusion
    custom BATCH N             N steps of Custom Diffusion: text encoder, keys and values, embedding row; seconds, and the last loss
    full BATCH SIDE N          N steps of training all weights of the U-Net; seconds, and the last loss
    sample BATCH SIDE N        N steps of DDIM with guidance; seconds
    decode BATCH SIDE N        N decodings of latents
"""

import json
import math
import pathlib
import sys
import time

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

reference, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
TYPES = {"F32": numpy.float32, "I64": numpy.int64, "U8": numpy.uint8}


def safetensors(path):
    data = (reference / path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    result = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        values = numpy.frombuffer(data[8 + size + first : 8 + size + last], TYPES[entry["dtype"]])
        result[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return result


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


def networks():
    spec = json.loads((reference / "diffusion/config.json").read_text())
    text = json.loads((reference / "custom-diffusion/config.json").read_text())
    weights = safetensors("encoders/clip_hf/text_encoder.safetensors")
    weights = {name.removeprefix("text_model."): value for name, value in weights.items() if "position_ids" not in name}
    embedding = "embeddings.token_embedding.weight"
    weights[embedding] = torch.cat([weights[embedding], weights[embedding][text["initializer_token_id"]][None]])
    unet, autoencoder = UNet(spec["unet"]), Autoencoder(spec["vae"])
    encoder = TextEncoder(len(weights[embedding]), text["text"]["context"], text["text"]["width"], text["text"]["heads"], text["text"]["layers"])
    unet.load_state_dict(safetensors("diffusion/unet.safetensors"))
    autoencoder.load_state_dict(safetensors("diffusion/vae.safetensors"))
    encoder.load_state_dict(weights)
    for network in (unet, autoencoder, encoder):
        network.requires_grad_(False)
    return unet, autoencoder, encoder


betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float32) ** 2
alphas = torch.cumprod(1 - betas, dim=0)


class Custom:
    """Custom Diffusion by the recipe of the reference."""

    def __init__(self, case):
        self.case = case
        self.unet, _, self.text = networks()
        self.new = json.loads((reference / "custom-diffusion/config.json").read_text())["new_token_id"]
        self.weights = {n: p for n, p in self.unet.named_parameters() if n.endswith(("attn2.to_k.weight", "attn2.to_v.weight"))}
        self.embedding = self.text.embeddings.token_embedding.weight
        self.parameters = [*self.weights.values(), self.embedding]
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        self.optimizer = torch.optim.AdamW(self.parameters, lr=case["lr"], weight_decay=case["weight_decay"])

    def step(self, latents, noise, timesteps, ids, mask):
        alpha = alphas[timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        CrossAttention.detach_first = self.case["stop_first_token_gradient"]
        prediction = self.unet(noisy, timesteps, self.text(ids))
        CrossAttention.detach_first = False
        squares = (prediction - noise) ** 2
        if mask is None:
            loss = squares.mean()
        elif self.case["prior_preservation"]:
            own, prior = squares.chunk(2)
            mask = mask.chunk(2)[0]
            loss = ((own * mask).sum([1, 2, 3]) / mask.sum([1, 2, 3])).mean() + self.case["prior_weight"] * prior.mean()
        else:
            loss = ((squares * mask).sum([1, 2, 3]) / mask.sum([1, 2, 3])).mean()
        loss.backward()
        row = self.embedding.grad[self.new].clone()
        self.embedding.grad.zero_()
        self.embedding.grad[self.new] = row
        if self.case["max_grad_norm"]:
            nn.utils.clip_grad_norm_(self.parameters, self.case["max_grad_norm"])
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


def deviation(actual, expected):
    return (actual - expected).abs().max().item()


def check():
    unet, autoencoder, _ = networks()
    io, vae = safetensors("diffusion/unet_io.safetensors"), safetensors("diffusion/vae_io.safetensors")
    with torch.no_grad():
        figures = {
            "unet": max(deviation(unet(io["latents" + s], io["timesteps" + s], io["context" + s]), io["eps" + s]) for s in ("", ".nonsquare")),
            "vae": max(deviation(autoencoder.moments(vae["image"]), vae["moments"]), deviation(autoencoder.decode(vae["sample"]), vae["decoded"])),
        }
    expected = json.loads((reference / "custom-diffusion/expected.json").read_text())
    batch = safetensors("custom-diffusion/batch.safetensors")
    losses, weights = [], []
    for name in ("recipe", "recipe_large_lr"):
        custom, final = Custom(expected[name]), safetensors(f"custom-diffusion/{name}.safetensors")
        for i, loss in enumerate(expected[name]["loss"]):
            step = [batch[x][i] for x in ("latents", "noise", "timesteps", "token_ids", "mask")]
            losses.append(abs(custom.step(*step) / loss - 1))
        weights += [deviation(p.detach(), final["final.unet." + n]) for n, p in custom.weights.items()]
        weights.append(deviation(custom.embedding.detach(), final["final.embedding"]))
    return json.dumps({**figures, "lossRelative": max(losses), "weights": max(weights)})


class Timed:
    def __init__(self):
        self.unet, self.autoencoder, self.text = networks()
        self.custom = Custom(json.loads((reference / "custom-diffusion/expected.json").read_text())["recipe"] | {"prior_preservation": False})
        self.batch = safetensors("custom-diffusion/batch.safetensors")
        self.io = safetensors("diffusion/unet_io.safetensors")
        self.full, _, _ = networks()
        self.full.requires_grad_(True)
        self.optimizer = torch.optim.AdamW(self.full.parameters(), lr=1e-5, weight_decay=1e-2)

    def customize(self, batch, steps):
        for i in range(steps):
            rows = [self.batch[x].flatten(0, 1).repeat([2] + [1] * (self.batch[x].dim() - 2))[4 * (i % 5) :][:batch] for x in ("latents", "noise", "timesteps", "token_ids", "mask")]
            loss = self.custom.step(*rows)
        return loss

    def train(self, batch, side, steps):
        generator = torch.Generator().manual_seed(1)
        for _ in range(steps):
            latents, noise = (torch.randn(batch, 4, side, side, generator=generator) for _ in range(2))
            timesteps = torch.randint(1000, (batch,), generator=generator)
            context = torch.randn(batch, 77, 32, generator=generator)
            alpha = alphas[timesteps].view(-1, 1, 1, 1)
            prediction = self.full(alpha.sqrt() * latents + (1 - alpha).sqrt() * noise, timesteps, context)
            loss = F.mse_loss(prediction, noise)
            loss.backward()
            nn.utils.clip_grad_norm_(self.full.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            result = loss.item()
        return result

    @torch.no_grad()
    def sample(self, batch, side, steps):
        """DDIM, eta 1, guidance 6, as diffusers' pipeline does it."""
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(batch, 4, side, side, generator=generator)
        context = torch.randn(2 * batch, 77, 32, generator=generator)
        ratio = 1000 // steps
        for t in [i * ratio + 1 for i in reversed(range(steps))]:
            eps = self.unet(torch.cat([x] * 2), torch.full((2 * batch,), t), context)
            without, conditional = eps.chunk(2)
            eps = without + 6.0 * (conditional - without)
            now, before = alphas[t], alphas[max(t - ratio, 0)]
            start = (x - (1 - now) ** 0.5 * eps) / now**0.5
            sigma = ((1 - before) / (1 - now) * (1 - now / before)) ** 0.5
            x = before**0.5 * start + (1 - before - sigma**2) ** 0.5 * eps + sigma * torch.randn(x.shape, generator=generator)
        return x.mean().item()

    @torch.no_grad()
    def decode(self, batch, side, times):
        generator = torch.Generator().manual_seed(1)
        latents = torch.randn(batch, 4, side, side, generator=generator)
        for _ in range(times):
            result = self.autoencoder.decode(latents)
        return result.mean().item()


timed = Timed()
actions = {"custom": timed.customize, "full": timed.train, "sample": timed.sample, "decode": timed.decode}
for line in sys.stdin:
    words = line.split()
    if words[0] == "ready":
        answer = f"torch {torch.__version__}, mkldnn {torch.backends.mkldnn.is_available()}"
    elif words[0] == "check":
        answer = check()
    else:
        start = time.perf_counter()
        result = actions[words[0]](*map(int, words[1:]))
        answer = f"{time.perf_counter() - start} {result}"
    print(answer, flush=True)
