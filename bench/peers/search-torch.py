# apt: python3-torch python3-numpy libopenblas0-pthread
# import: torch numpy
"""The authors' way: the product of all features and a query, then argsort; float32, L2-normalised. One line for one line.

    ready          answers when everything is loaded: the number of vectors and the BLAS in use
    matmul N       the products of the first N queries, one by one; answers with the seconds it took
    argsort N      the products and their argsort, descending, likewise
    ranks FILE     FILE holds a JSON list of ids for each of the first queries; answers, per query and id, as JSON:
                   [1-based position in the argsort, rows above similarity + 1e-6, rows at or above similarity - 1e-6]
"""

import json
import pathlib
import sys
import time

import numpy
import torch

TOLERANCE = 1e-6

folder, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)
queries = torch.from_numpy(numpy.load(folder / "queries.npy"))
parts = [numpy.load(part, mmap_mode="r") for part in sorted((folder / "index" / "features").glob("*.npy"))]
features = torch.empty(sum(len(part) for part in parts), queries.shape[1])
first = 0
for part in parts:
    rows = torch.from_numpy(part.astype(numpy.float32))
    features[first : first + len(part)] = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    first += len(part)
del parts, rows


def blas():
    libraries = {line.split("/")[-1].strip() for line in open("/proc/self/maps") if "blas" in line.lower()}
    return " ".join(sorted(libraries))


def ranks(query, ids):
    similarities = features @ query
    positions = torch.empty(len(features), dtype=torch.int64)
    positions[torch.argsort(similarities, descending=True)] = torch.arange(1, len(features) + 1)
    return [
        [
            int(positions[id]),
            int((similarities > similarities[id] + TOLERANCE).sum()),
            int((similarities >= similarities[id] - TOLERANCE).sum()),
        ]
        for id in ids
    ]


for line in sys.stdin:
    command, *argument = line.split()
    if command == "ready":
        answer = f"{len(features)} {blas()}"
    elif command == "ranks":
        answer = json.dumps([ranks(*pair) for pair in zip(queries, json.loads(pathlib.Path(argument[0]).read_text()))])
    else:
        start = time.perf_counter()
        for query in queries[: int(argument[0])]:
            similarities = features @ query
            if command == "argsort":
                torch.argsort(similarities, descending=True)
        answer = time.perf_counter() - start
    print(answer, flush=True)
