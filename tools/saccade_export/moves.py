# SPDX-License-Identifier: Apache-2.0
"""Rewrites of nodes that only move numbers: reshapes, permutations, slices."""

from .graph import BINARY, Value
from .sizes import Size

AS_IS = ("identity", "dropout")
HIGHEST_RANK = 6


def merge_moves(graph):
    """Chains of reshapes, of permutations and of signs; those that change nothing."""
    for node in list(graph.nodes):
        if not node.inputs or not isinstance(node.inputs[0], Value):
            continue
        x = node.inputs[0]
        before = x.node
        if node.op in AS_IS:
            graph.replace(node.output, x)
        elif node.op == "reshape":
            if before is not None and before.op == "reshape":
                node.inputs[0] = x = before.inputs[0]
            node.config["shape"] = list(node.output.shape)
            if same(graph.book, x.shape, node.output.shape):
                graph.replace(node.output, x)
        elif node.op == "expand" and same(graph.book, x.shape, node.output.shape):
            graph.replace(node.output, x)
        elif node.op == "permute":
            if before is not None and before.op == "permute":
                node.config["dims"] = [before.config["dims"][dim] for dim in node.config["dims"]]
                node.inputs[0] = x = before.inputs[0]
            if node.config["dims"] == list(range(x.rank)):
                graph.replace(node.output, x)
            elif moves_only_ones(node):  # the same order in memory
                node.op, node.config = "reshape", {"shape": list(node.output.shape)}
        elif node.op == "neg" and before is not None and before.op == "neg":
            graph.replace(node.output, before.inputs[0])
        elif node.op in BINARY and changes_nothing(node):
            graph.replace(node.output, x)


def moves_only_ones(node):
    sizes = node.inputs[0].shape
    kept = [dim for dim in node.config["dims"] if not (type(sizes[dim]) is int and sizes[dim] == 1)]
    return kept == sorted(kept)


def changes_nothing(node):
    number = node.inputs[1]
    return isinstance(number, (int, float)) and not isinstance(number, bool) and \
        (node.op in ("mul", "div") and number == 1 or node.op in ("add", "sub") and number == 0)


def same(book, a, b):
    """Whether two shapes are known to be equal."""
    return len(a) == len(b) and all(book.text(p) == book.text(q) for p, q in zip(a, b))


# ---- Slices before what is sliced


def slice_first(graph):
    """A slice of a permutation becomes a permutation of a slice, and a slice of a split dimension one of the whole: the parts
    of a tensor that holds queries, keys and values are then cut where a linear layer wrote them."""
    changed = True
    while changed:
        changed = False
        graph.drop_dead()
        readers = graph.readers()
        for node in list(graph.nodes):
            before = node.inputs[0].node if node.op == "slice" else None
            if before is None or before.op not in ("permute", "reshape") or \
                    any(reader is None or reader.op != "slice" for reader in readers[before.output]):
                continue
            x, config = before.inputs[0], dict(node.config)
            if before.op == "permute":
                config["dim"] = before.config["dims"][config["dim"]]
                move = {"dims": before.config["dims"]}
            else:
                config = of_whole(x.shape, before.output.shape, config)
                move = {"shape": list(node.output.shape)}
            if config is None:
                continue
            graph.substitute(node, lambda: graph.node(
                before.op, [graph.node("slice", [x], config, path=node.path)], move, path=before.path))  # noqa: B023
            changed = True
            break


def of_whole(whole, split, config):
    """A slice of a reshape's dimension as one of the dimension that it is the outermost part of; else None."""
    dim, start, stop = config["dim"], config.get("start", 0), config.get("stop")
    if config.get("step", 1) != 1 or any(isinstance(item, Size) for item in (start, stop)) or isinstance(split[dim], Size):
        return None
    axis = 0
    while axis < min(dim, len(whole)) and str(whole[axis]) == str(split[axis]) and \
            type(whole[axis]) is type(split[axis]):
        axis += 1
    if axis != dim or dim >= len(whole) or isinstance(whole[dim], Size):
        return None
    inner, place = split[dim], dim
    while inner < whole[dim] and place + 1 < len(split) and not isinstance(split[place + 1], Size):
        place += 1
        inner *= split[place]
    if inner != whole[dim]:
        return None
    each = whole[dim] // split[dim]
    start, stop, _ = slice(start, stop).indices(split[dim])
    return {"dim": dim, "start": start * each, "stop": stop * each}


# ---- Ranks


def merged(sizes, dims):
    """A permutation without sizes of 1, neighbours that stay neighbours as one: groups of input dimensions, and their order."""
    order = [dim for dim in dims if not (type(sizes[dim]) is int and sizes[dim] == 1)]
    runs = []
    for dim in order:
        after = [d for d in range(len(sizes)) if runs and runs[-1][-1] < d < dim and d in order]
        if runs and runs[-1][-1] < dim and not after:
            runs[-1].append(dim)
        else:
            runs.append([dim])
    groups = sorted(runs)
    return groups, [groups.index(run) for run in runs]


def product(sizes):
    total = 1
    for size in sizes:
        total = total * size
    return total


def permuted(graph, x, sizes, dims, path):
    """A permutation of x, which has these sizes when it is reshaped, by permutations of few dimensions."""
    groups, order = merged(sizes, dims)
    shape = [product(sizes[dim] for dim in group) for group in groups]
    if len(groups) <= HIGHEST_RANK:
        x = graph.node("reshape", [x], {"shape": shape}, path=path)
        return graph.node("permute", [x], {"dims": order}, path=path)
    # Two neighbours travel as one to the place of the second, then the first goes on alone.
    pair = len(groups) - 2
    joined = shape[:pair] + [shape[pair] * shape[pair + 1]]
    first = [dim for dim in order if dim != pair]
    together = [min(dim, pair) for dim in first]
    x = permuted(graph, x, joined, together, path)
    apart = [part for dim in first for part in ([pair, pair + 1] if dim == pair + 1 else [dim])]
    return permuted(graph, x, [shape[dim] for dim in apart], [apart.index(dim) for dim in order], path)


def lower_ranks(graph):
    """Permutations of more dimensions than the library has, such as those that take images apart into patches."""
    for node in list(graph.nodes):
        if node.op != "permute" or node.output.rank <= HIGHEST_RANK:
            continue
        shape = list(node.output.shape)
        graph.substitute(node, lambda: graph.node("reshape", [permuted(
            graph, node.inputs[0], list(node.inputs[0].shape), node.config["dims"], node.path)],  # noqa: B023
            {"shape": shape}, path=node.path))  # noqa: B023
