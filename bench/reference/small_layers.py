#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes golden cases of the small layers in tests/data/sparse: plain Python, float64, no module of the library.

    python3 bench/reference/small_layers.py DIR
"""

import math
import os
import random
import sys

from plain import float32, write_case

NUMBERS = random.Random("small layers")


def normal(shape, scale=1.0):
    return [float32(NUMBERS.gauss(0, scale)) for _ in range(math.prod(shape))]


def rows(values, width):
    return [values[i:i + width] for i in range(0, len(values), width)]


def flat(lists):
    return [value for inner in lists for value in inner]


def gelu(x):
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def layer_norm(row, gamma, beta):
    mean = sum(row) / len(row)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in row) / len(row) + 1e-5)
    return [(v - mean) / deviation * g + b for v, g, b in zip(row, gamma, beta)]


def dense(row, weight, bias):
    return [sum(w * v for w, v in zip(weights, row)) + b for weights, b in zip(rows(weight, len(row)), bias)]


def cpb(config, dims, batch, queries, keys):
    """A case of CPB: every pair of positions through the network."""
    dim, heads, groups = config["dim"], config["heads"], config["offset_groups"]
    outputs = heads // groups
    sizes = {"mlp.0.0": (dim, dims), "mlp.1.0": (dim, dim), "mlp.2": (outputs, dim)}
    tensors = {}
    for layer, shape in sizes.items():
        tensors[f"w.{layer}.weight"] = (shape, normal(shape, 1 / math.sqrt(shape[1])))
        tensors[f"w.{layer}.bias"] = (shape[:1], normal(shape[:1], 0.3))
    grid_q, grid_kv = normal((queries, dims)), normal((batch * groups, keys, dims))
    bias = [0.0] * (batch * heads * queries * keys)
    for entry in range(batch * groups):
        for i, query in enumerate(rows(grid_q, dims)):
            for j, key in enumerate(rows(grid_kv, dims)[entry * keys:(entry + 1) * keys]):
                value = [q - k for q, k in zip(query, key)]
                if config.get("log_distance", True):
                    value = [math.copysign(math.log(abs(p) + 1), p) for p in value]
                for layer in ("mlp.0.0", "mlp.1.0"):
                    value = dense(value, tensors[f"w.{layer}.weight"][1], tensors[f"w.{layer}.bias"][1])
                    value = [max(v, 0.0) for v in value]
                value = dense(value, tensors["w.mlp.2.weight"][1], tensors["w.mlp.2.bias"][1])
                for o, result in enumerate(value):
                    head = entry % groups * outputs + o
                    bias[((entry // groups * heads + head) * queries + i) * keys + j] = result
    bare = dims == 1
    tensors["in.grid_q"] = ((queries,) if bare else (queries, dims), grid_q)
    tensors["in.grid_kv"] = ((batch * groups, keys) if bare else (batch * groups, keys, dims), grid_kv)
    tensors["out.bias"] = ((batch, heads, queries, keys), bias)
    return tensors


def cases():
    """-> name, module, constructor arguments, tensors."""
    x, gamma, beta = normal((2, 3, 10)), normal((10,)), normal((10,))
    yield "phenaki_layer_norm", "PhenakiLayerNorm", {"dim": 10}, {
        "w.gamma": ((10,), gamma), "w.beta": ((10,), beta), "in.x": ((2, 3, 10), x),
        "out.y": ((2, 3, 10), flat(layer_norm(row, gamma, beta) for row in rows(x, 10)))}
    x = normal((2, 5, 14))
    yield "geglu", "GEGLU", {}, {
        "in.x": ((2, 5, 14), x),
        "out.y": ((2, 5, 7), flat([a * gelu(g) for a, g in zip(row[:7], row[7:])] for row in rows(x, 14)))}
    x = normal((2, 2, 3, 6))
    x[:6] = [0.0] * 6  # has no direction: stays 0
    yield "l2norm", "l2norm", {}, {
        "in.x": ((2, 2, 3, 6), x),
        "out.y": ((2, 2, 3, 6), flat([v / max(math.hypot(*row), 1e-12) for v in row] for row in rows(x, 6)))}
    x, scale = normal((2, 3, 2, 3, 4)), [2.0, -0.5, 8.0]
    yield "scale_channels", "Scale", {}, {
        "w.scale": ((3,), scale), "in.x": ((2, 3, 2, 3, 4), x),
        "out.y": ((2, 3, 2, 3, 4), [v * scale[i // 24 % 3] for i, v in enumerate(x)])}
    x = normal((2, 1, 9))
    yield "scale_number", "Scale", {"scale": 4.5}, {"in.x": ((2, 1, 9), x), "out.y": ((2, 1, 9), [v * 4.5 for v in x])}
    for name, config, dims, batch, queries, keys in (
            ("1d", {"dim": 8, "heads": 2, "offset_groups": 2, "depth": 2, "log_distance": False}, 1, 2, 7, 5),
            ("2d", {"dim": 12, "heads": 6, "offset_groups": 3, "depth": 2}, 2, 2, 6, 4),
            ("3d", {"dim": 9, "heads": 4, "offset_groups": 2, "depth": 2}, 3, 1, 8, 5)):
        yield f"cpb_{name}", "CPB", config, cpb(config, dims, batch, queries, keys)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, module, config, tensors in cases():
        write_case(os.path.join(sys.argv[1], f"{name}.safetensors"), module, config, tensors,
                   "bench/reference/small_layers.py")


if __name__ == "__main__":
    main()
