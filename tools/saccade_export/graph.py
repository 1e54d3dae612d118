# SPDX-License-Identifier: Apache-2.0
"""A network while it is exported: nodes of the operators of docs/networks.md over values, and the shapes they have."""

import math

from checkpoints import ExportError

from .book import Book
from .sizes import Size, expression_of

UNARY = (
    "relu",
    "gelu",
    "silu",
    "sigmoid",
    "tanh",
    "leaky_relu",
    "elu",
    "softplus",
    "hardswish",
    "hardsigmoid",
    "mish",
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "rsqrt",
    "square",
    "abs",
    "neg",
    "reciprocal",
    "sin",
    "cos",
    "clamp",
)
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "pow")
SAME_SHAPE = UNARY + (
    "roll",
    "softmax",
    "layer_norm",
    "rms_norm",
    "group_norm",
    "normalize",
    "batch_norm",
    "identity",
    "dropout",
    "apply_kernels",
    "warp",
)


class Value:
    """A tensor of the network: an input, a state or a result of a node."""

    def __init__(self, shape, node=None, name=None):
        self.shape, self.node, self.name = tuple(shape), node, name

    @property
    def rank(self):
        return len(self.shape)


class Node:
    """An operator. weights: parameter -> tensor. path: of the module that it is of; place: file and line of its
    call."""

    def __init__(self, op, inputs, config, weights, path, place):
        self.op, self.inputs, self.config, self.weights = op, list(inputs), dict(config), dict(weights)
        self.path, self.place, self.name, self.share, self.parameter = path, place, None, None, None
        self.outputs = []
        self.precision = None
        self.whole = False  # whether it is all that the module of its path does

    @property
    def output(self):
        return self.outputs[0]

    def values(self):
        return [item for item in self.inputs if isinstance(item, Value)]


class Graph:
    def __init__(self):
        self.book = Book()
        self.inputs, self.states, self.nodes, self.outputs = [], [], [], []
        self.path, self.place = "", ""  # of what is being traced

    def node(self, op, inputs=(), config=None, weights=None, shapes=None, path=None):
        """Appends a node and returns its only result, or a list of its results where `shapes` names several."""
        weights = {name: tensor for name, tensor in (weights or {}).items() if tensor is not None}
        node = Node(op, inputs, config or {}, weights, self.path if path is None else path, self.place)
        several = shapes is not None and len(shapes) > 1
        shapes = shapes or [infer(self.book, node)]
        node.outputs = [Value(shape, node) for shape in shapes]
        self.nodes.append(node)
        return node.outputs if several else node.output

    def constant(self, tensor, path=None):
        return self.node("constant", weights={"value": tensor}, shapes=[tuple(tensor.shape)], path=path)

    def readers(self):
        """value -> the nodes that read it, and None for each output or state that is it."""
        found = {}
        for node in self.nodes:
            for value in node.values():
                found.setdefault(value, []).append(node)
        for value in [value for _, value in self.outputs] + [state["next"] for state in self.states]:
            found.setdefault(value, []).append(None)
        return found

    def drop_dead(self):
        """Nodes that nothing reads go."""
        wanted = {value for _, value in self.outputs} | {state["next"] for state in self.states}
        kept = []
        for node in reversed(self.nodes):
            if any(value in wanted for value in node.outputs):
                kept.append(node)
                wanted.update(node.values())
        self.nodes = kept[::-1]

    def substitute(self, node, make):
        """What make() appends takes the place of a node; its last result that of the node's."""
        at, mark = self.nodes.index(node), len(self.nodes)
        value = make()
        made = self.nodes[mark:]
        del self.nodes[mark:]
        self.nodes[at : at + 1] = made
        self.replace(node.output, value)
        return value

    def replace(self, old, new):
        """Whatever reads `old` reads `new`."""
        for node in self.nodes:
            node.inputs = [new if item is old else item for item in node.inputs]
        self.outputs = [(name, new if value is old else value) for name, value in self.outputs]
        for state in self.states:
            state["next"] = new if state["next"] is old else state["next"]


# ---- Shapes


def broadcast(book, *shapes):
    rank = max(map(len, shapes))
    result = []
    for axis in range(rank):
        known = 1
        for shape in shapes:
            place = axis - rank + len(shape)
            size = shape[place] if place >= 0 else 1
            if type(size) is int and size == 1:
                continue
            known = size if type(known) is int and known == 1 else book.equal(known, size)
        result.append(known)
    return tuple(result)


def pair(value, count=2):
    return list(value) if isinstance(value, (list, tuple)) else [value] * count


def static(book, size):
    """A size that a layer's weights fix."""
    if isinstance(size, Size):
        book.fix(size)
        return size.plain
    return size


