# SPDX-License-Identifier: Apache-2.0
"""Arithmetic: functions of numbers, of pairs of them, and over dimensions."""

import math

import torch

from .graph import Value
from .trace import HIDDEN, Refused, takes


def binary(t, op, a, b):
    rank = max(item.rank for item in (a, b) if isinstance(item, Value))
    return t.graph.node(op, [t.operand(a, rank), t.operand(b, rank)])


def register_binary(op, names, reversed_names=()):
    takes(*names)(lambda t, a, b: binary(t, op, a, b))
    takes(*reversed_names)(lambda t, a, b: binary(t, op, b, a))


register_binary("mul", ("mul", "multiply", "__mul__", "__imul__", "__rmul__"))
register_binary("maximum", ("maximum", "fmax"))
register_binary("minimum", ("minimum", "fmin"))


def scaled_by(t, value, alpha):
    return (
        value
        if alpha == 1
        else (
            t.operand(value) * alpha
            if not isinstance(value, Value) and not torch.is_tensor(value)
            else binary(t, "mul", value, alpha) if isinstance(value, Value) else value * alpha
        )
    )


@takes("add", "__add__", "__radd__", "__iadd__")
def plus(t, a, b=None, alpha=1, other=None):
    return binary(t, "add", a, scaled_by(t, b if other is None else other, alpha))


@takes("sub", "subtract", "__sub__", "__isub__")
def minus(t, a, b=None, alpha=1, other=None):
    return binary(t, "sub", a, scaled_by(t, b if other is None else other, alpha))


@takes("rsub", "__rsub__")
def minus_from(t, a, b, alpha=1):
    return binary(t, "sub", b, scaled_by(t, a, alpha))


@takes("div", "divide", "true_divide", "__truediv__", "__itruediv__", "__div__")
def divide(t, a, b, rounding_mode=None):
    if rounding_mode is not None:
        raise Refused(f"rounding_mode={rounding_mode!r} is no operator of the library")
    return binary(t, "div", a, b)


@takes("__rtruediv__", "__rdiv__")
def divide_into(t, a, b):
    return t.graph.node("reciprocal", [a]) if b == 1 and not torch.is_tensor(b) else binary(t, "div", b, a)


@takes("pow", "float_power", "__pow__", "__ipow__")
def power(t, a, exponent):
    if isinstance(a, Value) and not isinstance(exponent, Value):
        simple = {2: "square", 0.5: "sqrt", -0.5: "rsqrt", -1: "reciprocal"}
        number = t.operand(exponent)
        if not isinstance(number, Value) and number in simple:
            return t.graph.node(simple[number], [a])
        if number == 1:
            return a
    return binary(t, "pow", a, exponent)


@takes("__rpow__")
def power_of(t, a, base):
    return binary(t, "pow", base, a)


for _op in (
    "sigmoid",
    "tanh",
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "rsqrt",
    "square",
    "sin",
    "cos",
    "reciprocal",
    "abs",
    "relu",
    "silu",
    "hardswish",
    "hardsigmoid",
    "mish",
    "erf",
):
    takes(_op)(lambda t, x, inplace=False, op=_op: t.graph.node(op, [x], shapes=[x.shape]))
takes("absolute", "__abs__")(lambda t, x: t.graph.node("abs", [x]))
takes("neg", "negative", "__neg__")(lambda t, x: t.graph.node("neg", [x]))
takes("positive", "__pos__")(lambda t, x: x)


def composed(t, x, *steps):
    """x through operators that take one tensor, or a number beside it."""
    for op, *number in steps:
        x = t.graph.node(op, [x, *number])
    return x


takes("exp2")(lambda t, x: composed(t, x, ("mul", math.log(2)), ("exp",)))
takes("log2")(lambda t, x: composed(t, x, ("log",), ("mul", 1 / math.log(2))))
takes("log10")(lambda t, x: composed(t, x, ("log",), ("mul", 1 / math.log(10))))
takes("logsigmoid", "log_sigmoid")(lambda t, x: composed(t, x, ("neg",), ("softplus",), ("neg",)))


@takes("gelu")
def gelu(t, x, approximate="none"):
    return t.graph.node("gelu", [x], {} if approximate == "none" else {"approximate": approximate})


@takes("leaky_relu")
def leaky_relu(t, x, negative_slope=0.01, inplace=False):
    return t.graph.node("leaky_relu", [x], {"negative_slope": float(negative_slope)})


@takes("prelu")
def prelu(t, x, weight):
    weight = t.weight(weight)
    if weight.numel() == 1:
        return leaky_relu(t, x, float(weight))
    shape = [1, -1] + [1] * (x.rank - 2) if x.rank > 1 else [-1]
    below = composed(t, x, ("neg",), ("relu",), ("mul", t.constant(weight.reshape(shape))))
    return t.graph.node("sub", [t.graph.node("relu", [x]), below])


