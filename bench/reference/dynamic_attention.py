#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden cases of dynamic sparse attention in tests/data/sparse: plain Python, float64.

    python3 bench/reference/dynamic_attention.py DIR

Each query keeps the keys whose score is at least the k-th highest, or the highest less a threshold. A case is drawn anew
until no choice turns on less than 1e-4 of a query's largest score, so that float32 has to make it the same way.
"""

import json
import math
import os
import random
import sys

from local_attention import float32, project, write

# name, constructor arguments, batch, spatial size of a map or a number of tokens.
CASES = [
    ("map", dict(dim=8, heads=2, dim_head=6, select="topk", k=5), 2, (5, 6)),
    ("tokens", dict(dim=6, heads=2, dim_head=8, select="topk", k=35), 1, 48),
    ("volume", dict(dim=4, heads=3, dim_head=5, select="threshold", threshold=0.75), 2, (2, 3, 4)),
]


def bound_of(config, scores):
    if config["select"] == "topk":
        return sorted(scores, reverse=True)[:config["k"]][-1]
    return max(scores) - config["threshold"]


def margin_of(config, scores, bound):
    """How near the bound is to a score that could come to lie on its other side."""
    others = [score for score in scores if score < bound or (config["select"] == "threshold" and score > bound)]
    return min((abs(score - bound) for score in others), default=math.inf) / max(map(abs, scores))


def attend(config, weights, x):
    """x: for each token its channels -> the same of y, and the least margin."""
    width = config["dim_head"]
    q, k, v = ([project(weights[name], token) for token in x] for name in ("to_q", "to_k", "to_v"))
    result, margin = [], math.inf
    for query in q:
        attended = []
        for head in range(config["heads"]):
            part = slice(head * width, (head + 1) * width)
            scores = [sum(a * b for a, b in zip(query[part], key[part])) / math.sqrt(width) for key in k]
            bound, highest = bound_of(config, scores), max(scores)
            margin = min(margin, margin_of(config, scores, bound))
            shares = [math.exp(score - highest) if score >= bound else 0 for score in scores]
            attended += [sum(share * value[channel] for share, value in zip(shares, v)) / sum(shares)
                         for channel in range(head * width, (head + 1) * width)]
        result.append(project(weights["to_out"], attended, weights["bias"]))
    return result, margin


def draw(name, config, batch, tokens, seed):
    numbers = random.Random(f"dynamic attention {name} {seed}")
    dim, inner = config["dim"], config["heads"] * config["dim_head"]
    matrix = lambda rows, columns, gain: [[float32(numbers.gauss(0, gain / math.sqrt(columns)))
                                           for _ in range(columns)] for _ in range(rows)]
    weights = {"to_q": matrix(inner, dim, 1.5), "to_k": matrix(inner, dim, 1.5), "to_v": matrix(inner, dim, 1),
               "to_out": matrix(dim, inner, 1), "bias": [float32(numbers.gauss(0, 0.1)) for _ in range(dim)]}
    return weights, [[[float32(numbers.gauss(0, 1)) for _ in range(dim)] for _ in range(tokens)] for _ in range(batch)]


def make(name, config, batch, size, folder):
    is_map, dim = isinstance(size, tuple), config["dim"]
    tokens = math.prod(size) if is_map else size
    seed, margin = -1, 0
    while margin < 1e-4:
        seed += 1
        weights, x = draw(name, config, batch, tokens, seed)
        entries = [attend(config, weights, entry) for entry in x]
        y, margin = [entry for entry, _ in entries], min(entry_margin for _, entry_margin in entries)
    order = [(p, c) for c in range(dim) for p in range(tokens)] if is_map else \
        [(p, c) for p in range(tokens) for c in range(dim)]
    flat = lambda tensor: [entry[p][c] for entry in tensor for p, c in order]
    shape = [batch, dim, *size] if is_map else [batch, tokens, dim]
    ones = [1] * len(size) if is_map else []
    tensors = {f"w.{layer}.weight": ([len(weights[layer]), len(weights[layer][0])] + ones,
                                     [value for row in weights[layer] for value in row])
               for layer in ("to_q", "to_k", "to_v", "to_out")}
    tensors["w.to_out.bias"] = ([dim], weights["bias"])
    tensors["in.x"], tensors["out.y"] = (shape, flat(x)), (shape, flat(y))
    write(os.path.join(folder, f"dynamic_{name}.safetensors"), tensors,
          {"module": "DynamicSparseAttention", "config": json.dumps(config),
           "reference": "bench/reference/dynamic_attention.py, float64 rounded once", "seed": str(seed)})
    print(f"dynamic_{name}: seed {seed}, margin {margin:.1e}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, config, batch, size in CASES:
        make(name, config, batch, size, sys.argv[1])


if __name__ == "__main__":
    main()
