# apt: python3-faiss
# import: faiss numpy
"""faiss.IndexFlatIP over the features of an index, float32 and L2-normalised. Answers each line of its input with one line.

    ready      answers when everything is loaded
    search N   the first N queries in one call, as faiss does it by itself, answers with the seconds it took
    blas N     the same as a matrix product, which faiss keeps for 20 queries and more unless it is told otherwise
    found N    ids and similarities of "search N", as JSON
"""

import json
import pathlib
import sys
import time

import faiss
import numpy

folder, threads, top = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
faiss.omp_set_num_threads(threads)
queries = numpy.load(folder / "queries.npy")
index = faiss.IndexFlatIP(queries.shape[1])
for part in sorted((folder / "index" / "features").glob("*.npy")):
    rows = numpy.load(part, mmap_mode="r").astype(numpy.float32)
    faiss.normalize_L2(rows)
    index.add(rows)
    del rows

for line in sys.stdin:
    command, *argument = line.split()
    if command == "ready":
        print(index.ntotal, flush=True)
        continue
    some = queries[: int(argument[0])]
    faiss.cvar.distance_compute_blas_threshold = 1 if command == "blas" else 20
    start = time.perf_counter()
    similarities, ids = index.search(some, top)
    seconds = time.perf_counter() - start
    print(json.dumps({"ids": ids.tolist(), "similarities": similarities.tolist()}) if command == "found" else seconds, flush=True)