@takes("elu")
def elu(t, x, alpha=1.0, scale=1.0, input_scale=1.0, inplace=False):
    result = t.graph.node("elu", [x], {"alpha": float(alpha)})
    return result if scale == 1 else t.graph.node("mul", [result, float(scale)])


@takes("selu")
def selu(t, x, inplace=False):
    return elu(t, x, 1.6732632423543772, 1.0507009873554805)


@takes("softplus")
def softplus(t, x, beta=1, threshold=20):
    if beta == 1:
        return t.graph.node("softplus", [x])
    return composed(t, x, ("mul", float(beta)), ("softplus",), ("div", float(beta)))


@takes("tanhshrink")
def tanhshrink(t, x):
    return t.graph.node("sub", [x, t.graph.node("tanh", [x])])


@takes("celu")
def celu(t, x, alpha=1.0, inplace=False):
    if alpha == 1:
        return elu(t, x)
    return composed(t, x, ("div", float(alpha)), ("elu",), ("mul", float(alpha)))


@takes("softsign")
def softsign(t, x):
    return t.graph.node("div", [x, composed(t, x, ("abs",), ("add", 1))])


@takes("glu")
def glu(t, x, dim=-1):
    dim, half = dim % x.rank, x.shape[dim] // 2
    values = t.graph.node("slice", [x], {"dim": dim, "start": 0, "stop": half})
    gates = t.graph.node("slice", [x], {"dim": dim, "start": half})
    return t.graph.node("mul", [values, t.graph.node("sigmoid", [gates])])


@takes("clamp", "clip")
def clamp(t, x, min=None, max=None):  # noqa: A002: PyTorch's names
    limits = {"min": t.operand(min), "max": t.operand(max)}
    config = {}
    for name, limit in limits.items():
        if isinstance(limit, Value):
            x = t.graph.node("maximum" if name == "min" else "minimum", [x, limit])
        elif limit is not None:
            config[name] = float(limit)
    return t.graph.node("clamp", [x], config) if config else x


takes("clamp_min")(lambda t, x, min: clamp(t, x, min=min))
takes("clamp_max")(lambda t, x, max: clamp(t, x, max=max))
takes("relu6")(lambda t, x, inplace=False: clamp(t, x, 0, 6))
takes("hardtanh")(lambda t, x, min_val=-1.0, max_val=1.0, inplace=False: clamp(t, x, min_val, max_val))


@takes("lerp")
def lerp(t, start, end, weight):
    return t.graph.node(
        "lerp",
        [t.operand(item, 0) if not torch.is_tensor(item) else t.constant(item) for item in (start, end)]
        + [t.operand(weight)],
    )


@takes("addcmul")
def addcmul(t, x, a, b, value=1):
    if not isinstance(a, Value) and not isinstance(b, Value):
        return binary(t, "add", x, a * b * value)
    product = binary(t, "mul", a, b)
    return binary(t, "add", x, product if value == 1 else t.graph.node("mul", [product, float(value)]))


# ---- Masks that do not depend on the inputs


def share(t, x, mask):
    """x where the mask is true, else 0."""
    return t.graph.node("mul", [x, t.operand(mask.double())]) if isinstance(x, Value) else mask * x


@takes("masked_fill")
def masked_fill(t, x, mask, value):
    if isinstance(mask, Value):
        raise Refused("with a mask that depends on the inputs is no operator of the library")
    t.weight(mask)
    value = float(value)
    if value <= -1e4 and not bool(mask.all(-1).any()):  # of scores before a softmax
        added = torch.zeros(mask.shape).masked_fill(mask, max(value, HIDDEN))
        t.tag(added, t.tagged.get(id(mask), ()))
        return t.graph.node("add", [x, t.constant(added)])
    return binary(t, "add", share(t, x, ~mask), mask.double() * value) if value else share(t, x, ~mask)


@takes("where")
def where(t, mask, a=None, b=None):
    if isinstance(mask, Value) or a is None:
        raise Refused("with a condition that depends on the inputs is no operator of the library")
    t.weight(mask)
    if isinstance(a, Value) and not isinstance(b, Value) and torch.as_tensor(b).numel() == 1:
        return masked_fill(t, a, ~mask, float(b))
    if isinstance(b, Value) and not isinstance(a, Value) and torch.as_tensor(a).numel() == 1:
        return masked_fill(t, b, mask, float(a))
    return binary(t, "add", share(t, a, mask), share(t, b, ~mask))


