# SPDX-License-Identifier: Apache-2.0
"""Attention that a module computes by hand, found among its nodes: softmax(q k^T * scale + bias) v."""

import math

import torch

from .graph import Value


WIDEST = 256  # channels of a head


def is_width(size):
    return type(size) is int and size <= WIDEST


class Scores:
    """What leads from a product of queries and keys to a softmax."""

    def __init__(self, product):
        self.product, self.scale, self.biases, self.factors = product, 1.0, [], []


def recognise_attention(graph):
    """Each softmax of a product that only a product with the values reads becomes scaled_dot_product_attention."""
    readers = graph.readers()
    for softmax in [node for node in graph.nodes if node.op == "softmax"]:
        x = softmax.inputs[0]
        after = readers.get(softmax.output, [])
        if softmax.config["dim"] != x.rank - 1 or len(after) != 1 or after[0] is None:
            continue
        last = after[0]
        if (
            last.op != "matmul"
            or not is_width(last.inputs[1].shape[-1])
            or last.inputs[0] is not softmax.output
            or last.inputs[1] is softmax.output
        ):
            continue
        mark, at = len(graph.nodes), graph.nodes.index(last)
        scores = follow(graph, x, readers)
        if scores is None or not is_width(scores.product.inputs[0].shape[-1]):
            del graph.nodes[mark:]
            continue
        attention(graph, scores, last)
        made = graph.nodes[mark:]  # from the first bias that follow() moved
        del graph.nodes[mark:]
        graph.nodes[at : at + 1] = made
        graph.replace(last.output, made[-1].output)
        readers = graph.readers()


def follow(graph, value, readers):
    """From the softmax's input back to the product. None where it is something else."""
    node = value.node
    if node is None or len(readers[value]) != 1:
        return None
    if node.op == "matmul":
        return Scores(node)
    if (
        node.op in ("mul", "div")
        and isinstance(node.inputs[1], (int, float))
        or node.op == "mul"
        and isinstance(node.inputs[0], (int, float))
    ):
        number = node.inputs[1] if isinstance(node.inputs[0], Value) else node.inputs[0]
        number = 1 / number if node.op == "div" else number
        scores = follow(graph, node.values()[0], readers)
        if scores is not None:
            scores.scale *= number
            scores.biases = [(bias, factor * number) for bias, factor in scores.biases]
        return scores
    if node.op == "mul" and len(node.values()) == 2:  # a constant for each head goes to the queries
        for inner, factor in (node.inputs, node.inputs[::-1]):
            constant = factor.node is not None and factor.node.op == "constant"
            if constant and factor.rank >= 2 and list(factor.shape[-2:]) == [1, 1]:
                scores = follow(graph, inner, readers)
                if scores is not None and not scores.biases:
                    scores.factors.append(factor)
                    return scores
                return None
        return None
    if node.op == "add" and len(node.values()) == 2:
        for inner, bias in (node.inputs, node.inputs[::-1]):
            if len(inner.shape) == len(value.shape) and list(map(int_of, inner.shape)) == list(
                map(int_of, value.shape)
            ):
                scores = follow(graph, inner, readers)
                if scores is not None:
                    scores.biases.append((bias, 1.0))
                    return scores
        return None
    if node.op == "reshape":
        inner = node.inputs[0]
        groups = leading_groups(inner.shape, value.shape)
        scores = follow(graph, inner, readers) if groups is not None else None
        if scores is not None and scores.factors:
            return None
        if scores is not None:  # biases of the inner shape come to have the outer one
            back = leading_groups(value.shape, inner.shape)
            if back is None or any(
                carried(bias.shape, inner.shape, groups, value.shape) is None for bias, _ in scores.biases
            ):
                return None
            scores.biases = [
                (move(graph, bias, inner.shape, groups, value.shape), factor) for bias, factor in scores.biases
            ]
        return scores
    return None


def int_of(size):
    return int.__add__(size, 0)


def leading_groups(old, new):
    """Which leading dimensions of `old` together are which of `new`: pairs of ranges; None where the last two
    change."""
    old, new = list(map(int_of, old)), list(map(int_of, new))
    if len(old) < 2 or len(new) < 2 or old[-2:] != new[-2:]:
        return None
    groups, i, j = [], 0, 0
    old, new = old[:-2], new[:-2]
    while i < len(old) or j < len(new):
        a, b, left, right = i, j, 1, 1
        while True:
            if left == right and (i > a or j > b) and not (left == 1 and (i < len(old) and j < len(new))):
                break
            if left <= right and i < len(old):
                left, i = left * old[i], i + 1
            elif j < len(new):
                right, j = right * new[j], j + 1
            else:
                return None if left != right else groups + [((a, i), (b, j))]
        groups.append(((a, i), (b, j)))
    return groups


