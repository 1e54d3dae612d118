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
        elif node.op == "slice" and node.config.get("step", 1) == 1 and same(graph.book, x.shape, node.output.shape):
            graph.replace(node.output, x)
        elif node.op == "neg" and before is not None and before.op == "neg":
            graph.replace(node.output, before.inputs[0])
        elif node.op in BINARY and changes_nothing(node):
            graph.replace(node.output, x)
        elif node.op in BINARY and len(node.values()) == 2:
            narrow(graph, node)


def narrow(graph, node):
    """An operand that is expanded to what it would broadcast to anyway is not."""
    text = graph.book.text
    for place in (0, 1):
        expanded, beside = node.inputs[place], node.inputs[1 - place]
        before = expanded.node
        if before is None or before.op != "expand" or beside.rank != node.output.rank:
            continue
        source = before.inputs[0]
        sizes = [1] * (node.output.rank - source.rank) + list(source.shape)
        if all(
            text(size) == text(wanted) or text(size) == 1 and text(other) == text(wanted)
            for size, other, wanted in zip(sizes, beside.shape, node.output.shape)
        ):
            node.inputs[place] = source


def moves_only_ones(node):
    sizes = node.inputs[0].shape
    kept = [dim for dim in node.config["dims"] if not (type(sizes[dim]) is int and sizes[dim] == 1)]
    return kept == sorted(kept)


def changes_nothing(node):
    number = node.inputs[1]
    return (
        isinstance(number, (int, float))
        and not isinstance(number, bool)
        and (node.op in ("mul", "div") and number == 1 or node.op in ("add", "sub") and number == 0)
    )


def same(book, a, b):
    """Whether two shapes are known to be equal."""
    return len(a) == len(b) and all(book.text(p) == book.text(q) for p, q in zip(a, b))


# ---- Slices before what is sliced


def slice_first(graph):
    """A slice of a permutation becomes a permutation of a slice, and a slice of a split dimension one of the whole:
    the parts of a tensor that holds queries, keys and values are then cut where a linear layer wrote them."""
    changed = True
    while changed:
        changed = False
        graph.drop_dead()
        readers = graph.readers()
        for node in list(graph.nodes):
            before = node.inputs[0].node if node.op == "slice" else None
            if (
                before is None
                or before.op not in ("permute", "reshape")
                or any(reader is None or reader.op != "slice" for reader in readers[before.output])
            ):
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
            graph.substitute(
                node,
                lambda: graph.node(
                    before.op, [graph.node("slice", [x], config, path=node.path)], move, path=before.path
                ),
            )
            changed = True
            break


def of_whole(whole, split, config):
    """A slice of a reshape's dimension as one of the dimension that it is the outermost part of; else None."""
    dim, start, stop = config["dim"], config.get("start", 0), config.get("stop")
    if (
        config.get("step", 1) != 1
        or any(isinstance(item, Size) for item in (start, stop))
        or isinstance(split[dim], Size)
    ):
        return None
    axis = 0
    while (
        axis < min(dim, len(whole)) and str(whole[axis]) == str(split[axis]) and type(whole[axis]) is type(split[axis])
    ):
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
    """A permutation without sizes of 1, neighbours that stay neighbours as one: groups of input dimensions, and their
    order."""
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


def drop_ones(graph):
    """Dimensions of 1 that a permutation between two reshapes carries along go, but the batch."""
    readers = graph.readers()
    for node in list(graph.nodes):
        before = node.inputs[0].node if node.op == "permute" and node.output.rank > 4 else None
        after = readers.get(node.output, []) if before is not None and before.op == "reshape" else []
        if len(after) != 1 or after[0] is None or after[0].op != "reshape":
            continue
        sizes = before.output.shape
        kept = [axis for axis, size in enumerate(sizes) if axis == 0 or type(size) is not int or size != 1]
        order = [kept.index(dim) for dim in node.config["dims"] if dim in kept]

        def without_ones(node=node, before=before, shape=[sizes[axis] for axis in kept], order=order):
            x = graph.node("reshape", [before.inputs[0]], {"shape": shape}, path=before.path)
            x = graph.node("permute", [x], {"dims": order}, path=node.path)
            return graph.node("reshape", [x], {"shape": list(node.output.shape)}, path=node.path)

        if len(kept) < len(sizes):
            graph.substitute(node, without_ones)


def lower_ranks(graph):
    """Permutations of more dimensions than the library has, such as those that take images apart into patches."""
    for node in list(graph.nodes):
        if node.op != "permute" or node.output.rank <= HIGHEST_RANK:
            continue
        shape = list(node.output.shape)
        graph.substitute(
            node,
            lambda: graph.node(
                "reshape",
                [permuted(graph, node.inputs[0], list(node.inputs[0].shape), node.config["dims"], node.path)],
                {"shape": shape},
                path=node.path,
            ),
        )


# ---- Rolls


def end_of(graph, node):
    """(x, dim, start, stop) of a slice of step 1, its positions counted from the front; else None."""
    if node is None or node.op != "slice" or node.config.get("step", 1) != 1:
        return None
    x, dim = node.inputs[0], node.config["dim"]
    size = x.shape[dim]
    start, stop = node.config.get("start", 0), node.config.get("stop")
    start = size + start if type(start) is int and start < 0 else start
    stop = size if stop is None or type(stop) is int and type(size) is int and stop > size else stop
    stop = size + stop if type(stop) is int and stop < 0 else stop
    return x, dim, graph.book.text(start), graph.book.text(stop)


def find_rolls(graph):
    """The end of a tensor put before its beginning is a roll, as ONNX has to say it."""
    for node in graph.nodes:
        if node.op != "concat" or len(node.inputs) != 2:
            continue
        first, second = (end_of(graph, value.node) for value in node.inputs)
        if first is None or second is None or first[:2] != second[:2] or first[1] != node.config["dim"]:
            continue
        x, dim, start, stop = first
        if stop == graph.book.text(x.shape[dim]) and second[2:] == (0, start) and type(start) is int:
            node.op, node.inputs, node.config = "roll", [x], {"shifts": [-start], "dims": [dim]}
        elif stop == graph.book.text(x.shape[dim]) and second[2] == 0 and second[3] == start:
            shift = node.inputs[0].node.config["start"]
            if type(shift) is int and shift < 0:
                node.op, node.inputs, node.config = "roll", [x], {"shifts": [-shift], "dims": [dim]}
    for node in list(graph.nodes):  # one after another along other dimensions
        before = node.inputs[0].node if node.op == "roll" else None
        if before is not None and before.op == "roll" and not set(before.config["dims"]) & set(node.config["dims"]):
            node.config = {name: before.config[name] + node.config[name] for name in ("shifts", "dims")}
            node.inputs = [before.inputs[0]]
    graph.drop_dead()
