# apt: python3-faiss libopenblas0-pthread
# import: faiss numpy
"""faiss.IndexFlatIP over the features of an index, float32 and L2-normalised. Answers each line of its input with one line.

    ready        answers when everything is loaded: the number of vectors and the BLAS in use
    search N K   the first N queries in one call, top K, as faiss does it by itself; answers with the seconds it took
    blas N K     the same as a matrix product, which faiss keeps for 20 queries and more unless it is told otherwise
    found N K    ids and similarities of "search N K", as JSON
"""

import json
import pathlib
import sys
import time

import faiss
import numpy

BLAS_FROM = 20  # what faiss starts with

folder, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
faiss.omp_set_num_threads(threads)
queries = numpy.load(folder / "queries.npy")
index = faiss.IndexFlatIP(queries.shape[1])
for part in sorted((folder / "index" / "features").glob("*.npy")):
    rows = numpy.load(part, mmap_mode="r").astype(numpy.float32)
    faiss.normalize_L2(rows)
    index.add(rows)
    del rows

for line in sys.stdin:
    command, *numbers = line.split()
    if command == "ready":
        libraries = {line.split("/")[-1].strip() for line in open("/proc/self/maps") if "blas" in line.lower()}
        print(index.ntotal, *sorted(libraries), flush=True)
        continue
    count, top = map(int, numbers)
    faiss.cvar.distance_compute_blas_threshold = 1 if command == "blas" else BLAS_FROM
    start = time.perf_counter()
    similarities, ids = index.search(queries[:count], top)
    seconds = time.perf_counter() - start
    print(json.dumps({"ids": ids.tolist(), "similarities": similarities.tolist()}) if command == "found" else seconds, flush=True)
