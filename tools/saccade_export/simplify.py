# SPDX-License-Identifier: Apache-2.0
"""Rewrites of a traced network that give the same numbers with fewer nodes."""

from types import SimpleNamespace

import torch

from .attention_pattern import recognise_attention
from .graph import Value, pair
from .large_kernels import lower_large_kernels
from .layer_patterns import find_activations, find_filters, find_norms
from .moves import drop_ones, find_rolls, lower_ranks, merge_moves, slice_first
from .network_file import setting
from .shaping import lower_unfold


def simplify(graph):
    fold_batch_norms(graph)
    fold_padding(graph)
    settle(graph)
    find_activations(graph)
    find_norms(graph)
    find_rolls(graph)
    find_filters(graph)
    lower(graph, "unfold", lower_unfold)
    fold_biases(graph)
    lower_large_kernels(graph)
    settle(graph)
    recognise_attention(graph)
    settle(graph)
    slice_first(graph)
    settle(graph)
    drop_ones(graph)
    lower_ranks(graph)
    settle(graph)


def lower(graph, op, function):
    """Nodes of an operator that only the exporter has become others."""
    t = SimpleNamespace(graph=graph, book=graph.book)
    for node in [node for node in graph.nodes if node.op == op]:
        graph.path, graph.place = node.path, node.place
        graph.substitute(node, lambda: function(t, *node.inputs, node.config))


def settle(graph):
    """What can be done again and again, until nothing changes."""
    before = None
    while signature(graph) != before:
        before = signature(graph)
        fold_constants(graph)
        merge_moves(graph)
        merge_equal(graph)
        graph.drop_dead()


def merge_equal(graph):
    """Nodes that compute the same of the same are one."""
    first = {}
    for node in list(graph.nodes):
        key = (
            node.op,
            repr([item if not isinstance(item, Value) else id(item) for item in node.inputs]),
            repr([(name, setting(graph, item)) for name, item in node.config.items()]),
            tuple((name, id(tensor)) for name, tensor in node.weights.items()),
        )
        kept = first.setdefault(key, node)
        if kept is not node:
            graph.replace(node.output, kept.output)


def signature(graph):
    return [(id(node), node.op, tuple(map(id, node.inputs))) for node in graph.nodes]


# ---- Batch norm and padding


