# SPDX-License-Identifier: Apache-2.0
"""Convolutions with kernels that the library has not: patches as a linear layer, others as sums of smaller ones."""

import itertools
import math

from .graph import pair

LARGEST = 7  # along an axis, but where every channel is a group


def lower_large_kernels(graph):
    for node in [node for node in graph.nodes if node.op in ("conv1d", "conv2d", "conv3d")]:
        kernel = list(node.weights["weight"].shape[2:])
        if max(kernel) <= LARGEST or node.config.get("groups", 1) == node.inputs[0].shape[1]:
            continue
        graph.path, graph.place = node.path, node.place
        make = patches if is_patches(node, kernel) else blocks
        graph.substitute(node, lambda make=make, node=node, kernel=kernel: make(graph, node, kernel))


def is_patches(node, kernel):
    """Whether each pixel is of one window, as in the embedding of patches."""
    count = len(kernel)
    settings = [pair(node.config.get(name, default), count) for name, default in
                (("stride", 1), ("padding", 0), ("dilation", 1))]
    return settings == [kernel, [0] * count, [1] * count] and node.config.get("groups", 1) == 1


def patches(graph, node, kernel):
    x, weight, count = node.inputs[0], node.weights["weight"], len(kernel)
    for axis, size in enumerate(kernel):  # a rest that no window has is cut off, or there is none in a plan either
        if x.shape[2 + axis] % size != 0:
            x = graph.node("slice", [x], {"dim": 2 + axis, "start": 0, "stop": x.shape[2 + axis] // size * size})
    sizes = [graph.book.size(size) for size in x.shape]
    places = [size // step for size, step in zip(sizes[2:], kernel)]
    apart = [item for each in zip(places, kernel) for item in each]
    x = graph.node("reshape", [x], {"shape": [*sizes[:2], *apart]})
    order = [0, *range(2, 2 + 2 * count, 2), 1, *range(3, 3 + 2 * count, 2)]
    x = graph.node("permute", [x], {"dims": order})
    x = graph.node("reshape", [x], {"shape": [sizes[0], *places, sizes[1] * math.prod(kernel)]})
    weights = {"weight": weight.reshape(weight.shape[0], -1), "bias": node.weights.get("bias")}
    y = graph.node("linear", [x], weights=weights)
    return graph.node("permute", [y], {"dims": [0, count + 1, *range(1, count + 1)]})


def blocks(graph, node, kernel):
    """The sum of convolutions with parts of the kernel, each of a part of the padded map."""
    x, weight, count, config = node.inputs[0], node.weights["weight"], len(kernel), dict(node.config)
    stride, padding, dilation = (pair(config.pop(name, default), count) for name, default in
                                 (("stride", 1), ("padding", 0), ("dilation", 1)))
    mode = config.pop("padding_mode", None)
    if any(padding):
        sides = [side for size in padding[::-1] for side in (size, size)]
        x = graph.node("pad", [x], {"padding": sides, **({"mode": mode} if mode else {})})
    config.update({"stride": stride, "dilation": dilation})
    total = None
    parts = [[(at, min(at + LARGEST, size)) for at in range(0, size, LARGEST)] for size in kernel]
    for part in itertools.product(*parts):
        piece, taps = x, weight
        for axis, (begin, end) in enumerate(part):
            stop = x.shape[2 + axis] - (kernel[axis] - end) * dilation[axis]
            piece = graph.node("slice", [piece], {"dim": 2 + axis, "start": begin * dilation[axis], "stop": stop})
            taps = taps.narrow(2 + axis, begin, end - begin)
        weights = {"weight": taps.contiguous(), "bias": node.weights.get("bias") if total is None else None}
        y = graph.node(node.op, [piece], config, weights)
        total = y if total is None else graph.node("add", [total, y])
    return total