# ---- Over dimensions


def dims_of(x, dim):
    if dim is None or dim == () or dim == []:
        return list(range(x.rank))
    return [int(d) % x.rank for d in (dim if isinstance(dim, (list, tuple)) else [dim])]


def over(t, op, x, dim, keepdim):
    return t.graph.node(op, [x], {"dims": dims_of(x, dim), "keepdim": bool(keepdim)})


@takes("mean", "nanmean")
def mean(t, x, dim=None, keepdim=False, dtype=None):
    return over(t, "mean", x, dim, keepdim)


@takes("sum")
def total(t, x, dim=None, keepdim=False, dtype=None):
    return over(t, "sum", x, dim, keepdim)


@takes("amax")
def amax(t, x, dim=(), keepdim=False):
    return over(t, "amax", x, dim, keepdim)


@takes("amin")
def amin(t, x, dim=(), keepdim=False):
    return composed(t, over(t, "amax", t.graph.node("neg", [x]), dim, keepdim), ("neg",))


@takes("max")
def maximum(t, x, dim=None, keepdim=False, other=None):
    other = dim if isinstance(dim, (Value, torch.Tensor)) else other
    if other is not None:
        return binary(t, "maximum", x, other)
    return over(t, "amax", x, dim, keepdim)  # and no indices, which nothing of the library takes


@takes("min")
def minimum(t, x, dim=None, keepdim=False, other=None):
    other = dim if isinstance(dim, (Value, torch.Tensor)) else other
    return binary(t, "minimum", x, other) if other is not None else amin(t, x, dim, keepdim)


def variance_of(t, x, dim, keepdim, correction):
    centred = t.graph.node("sub", [x, over(t, "mean", x, dim, True)])
    squares = t.graph.node("square", [centred])
    if not correction:
        return over(t, "mean", squares, dim, keepdim)
    count = math.prod(x.shape[d] for d in dims_of(x, dim))
    return t.graph.node("div", [over(t, "sum", squares, dim, keepdim), float(count - correction)])


def corrections(dim, unbiased, correction):
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return dim, correction if correction is not None else int(unbiased)


@takes("var")
def var(t, x, dim=None, unbiased=True, keepdim=False, correction=None):
    dim, correction = corrections(dim, unbiased, correction)
    return variance_of(t, x, dim, keepdim, correction)


@takes("std")
def std(t, x, dim=None, unbiased=True, keepdim=False, correction=None):
    return t.graph.node("sqrt", [var(t, x, dim, unbiased, keepdim, correction)])


@takes("var_mean")
def var_mean(t, x, dim=None, unbiased=True, keepdim=False, correction=None):
    dim, correction = corrections(dim, unbiased, correction)
    return variance_of(t, x, dim, keepdim, correction), over(t, "mean", x, dim, keepdim)


@takes("norm", "vector_norm", "linalg_vector_norm", "linalg_norm")
def norm(t, x, p=2, dim=None, keepdim=False, dtype=None, ord=None):  # noqa: A002
    p = p if ord is None else ord
    if p == 1:
        return over(t, "sum", t.graph.node("abs", [x]), dim, keepdim)
    if p not in (2, 2.0, "fro", None):
        raise Refused(f"p={p} is no operator of the library; 1 and 2 are")
    return t.graph.node("sqrt", [over(t, "sum", t.graph.node("square", [x]), dim, keepdim)])


@takes("normalize")
def normalize(t, x, p=2.0, dim=1, eps=1e-12, out=None):
    if p != 2:
        raise Refused(f"p={p} is no operator of the library; 2 is")
    return t.graph.node("normalize", [x], {"dim": dim % x.rank, "eps": float(eps)})


@takes("softmax")
def softmax(t, x, dim=None, _stacklevel=3, dtype=None):
    if dim is None:
        dim = 0 if x.rank in (0, 1, 3) else 1
    return t.graph.node("softmax", [x], {"dim": dim % x.rank})


@takes("softmin")
def softmin(t, x, dim=None, _stacklevel=3, dtype=None):
    return softmax(t, t.graph.node("neg", [x]), dim)


@takes("cosine_similarity")
def cosine_similarity(t, a, b, dim=1, eps=1e-8):
    a, b = (
        t.graph.node(
            "normalize", [item if isinstance(item, Value) else t.constant(item)], {"dim": dim, "eps": float(eps)}
        )
        for item in (a, b)
    )
    return over(t, "sum", t.graph.node("mul", [a, b]), dim, False)


@takes("log_softmax")
def log_softmax(t, x, dim=None, _stacklevel=3, dtype=None):
    return t.graph.node("log", [softmax(t, x, dim)])