def fold_batch_norms(graph):
    """Into the convolution or linear layer that it follows, where nothing else reads that; else a factor and a sum."""
    readers = graph.readers()
    for node in list(graph.nodes):
        if node.op != "batch_norm":
            continue
        x, scale, shift = node.inputs[0], node.weights["scale"], node.weights["shift"]
        before = x.node
        foldable = (
            before is not None
            and len(readers[x]) == 1
            and before.op in ("conv1d", "conv2d", "conv3d", "conv_transpose2d")
            or before is not None
            and before.op == "linear"
            and x.rank == 2
            and len(readers[x]) == 1
        )
        if foldable:
            weight, bias = before.weights["weight"].double(), before.weights.get("bias")
            if before.op == "conv_transpose2d":  # (in, out / groups, ...)
                groups = before.config.get("groups", 1)
                factor = (
                    scale.reshape(groups, 1, -1)
                    .expand(-1, weight.shape[0] // groups, -1)
                    .reshape(weight.shape[0], -1, 1, 1)
                )
            else:
                factor = scale.reshape(-1, *[1] * (weight.dim() - 1))
            before.weights["weight"] = weight * factor
            before.weights["bias"] = shift + (0 if bias is None else bias.double() * scale)
            graph.replace(node.output, x)
        else:
            shape = [1, -1] + [1] * (x.rank - 2)

            def scaled_and_moved(x=x, node=node, factor=scale.reshape(shape), offset=shift.reshape(shape)):
                y = graph.node("mul", [x, graph.constant(factor, node.path)], path=node.path)
                return graph.node("add", [y, graph.constant(offset, node.path)], path=node.path)

            graph.substitute(node, scaled_and_moved)
    graph.drop_dead()


def fold_padding(graph):
    """A pad of both sides alike that only a convolution reads becomes the convolution's own."""
    readers = graph.readers()
    for node in list(graph.nodes):
        pad = node.inputs[0].node if node.op in ("conv1d", "conv2d", "conv3d") else None
        if pad is None or pad.op != "pad" or len(readers[pad.output]) != 1 or node.config.get("padding_mode"):
            continue
        count, mode, padding = int(node.op[4]), pad.config.get("mode", "constant"), pad.config["padding"]
        padding = padding + [0] * (2 * count - len(padding))
        own = pair(node.config.get("padding", 0), count)
        if (
            len(padding) != 2 * count
            or mode not in ("constant", "replicate", "reflect")
            or pad.config.get("value")
            or any(type(size) is not int for size in padding)
            or padding[::2] != padding[1::2]
            or mode != "constant"
            and any(own)
        ):
            continue
        sides = [size + more for size, more in zip(padding[::2][::-1], own)]
        node.config["padding"] = sides[0] if len(set(sides)) == 1 else sides
        if mode != "constant":
            node.config["padding_mode"] = mode
        node.inputs[0] = pad.inputs[0]
    graph.drop_dead()


WITH_BIAS = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d")


def fold_biases(graph):
    """A constant that is added to what a linear layer or convolution without a bias gives becomes its bias."""
    readers = graph.readers()
    for node in list(graph.nodes):
        if node.op != "add" or len(node.values()) != 2:
            continue
        for x, added in (node.inputs, node.inputs[::-1]):
            layer, constant = x.node, added.node
            if (
                layer is None
                or constant is None
                or constant.op != "constant"
                or len(readers[x]) != 1
                or layer.op not in WITH_BIAS
                or "bias" in layer.weights
            ):
                continue
            axis = x.rank - 1 if layer.op == "linear" else 1
            shape = [1] * (x.rank - added.rank) + list(added.shape)
            channels = x.shape[axis]
            if len(shape) == x.rank and shape == [channels if place == axis else 1 for place in range(x.rank)]:
                layer.weights["bias"] = constant.weights["value"].reshape(-1)
                graph.replace(node.output, x)
                break
    graph.drop_dead()


# ---- Constants


LARGEST = 1 << 20  # numbers that a sum or product of constants may have


def fold_constants(graph):
    """Moves of a constant are a constant, and so are sums and products of two."""
    for node in list(graph.nodes):
        source = node.inputs[0].node if node.inputs and isinstance(node.inputs[0], Value) else None
        if source is None or source.op != "constant":
            continue
        if node.op in ("add", "sub", "mul") and isinstance(node.inputs[1], Value):
            other_source = node.inputs[1].node
            if other_source is not None and other_source.op == "constant":
                a, b = (item.weights["value"].double() for item in (source, other_source))
                tensor = {"add": torch.add, "sub": torch.sub, "mul": torch.mul}[node.op](a, b)
                if tensor.numel() <= LARGEST:
                    become_constant(node, source, tensor)
            continue
        if node.op not in ("reshape", "permute", "expand", "slice", "neg"):
            continue
        tensor = source.weights["value"]
        if node.op in ("reshape", "expand"):
            sizes = [graph.book.size(size) for size in node.config["shape"]]
            if any(type(size) is not int for size in sizes):
                continue
            tensor = tensor.reshape(sizes) if node.op == "reshape" else tensor.expand(sizes)
        elif node.op == "permute":
            tensor = tensor.permute(node.config["dims"])
        elif node.op == "neg":
            tensor = -tensor
        else:
            limits = [graph.book.size(node.config.get(name)) for name in ("start", "stop")]
            if any(type(limit) not in (int, type(None)) for limit in limits):
                continue
            places = range(tensor.shape[node.config["dim"]])[slice(*limits, node.config.get("step", 1))]
            tensor = tensor.index_select(node.config["dim"], torch.tensor(list(places), dtype=torch.int64))
        become_constant(node, source, tensor)


def become_constant(node, source, tensor):
    node.op, node.inputs, node.config = "constant", [], {}
    node.weights = {"value": tensor.contiguous()}
    node.path = source.path if len(source.path) > len(node.path) else node.path
