# SPDX-License-Identifier: Apache-2.0
"""Activations and norms that a module computes by hand, or that ONNX has taken apart, found among the nodes."""

import math

from .graph import Value
from .sizes import Size


def made_by(value, *ops):
    """The node of these operators that a value is of; else None."""
    return value.node if isinstance(value, Value) and value.node is not None and value.node.op in ops else None


def other(node, value):
    """What a node of two inputs has beside `value`."""
    return next((item for item in node.inputs if item is not value), None)


def near(number, wanted):
    return isinstance(number, (int, float)) and math.isclose(number, wanted, rel_tol=1e-5)


def with_number(value, *ops):
    """(value, number) of a node of a value and a number."""
    node = made_by(value, *ops)
    if node is None or len(node.values()) != 1:
        return None, None
    return node.values()[0], other(node, node.values()[0])


# ---- Activations


def erf_argument(node):
    """x of erf(x / sqrt(2))."""
    x, number = with_number(node.inputs[0], "div", "mul")
    return (
        x
        if x is not None and near(number, math.sqrt(2) if node.inputs[0].node.op == "div" else math.sqrt(0.5))
        else None
    )


def tanh_argument(node):
    """x of tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))."""
    inner, number = with_number(node.inputs[0], "mul")
    plus = made_by(inner, "add")
    if plus is None or not near(number, math.sqrt(2 / math.pi)):
        return None
    for x in plus.values():
        cube, factor = with_number(other(plus, x), "mul")
        base, power = with_number(cube, "pow") if cube is not None else (None, None)
        if base is x and near(factor, 0.044715) and power == 3:
            return x
    return None


def find_activations(graph):
    """x * 0.5 * (1 + erf(x / sqrt(2))), its factors in any order, or with tanh, is gelu; x * sigmoid(x) is silu."""
    for node in graph.nodes:
        if node.op == "mul" and len(node.values()) == 2:
            for x, gate in (node.inputs, node.inputs[::-1]):
                sigmoid = made_by(gate, "sigmoid")
                if sigmoid is not None and sigmoid.inputs[0] is x:
                    node.op, node.inputs = "silu", [x]
                    break
    for node in [node for node in graph.nodes if node.op in ("erf", "tanh")]:
        x = erf_argument(node) if node.op == "erf" else tanh_argument(node)
        if x is not None:
            make_gelu(graph, node, x)
    graph.drop_dead()


def make_gelu(graph, inner, x):
    readers = graph.readers()
    only = lambda value: readers[value][0] if len(readers.get(value, ())) == 1 else None
    plus = only(inner.output)
    if plus is None or plus.op != "add" or not near(other(plus, inner.output), 1):
        return
    value, half, found = plus.output, 1.0, False
    while (node := only(value)) is not None and node.op in ("mul", "div") and not (found and near(half, 0.5)):
        factor = other(node, value)
        if isinstance(factor, Value):
            scaled, number = with_number(factor, "mul")
            if factor is not x and scaled is x:
                factor, half = x, half * number
            if factor is not x or found or node.op != "mul":
                return
            found = True
        elif node.op == "div" and node.inputs[0] is value:
            half /= factor
        elif node.op == "mul":
            half *= factor
        else:
            return
        value = node.output
    if found and near(half, 0.5):
        last = value.node
        last.config = {} if inner.op == "erf" else {"approximate": "tanh"}
        last.op, last.inputs = "gelu", [x]


# ---- Norms


def reduced(value, op):
    """(x, dims) of a reduction that keeps its dimensions."""
    node = made_by(value, op)
    if node is None or not node.config.get("keepdim") and node.inputs[0].rank != node.output.rank:
        return None, None
    return node.inputs[0], sorted(node.config["dims"])


def squared(value):
    node = made_by(value, "square", "mul")
    if node is None or node.op == "mul" and node.inputs[0] is not node.inputs[1]:
        return None
    return node.inputs[0]


def centred(value):
    """(x, dims) of x - mean(x)."""
    node = made_by(value, "sub")
    if node is None or len(node.values()) != 2:
        return None, None
    x, dims = reduced(node.inputs[1], "mean")
    return (x, dims) if x is node.inputs[0] else (None, None)


def quotient(node):
    """(a, b, number): the node is a / sqrt(b + number), in any of its spellings."""
    if len(node.values()) != 2:
        return None, None, None
    choices = (
        [(node.inputs[0], node.inputs[1], ("sqrt",))]
        if node.op == "div"
        else [(a, b, ("rsqrt", "reciprocal")) for a, b in (node.inputs, node.inputs[::-1])] if node.op == "mul" else []
    )
    for a, b, ops in choices:
        root = made_by(b, *ops)
        if root is not None and root.op == "reciprocal":
            root = made_by(root.inputs[0], "sqrt")
        if root is not None:
            inner, number = with_number(root.inputs[0], "add")
            if inner is not None:
                return a, inner, number
    return None, None, None


def norm_of(node):
    """(operator, x, dims, eps) of the norm that a node ends; else None."""
    a, mean, eps = quotient(node)
    if a is None or not isinstance(eps, (int, float)) or not 0 <= eps < 1:
        return None
    variance, dims = reduced(mean, "mean")
    base = squared(variance) if variance is not None else None
    if base is None:
        return None
    x, own = centred(base)
    of_a, dims_of_a = centred(a)
    if x is not None and of_a is x and own == dims == dims_of_a:
        return "layer_norm", x, dims, eps
    return ("rms_norm", a, dims, eps) if base is a else None


