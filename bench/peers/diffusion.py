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
import pathlib
import sys
import time

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F
from diffusion_networks import Autoencoder, CrossAttention, TextEncoder, UNet

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
