# apt: python3-torch python3-numpy libopenblas0-pthread
# import: torch numpy
"""The authors' way of evaluating: features L2-normalised, per query the product with all distractors and with the exemplars of its
model, then argsort; float32. One line for one line.

    ready          answers when everything is loaded: the number of distractors, the seconds that took, and the BLAS in use
    argsort N      the products and the argsort, descending, of the first N queries, one by one; answers with the seconds it took
    ranks N        per query and exemplar, as JSON: [1-based position in the argsort, candidates above similarity + 1e-6,
                   candidates at or above similarity - 1e-6]
"""

import json
import pathlib
import sys
import time

import numpy
import torch

TOLERANCE = 1e-6
BLOCK = 65536

start = time.perf_counter()
folder, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)


def load(name):
    stored = numpy.load(folder / name, mmap_mode="r")
    features = torch.empty(*stored.shape)
    for first in range(0, len(stored), BLOCK):
        rows = torch.from_numpy(stored[first : first + BLOCK].astype(numpy.float32))
        features[first : first + BLOCK] = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return features


distractors, queries, exemplars = load("distractors.npy"), load("queries.npy"), load("exemplars.npy")
per_query = len(exemplars) // len(queries)
loaded = time.perf_counter() - start


def blas():
    libraries = {line.split("/")[-1].strip() for line in open("/proc/self/maps") if "blas" in line.lower()}
    return " ".join(sorted(libraries))


def similarities(number):
    own = exemplars[number * per_query : (number + 1) * per_query]
    return torch.cat([distractors @ queries[number], own @ queries[number]])


def ranks(number):
    scores = similarities(number)
    positions = torch.empty(len(scores), dtype=torch.int64)
    positions[torch.argsort(scores, descending=True)] = torch.arange(1, len(scores) + 1)
    return [
        [int(positions[i]), int((scores > scores[i] + TOLERANCE).sum()), int((scores >= scores[i] - TOLERANCE).sum())]
        for i in range(len(distractors), len(scores))
    ]


for line in sys.stdin:
    command, *argument = line.split()
    if command == "ready":
        answer = f"{len(distractors)} {loaded:.3f} {blas()}"
    elif command == "ranks":
        answer = json.dumps([ranks(number) for number in range(int(argument[0]))])
    else:
        begin = time.perf_counter()
        for number in range(int(argument[0])):
            torch.argsort(similarities(number), descending=True)
        answer = time.perf_counter() - begin
    print(answer, flush=True)