def unit_of(node):
    """(x, dim, eps) of x / max(l2 norm of x, eps); else None."""
    if node.op != "div" or len(node.values()) != 2:
        return None
    x, norm = node.inputs
    expanded = made_by(norm, "expand")
    limit = made_by(expanded.inputs[0] if expanded is not None else norm, "clamp")
    if limit is None or "max" in limit.config or "min" not in limit.config:
        return None
    root = made_by(limit.inputs[0], "sqrt")
    total, dims = reduced(root.inputs[0], "sum") if root is not None else (None, None)
    if total is None or squared(total) is not x or len(dims) != 1:
        return None
    return x, dims[0], limit.config["min"]


def affine(graph, value, dims, bias):
    """The weight and bias that are constants multiplied and added afterwards, and the value that has both."""
    weights, sizes = {}, [value.shape[dim] for dim in dims]
    if any(isinstance(size, Size) for size in sizes):
        return weights, value
    wanted = [value.shape[axis] if axis in dims else 1 for axis in range(dims[0], value.rank)]
    for name, op in (("weight", "mul"), ("bias", "add"))[: 2 if bias else 1]:
        readers = graph.readers().get(value, [])
        node = readers[0] if len(readers) == 1 else None
        constant = made_by(other(node, value), "constant") if node is not None and node.op == op else None
        if constant is None:
            continue
        shape = [1] * len(wanted) + list(constant.output.shape)
        if shape[-len(wanted):] != wanted or any(size != 1 for size in shape[:-len(wanted)]):
            break
        weights[name] = constant.weights["value"].reshape(sizes)
        value = node.output
    return weights, value


def find_norms(graph):
    """layer_norm, rms_norm and normalize. One over the channels of a map stands between two permutations."""
    for node in list(graph.nodes):
        if node not in graph.nodes:
            continue
        unit = unit_of(node)
        if unit is not None:
            node.op, node.inputs, node.config = "normalize", [unit[0]], {"dim": unit[1], "eps": float(unit[2])}
            graph.drop_dead()
            continue
        found = norm_of(node)
        if found is None:
            continue
        op, x, dims, eps = found
        last = dims == list(range(x.rank - len(dims), x.rank))
        if not last and dims != [1] or any(isinstance(x.shape[dim], Size) for dim in dims):
            continue
        weights, value = affine(graph, node.output, dims, op == "layer_norm")
        config = {"eps": float(eps), **({"dims": len(dims)} if len(dims) > 1 else {})}

        def norm(op=op, x=x, last=last, config=config, weights=weights, path=node.path):
            if not last:
                x = graph.node("permute", [x], {"dims": [0, *range(2, x.rank), 1]}, path=path)
            y = graph.node(op, [x], config, weights, path=path)
            back = {"dims": [0, x.rank - 1, *range(1, x.rank - 1)]}
            return y if last else graph.node("permute", [y], back, path=path)

        graph.substitute(value.node, norm)
        graph.drop_dead()


# ---- A filter for each pixel


def window_of(value):
    """(x, size, padding mode) of reshape(unfold(x padded)), which has size * size places as dimension 2; else None."""
    reshape = made_by(value, "reshape")
    unfold = made_by(reshape.inputs[0], "unfold") if reshape is not None else None
    if unfold is None or value.rank != 5:
        return None
    x, config = unfold.inputs[0], unfold.config
    (size, other_size), r = config["kernel_size"], config["kernel_size"][0] // 2
    if (
        size != other_size
        or size % 2 == 0
        or config["stride"] != [1, 1]
        or config["dilation"] != [1, 1]
        or type(value.shape[2]) is not int
        or value.shape[2] != size * size
    ):
        return None
    if config["padding"] == [r, r]:
        return x, size, "zeros"
    pad = made_by(x, "pad")
    if config["padding"] != [0, 0] or pad is None or pad.config["padding"] != [r] * 4 or pad.config.get("value"):
        return None
    modes = {"replicate": "replicate", "constant": "zeros"}
    mode = modes.get(pad.config.get("mode", "constant"))
    return (pad.inputs[0], size, mode) if mode else None


def find_filters(graph):
    """The sum over the places of unfold(x) * kernels is apply_kernels; with the softmax before, where nothing else
    reads it."""
    for total in list(graph.nodes):
        product = made_by(total.inputs[0], "mul") if total.op == "sum" else None
        if product is None or total.config["dims"] != [2] or total.config["keepdim"] or len(product.values()) != 2:
            continue
        for windows, kernels in (product.inputs, product.inputs[::-1]):
            found, spread = window_of(windows), made_by(kernels, "reshape")
            if (
                found is None
                or spread is None
                or kernels.rank != 5
                or spread.inputs[0].rank != 4
                or not (type(kernels.shape[1]) is int and kernels.shape[1] == 1)
            ):
                continue
            x, size, mode = found
            filters, config = spread.inputs[0], {"size": size}
            softmax = made_by(filters, "softmax")
            if softmax is not None and softmax.config["dim"] == 1 and len(graph.readers()[filters]) == 1:
                filters, config["normalize"] = softmax.inputs[0], "softmax"
            if mode != "replicate":
                config["padding_mode"] = mode
            total.op, total.inputs, total.config = "apply_kernels", [x, filters], config
            break
    graph.drop_dead()
