# apt: python3-numpy libopenblas0-pthread
# import: numpy
"""The definition, computed slowly: features normalised as float32, dot products in float64, rounded to float32, the smaller id
first among equals. No float32 sum is as exact as this one. Answers each line of its input with one line.

    ready          answers when it can be asked: the number of vectors
    exact N K      ids and similarities of the first N queries, top K, as JSON
    ranks FILE     FILE holds a JSON list of ids for each of the first queries; answers, per query and id, with the number of
                   rows at or above its similarity, as JSON
"""

import json
import pathlib
import sys

import numpy

BLOCK = 8192

folder = pathlib.Path(sys.argv[1])
queries = numpy.load(folder / "queries.npy")
parts = [numpy.load(part, mmap_mode="r") for part in sorted((folder / "index" / "features").glob("*.npy"))]


def similarities(count):
    wanted = queries[:count].astype(numpy.float64)
    blocks = []
    for part in parts:
        for first in range(0, len(part), BLOCK):
            rows = part[first : first + BLOCK].astype(numpy.float32)
            norms = numpy.sqrt(numpy.square(rows, dtype=numpy.float64).sum(axis=1)).astype(numpy.float32)
            rows /= norms[:, None]
            blocks.append((wanted @ rows.astype(numpy.float64).T).astype(numpy.float32))
    return numpy.concatenate(blocks, axis=1)


for line in sys.stdin:
    command, *argument = line.split()
    if command == "ready":
        print(sum(map(len, parts)), flush=True)
    elif command == "exact":
        found = similarities(int(argument[0]))
        ids = numpy.argsort(-found, axis=1, kind="stable")[:, : int(argument[1])]
        best = numpy.take_along_axis(found, ids, axis=1)
        print(json.dumps({"ids": ids.tolist(), "similarities": best.tolist()}), flush=True)
    else:
        wanted = json.loads(pathlib.Path(argument[0]).read_text())
        pairs = zip(similarities(len(wanted)), wanted)
        print(json.dumps([[int((row >= row[id]).sum()) for id in ids] for row, ids in pairs]), flush=True)
