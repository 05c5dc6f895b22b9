# apt: python3-torch python3-numpy libopenblas0-pthread
# import: torch numpy
"""ViT-B/16 as one writes it in PyTorch (timm's layout and names), with weights and images from files. One line for one line.

    ready                     answers when everything is loaded: versions
    float32 N | bfloat16 N    encodes the first N images; answers with the seconds it took and the peak of resident memory in bytes
    write PRECISION N FILE    encodes the first N images; writes their features as .npy
"""

import sys
import time

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

weights, images, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
images = torch.from_numpy(numpy.load(images)).view(-1, 3, 224, 224)
WIDTH, DEPTH, HEADS, PATCH = 768, 12, 12, 16


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        weight = ((q @ k.transpose(-2, -1)) * (WIDTH // HEADS) ** -0.5).softmax(dim=-1)
        return self.proj((weight @ v).transpose(1, 2).reshape(n, t, WIDTH))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(WIDTH, eps=1e-6), Attention()
        self.norm2, self.mlp = nn.LayerNorm(WIDTH, eps=1e-6), Mlp()

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class VisionTransformer(nn.Module):
    def __init__(self, tokens):
        super().__init__()
        self.cls_token, self.pos_embed = nn.Parameter(torch.zeros(1, 1, WIDTH)), nn.Parameter(torch.zeros(1, tokens, WIDTH))
        self.patch_embed = PatchEmbed()
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), dim=1) + self.pos_embed
        return self.norm(self.blocks(x))[:, 0]


state = torch.load(weights)
models = {}
for precision in (torch.float32, torch.bfloat16):
    model = VisionTransformer(state["pos_embed"].shape[1])
    model.load_state_dict(state)
    models[str(precision).removeprefix("torch.")] = model.eval().to(precision)


def encode(precision, count):
    model = models[precision]
    with torch.inference_mode():
        return model(images[:count].to(model.norm.weight.dtype)).float()


def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))


for line in sys.stdin:
    words = line.split()
    if words[0] == "ready":
        answer = f"torch {torch.__version__}, mkldnn {torch.backends.mkldnn.is_available()}"
    elif words[0] == "write":
        numpy.save(words[3], encode(words[1], int(words[2])).numpy())
        answer = "written"
    else:
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")  # the peak starts anew
        start = time.perf_counter()
        encode(words[0], int(words[1]))
        answer = f"{time.perf_counter() - start} {peak()}"
    print(answer, flush=True)
