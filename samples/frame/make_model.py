#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes model.safetensors: a DeformableAttention2D whose weights are set by hand instead of trained, so that what the
sample shows can be understood. It works on a frame by pixel-unshuffle 4: 64 channels, of which offset group g holds the
16 pixels of a 4x4 cell in colour channel g (red, green, blue, distance).

    q, k     the cell's mean (four times, as it matters most), its slopes and its texture, in a cosine basis
    offsets  keys move down the slope of their surroundings, towards the side that is darker or nearer
    bias     minus a multiple of |u_x| + |u_y|: cells attend to cells nearby
    v        the cell itself, so that the output is a picture again

Usage: make_model.py [FILE]
"""
import json
import math
import struct
import sys

HEADS, DIM_HEAD, DIM = 4, 16, 64
KERNEL, STRIDE = 6, 4
WIDTH = DIM // 4  # of the position bias network


def cosine_basis():
    """16 orthonormal 4x4 patterns, the mean first."""
    def axis(k, x):
        return math.sqrt((1 if k == 0 else 2) / 4) * math.cos(math.pi * (2 * x + 1) * k / 8)
    order = sorted(((i, j) for i in range(4) for j in range(4)), key=lambda p: (p[0] + p[1], p))
    return [[axis(i, y) * axis(j, x) for y in range(4) for x in range(4)] for i, j in order]


def tensors():
    basis = cosine_basis()
    gain = [4.0] + [2.0] * 2 + [0.7] * 13
    query = [[g * v for v in row] for g, row in zip(gain, basis)]
    identity = [[1.0 if i == j else 0.0 for j in range(16)] for i in range(16)]
    yield "to_q.weight", (DIM, 16, 1, 1), query * HEADS
    yield "to_k.weight", (DIM, 16, 1, 1), query * HEADS
    yield "to_v.weight", (DIM, 16, 1, 1), identity * HEADS
    yield "to_out.weight", (DIM, DIM, 1, 1), [[float(i == j) for j in range(DIM)] for i in range(DIM)]
    yield "to_out.bias", (DIM,), [0.0] * DIM

    # Channels 1 and 2 of q are a cell's slopes along x and y; the depthwise convolution averages them over 6x6 cells.
    # GELU is all but linear around 4, where the bias puts them; channel 3 is that constant alone, to be taken off again.
    taps = KERNEL * KERNEL
    depthwise = [[0.0] * taps for _ in range(16)]
    depthwise[1] = depthwise[2] = [1 / taps] * taps
    yield "to_offsets.0.weight", (16, 1, KERNEL, KERNEL), depthwise
    yield "to_offsets.0.bias", (16,), [0.0] + [4.0] * 3 + [0.0] * 12
    project = [[0.0] * 16 for _ in range(2)]
    project[0][1], project[0][3] = 1.8, -1.8
    project[1][2], project[1][3] = 1.8, -1.8
    yield "to_offsets.2.weight", (2, 16, 1, 1), project

    # |u_x| + |u_y| = relu(u_x) + relu(-u_x) + relu(u_y) + relu(-u_y), carried through the second layer unchanged.
    first = [[0.0, 0.0] for _ in range(WIDTH)]
    first[0], first[1], first[2], first[3] = [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]
    yield "rel_pos_bias.mlp.0.0.weight", (WIDTH, 2), first
    yield "rel_pos_bias.mlp.0.0.bias", (WIDTH,), [0.0] * WIDTH
    yield "rel_pos_bias.mlp.1.0.weight", (WIDTH, WIDTH), [[float(i == j) for j in range(WIDTH)] for i in range(WIDTH)]
    yield "rel_pos_bias.mlp.1.0.bias", (WIDTH,), [0.0] * WIDTH
    yield "rel_pos_bias.mlp.2.weight", (1, WIDTH), [-7.0] * 4 + [0.0] * (WIDTH - 4)
    yield "rel_pos_bias.mlp.2.bias", (1,), [0.0]


def flatten(values):
    for value in values:
        if isinstance(value, list):
            yield from flatten(value)
        else:
            yield value


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "model.safetensors"
    config = {"dim": DIM, "heads": HEADS, "dim_head": DIM_HEAD, "downsample_factor": STRIDE,
              "offset_kernel_size": KERNEL, "axis_order": "xyz"}
    header = {"__metadata__": {"module": "DeformableAttention2D", "config": json.dumps(config)}}
    data = b""
    for name, shape, values in tensors():
        packed = struct.pack("<%df" % math.prod(shape), *flatten(values))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main()