def carried(shape, full, groups, wanted):
    """The leading sizes of a bias after the reshape, and those it is expanded to before; None where it is neither."""
    lead = [1] * (len(full) - len(shape)) + list(shape[:-2]) if len(shape) >= 2 else None
    if lead is None:
        return None
    expanded, result = [], []
    for (a, b), (c, d) in groups:
        ones = all(type(size) is int and size == 1 for size in lead[a:b])
        expanded += lead[a:b] if ones else list(full[a:b])
        result += [1] * (d - c) if ones else list(wanted[c:d])
    return expanded, result


def move(graph, bias, full, groups, wanted):
    """The bias in the shape that the scores have after a reshape."""
    expanded, result = carried(bias.shape, full, groups, wanted)
    tail = list(bias.shape[-2:])
    lead = [1] * (len(full) - bias.rank) + list(bias.shape[:-2])
    value = graph.node("reshape", [bias], {"shape": lead + tail}, path=bias.node.path if bias.node else "")
    if list(map(int_of, lead)) != list(map(int_of, expanded)):
        value = graph.node("expand", [value], {"shape": expanded + tail})
    return graph.node("reshape", [value], {"shape": result + tail})


def swapped(graph, value, path):
    dims = list(range(value.rank))
    dims[-2:] = dims[:-3:-1]
    return graph.node("permute", [value], {"dims": dims}, path=path)


def causal(tensor):
    """Whether a bias hides exactly what comes after the query."""
    if (
        tensor.dim() < 2
        or tensor.shape[-1] != tensor.shape[-2]
        or tensor.shape[-1] == 1
        or any(size != 1 for size in tensor.shape[:-2])
    ):
        return False
    tensor = tensor.reshape(tensor.shape[-2:])
    later = torch.ones_like(tensor, dtype=torch.bool).triu(1)
    return bool((tensor[later] <= -1e30).all() and (tensor[~later] == 0).all())


def total_bias(graph, scores, path):
    """One bias of all, and whether it was a causal mask instead."""
    total, is_causal, known = None, False, None
    for bias, factor in scores.biases:
        if bias.node is not None and bias.node.op == "constant":
            tensor = bias.node.weights["value"].double() * factor
            tensor = tensor.clamp(min=-1e30)
            if causal(tensor) and not is_causal:
                is_causal = True
            elif known is None:
                known = tensor if factor != 1 else bias.node.weights["value"]
            else:
                known = known.double() + tensor
            continue
        value = bias if factor == 1 else graph.node("mul", [bias, factor], path=path)
        total = value if total is None else graph.node("add", [total, value], path=path)
    if known is not None:
        constant = graph.constant(known, path)
        total = constant if total is None else graph.node("add", [total, constant], path=path)
    return total, is_causal


def without_factor(graph, value):
    """Queries before they are multiplied with a number, and the number, whatever moves them after that."""
    node, readers = value.node, graph.readers()
    if node is None or len(readers.get(value, ())) > 1:
        return value, 1.0
    if node.op in ("mul", "div") and len(node.values()) == 1:
        number = next(item for item in node.inputs if not isinstance(item, Value))
        if node.op == "mul" or node.inputs[0] is node.values()[0]:
            return node.values()[0], number if node.op == "mul" else 1 / number
    if node.op in ("reshape", "permute"):
        inner, factor = without_factor(graph, node.inputs[0])
        if factor != 1:
            return graph.node(node.op, [inner], node.config, path=node.path), factor
    return value, 1.0


def attention(graph, scores, last):
    """Appends the nodes that take the place of the last product."""
    product, path = scores.product, last.path
    q, transposed = product.inputs
    v = last.inputs[1]
    scale = scores.scale
    q, factor = without_factor(graph, q)
    transposed, other = without_factor(graph, transposed)
    scale *= factor * other
    k = swapped(graph, transposed, product.path)
    shape = list(last.inputs[0].shape[:-2])
    if list(map(int_of, shape)) != list(map(int_of, product.output.shape[:-2])):
        q, k = (graph.node("reshape", [x], {"shape": shape + list(x.shape[-2:])}, path=path) for x in (q, k))
    for value in scores.factors:
        q = graph.node("mul", [q, value], path=path)
    bias, is_causal = total_bias(graph, scores, path)
    width = int_of(q.shape[-1])
    config = {} if math.isclose(scale, width**-0.5, rel_tol=1e-6) else {"scale": scale}
    if is_causal:
        config["is_causal"] = True
    graph.node("scaled_dot_product_attention", [q, k, v] + ([bias] if bias is not None else []), config, path=path)
