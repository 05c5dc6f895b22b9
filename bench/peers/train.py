# apt: python3-torch python3-numpy libopenblas0-pthread
# import: torch numpy
"""Training linear mappers as one writes it in PyTorch: Eq. 3 and 4 of the paper, Adam, cosine per step. One line for one line.

    ready     answers when everything is loaded: the BLAS in use
    epoch     trains one epoch with its pairs; answers with the seconds it took and the mean loss
"""

import pathlib
import sys
import time

import numpy
import torch
import torch.nn.functional as F

folder, threads, batch, epochs = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
exemplars = torch.from_numpy(numpy.load(folder / "exemplars.npy"))
synthesized = torch.from_numpy(numpy.load(folder / "synthesized.npy"))
pairs = torch.from_numpy(numpy.load(folder / "pairs.npy").astype(numpy.int64))  # epochs x models, 2
count, dimension = exemplars.shape
pairs = pairs.view(-1, count, 2)

real, synth = torch.nn.Linear(dimension, dimension), torch.nn.Linear(dimension, dimension)
for mapper in (real, synth):
    torch.nn.init.eye_(mapper.weight)
    torch.nn.init.zeros_(mapper.bias)
identity = torch.eye(dimension)
optimizer = torch.optim.Adam([*real.parameters(), *synth.parameters()], lr=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-count // batch))


def distance(weight):
    return (weight.T @ weight - identity).norm()


def step(chosen):
    f = F.normalize(real(exemplars[chosen[:, 0]]), dim=1)
    q = F.normalize(synth(synthesized[chosen[:, 1]]), dim=1)
    similarities = q @ f.T
    target = torch.arange(len(chosen))
    contrastive = F.cross_entropy(similarities, target) + F.cross_entropy(similarities.T, target)
    loss = contrastive + 0.05 * 0.5 * (distance(real.weight) + distance(synth.weight))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    return loss.item() * len(chosen) / count


def blas():
    libraries = {line.split("/")[-1].strip() for line in open("/proc/self/maps") if "blas" in line.lower()}
    return " ".join(sorted(libraries))


done = 0
for line in sys.stdin:
    if line.strip() == "ready":
        answer = f"{torch.__version__} {blas()}"
    else:
        start = time.perf_counter()
        loss = sum(step(pairs[done][first : first + batch]) for first in range(0, count, batch))
        answer = f"{time.perf_counter() - start} {loss}"
        done += 1
    print(answer, flush=True)
