#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden cases of local attention in tests/data/sparse: plain Python, float64, no module of the library.

    python3 bench/reference/local_attention.py DIR

Each query's keys are found from their positions alone: a key is tried against the words of the rule, axis by axis.
"""

import itertools
import math
import os
import random
import sys

from plain import float32, write_case

# name, constructor arguments, batch, spatial size. Three of each border.
CASES = [
    ("cut_1d", dict(dim=6, heads=2, dim_head=4, window=5, dilation=2), 2, (13,)),
    ("cut_2d", dict(dim=8, heads=2, dim_head=6, window=[3, 5], dilation=[1, 2]), 2, (5, 9)),
    ("cut_3d", dict(dim=4, heads=3, dim_head=5, window=[3, 3, 7], dilation=1), 1, (3, 4, 5)),
    ("neighborhood_1d", dict(dim=6, heads=3, dim_head=8, window=3, dilation=3, border="neighborhood"), 2, (11,)),
    ("neighborhood_2d", dict(dim=8, heads=2, dim_head=7, window=[5, 3], dilation=[1, 2], border="neighborhood"), 2,
     (6, 7)),
    ("neighborhood_3d", dict(dim=4, heads=2, dim_head=8, window=3, dilation=[1, 1, 2], border="neighborhood"), 1,
     (3, 4, 7)),
]


def per_axis(value, axes):
    return value if isinstance(value, list) else [value] * axes


def sees(query, key, size, window, dilation, border):
    """Whether a query sees a key along one axis. Neighborhood: the window of places, in the order of the class, that has
    the query nearest to its middle and lies inside."""
    if query % dilation != key % dilation:
        return False
    reach = (window - 1) // 2
    if border == "cut":
        return abs(query - key) <= reach * dilation
    members = list(range(query % dilation, size, dilation))
    starts = range(len(members) - window + 1)
    place = members.index(query)
    start = min(starts, key=lambda s: abs(s + reach - place))
    return key in members[start:start + window]


def project(weight, x, bias=None):
    """weight: rows of outputs; x: channels of one position."""
    return [sum(w * v for w, v in zip(row, x)) + (bias[i] if bias else 0) for i, row in enumerate(weight)]


def attend(config, size, weights, x):
    """x: for each position its channels -> the same of y."""
    heads, width, axes = config["heads"], config["dim_head"], len(size)
    window, dilation = per_axis(config["window"], axes), per_axis(config.get("dilation", 1), axes)
    border = config.get("border", "cut")
    positions = list(itertools.product(*map(range, size)))
    q, k, v = ([project(weights[name], point) for point in x] for name in ("to_q", "to_k", "to_v"))
    result = []
    for i, query in enumerate(positions):
        seen = [j for j, key in enumerate(positions)
                if all(sees(query[a], key[a], size[a], window[a], dilation[a], border) for a in range(axes))]
        attended = []
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            scores = [sum(a * b for a, b in zip(q[i][part], k[j][part])) / math.sqrt(width) for j in seen]
            highest = max(scores)
            shares = [math.exp(score - highest) for score in scores]
            total = sum(shares)
            for channel in range(head * width, (head + 1) * width):
                attended.append(sum(share * v[j][channel] for share, j in zip(shares, seen)) / total)
        result.append(project(weights["to_out"], attended, weights["bias"]))
    return result


def make(name, config, batch, size, folder):
    numbers = random.Random("local attention " + name)
    dim, inner, points = config["dim"], config["heads"] * config["dim_head"], math.prod(size)
    matrix = lambda rows, columns, gain: [[float32(numbers.gauss(0, gain / math.sqrt(columns)))
                                           for _ in range(columns)] for _ in range(rows)]
    weights = {"to_q": matrix(inner, dim, 2), "to_k": matrix(inner, dim, 2), "to_v": matrix(inner, dim, 1),
               "to_out": matrix(dim, inner, 1), "bias": [float32(numbers.gauss(0, 0.1)) for _ in range(dim)]}
    x = [[[float32(numbers.gauss(0, 1)) for _ in range(dim)] for _ in range(points)] for _ in range(batch)]
    y = [attend(config, size, weights, entry) for entry in x]
    channels_first = lambda entries: [entry[p][c] for entry in entries for c in range(dim) for p in range(points)]
    ones = [1] * len(size)
    tensors = {f"w.{layer}.weight": ([len(weights[layer]), len(weights[layer][0])] + ones,
                                     [value for row in weights[layer] for value in row])
               for layer in ("to_q", "to_k", "to_v", "to_out")}
    tensors["w.to_out.bias"] = ([dim], weights["bias"])
    tensors["in.x"] = ([batch, dim, *size], channels_first(x))
    tensors["out.y"] = ([batch, dim, *size], channels_first(y))
    write_case(os.path.join(folder, f"local_{name}.safetensors"), f"LocalAttention{len(size)}D", config, tensors,
               "bench/reference/local_attention.py")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, config, batch, size in CASES:
        make(name, config, batch, size, sys.argv[1])


if __name__ == "__main__":
    main()