def taps(size, kernel, stride, padding, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def without(shape, dims, keepdim):
    dims = [dim % len(shape) for dim in dims]
    if keepdim:
        return tuple(1 if axis in dims else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in dims)


def positions(book, size, start, stop, step):
    """How many positions a slice takes: those of Python, as far as the example shows which of them it is."""
    if type(size) is int:
        return len(range(*slice(start, stop, step).indices(size)))
    start = 0 if start is None else start + size if start < 0 else start
    if stop is None:
        stop = size
    elif stop < 0:
        stop = stop + size
    elif not book.never_negative(expression_of(size - stop)) and stop >= size:
        stop = size
    return -(-(stop - start) // step)


def reshaped(book, shape, wanted):
    """The sizes of a reshape, -1 found."""
    wanted = list(wanted)
    total = book.size(math.prod(shape))
    if -1 in [item for item in wanted if type(item) is int]:
        place = [type(item) is int and item == -1 for item in wanted].index(True)
        rest = book.size(math.prod(item for axis, item in enumerate(wanted) if axis != place))
        quotient = book.size(total // rest)
        if isinstance(quotient, Size) and isinstance(book.size(quotient * rest - total), Size):
            for size in (total, rest):  # pieces that only fit where sizes are multiples
                if isinstance(size, Size):
                    book.divide_evenly(size.expression)
            quotient = book.size(book.size(total) // book.size(rest))
        wanted[place] = quotient
    else:
        book.equal(total, math.prod(wanted))
    return tuple(book.size(item) for item in wanted)


def infer(book, node):
    """The shape of the result."""
    op, config, weights = node.op, node.config, node.weights
    shapes = [item.shape for item in node.inputs if isinstance(item, Value)]
    x = tuple(book.size(size) for size in shapes[0]) if shapes else ()
    if op in BINARY or op == "lerp":
        return broadcast(book, *shapes)
    if op in SAME_SHAPE:
        return x
    if op == "reshape":
        return reshaped(book, x, config["shape"])
    if op == "permute":
        return tuple(x[dim] for dim in config["dims"])
    if op == "slice":
        dim = config["dim"] % len(x)
        size = positions(book, x[dim], config.get("start", 0), config.get("stop"), config.get("step", 1))
        return x[:dim] + (size,) + x[dim + 1 :]
    if op == "expand":
        return tuple(config["shape"])
    if op == "concat":
        dim = config["dim"] % len(x)
        sizes = list(x)
        for shape in shapes[1:]:
            for axis, size in enumerate(shape):
                sizes[axis] = sizes[axis] + size if axis == dim else book.equal(sizes[axis], size)
        return tuple(sizes)
    if op == "pad":
        sizes = list(x)
        for axis, (before, after) in enumerate(zip(config["padding"][::2], config["padding"][1::2])):
            sizes[-1 - axis] = sizes[-1 - axis] + before + after
        return tuple(sizes)
    if op in ("pixel_shuffle", "pixel_unshuffle"):
        r = config.get("upscale_factor") or config["downscale_factor"]
        if op == "pixel_shuffle":
            return (*x[:-3], x[-3] // (r * r), x[-2] * r, x[-1] * r)
        return (*x[:-3], x[-3] * r * r, x[-2] // r, x[-1] // r)
    if op in ("mean", "sum", "amax"):
        return without(x, config["dims"], config.get("keepdim", False))
    if op == "matmul":
        a, b = shapes
        book.equal(a[-1], b[-2])
        return (*broadcast(book, a[:-2], b[:-2]), a[-2], b[-1])
    if op == "linear":
        book.equal(x[-1], weights["weight"].shape[1])
        return (*x[:-1], weights["weight"].shape[0])
    if op in ("conv1d", "conv2d", "conv3d"):
        count = int(op[4])
        kernel = weights["weight"].shape[2:]
        each = [
            pair(config.get(name, default), count) for name, default in (("stride", 1), ("padding", 0), ("dilation", 1))
        ]
        book.equal(x[1], weights["weight"].shape[1] * config.get("groups", 1))
        return (x[0], weights["weight"].shape[0], *(taps(*item) for item in zip(x[2:], kernel, *each)))
    if op == "conv_transpose2d":
        kernel = weights["weight"].shape[2:]
        each = [
            pair(config.get(name, default))
            for name, default in (("stride", 1), ("padding", 0), ("output_padding", 0), ("dilation", 1))
        ]
        book.equal(x[1], weights["weight"].shape[0])
        return (
            x[0],
            weights["weight"].shape[1] * config.get("groups", 1),
            *((size - 1) * s - 2 * p + d * (k - 1) + o + 1 for size, k, s, p, o, d in zip(x[2:], kernel, *each)),
        )
    if op in ("max_pool2d", "avg_pool2d"):
        kernel = pair(config["kernel_size"])
        each = kernel, pair(config.get("stride", kernel)), pair(config.get("padding", 0))
        return (*x[:-2], *(taps(*item) for item in zip(x[-2:], *each)))
    if op == "interpolate":
        if "size" in config:
            return (*x[:2], *config["size"])
        return (*x[:2], *(scaled(book, size, factor) for size, factor in zip(x[2:], pair(config["scale_factor"]))))
    if op == "unfold":
        each = [config[name] for name in ("kernel_size", "stride", "padding", "dilation")]
        return (x[0], x[1] * math.prod(config["kernel_size"]), math.prod(taps(*item) for item in zip(x[2:], *each)))
    if op == "scaled_dot_product_attention":
        q, k, v, *bias = shapes
        book.equal(k[-2], v[-2])
        scores = broadcast(book, (*broadcast(book, q[:-2], k[:-2], v[:-2]), q[-2], k[-2]), *bias)
        return (*scores[:-1], v[-1])
    raise ExportError(f"{op}: no rule for its shape")


def scaled(book, size, factor):
    """floor(size * factor)"""
    if type(size) is int:
        return math.floor(size * factor)
    numerator, denominator = float(factor).as_integer_ratio()
    if denominator > 4096:  # a third and the like
        if abs(1 / factor - round(1 / factor)) < 1e-12:
            return size // round(1 / factor)
        return math.floor(static(book, size) * factor)
    return size * numerator // denominator
