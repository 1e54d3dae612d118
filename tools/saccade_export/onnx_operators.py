# SPDX-License-Identifier: Apache-2.0
"""Operators of ONNX, opsets 13 to 20, in PyTorch: f(attributes, inputs) -> result. Tracing what they call makes the
nodes."""

import torch
from torch.nn import functional as F

from .onnx_integers import OPERATORS, Integers, integers_of, operator, unsupported


# ---- Numbers


def simple(names, function):
    OPERATORS.update(dict.fromkeys(names.split(), lambda attributes, *inputs: function(*inputs)))


def folded(function):
    """Of any number of inputs."""

    def call(*inputs):
        result = inputs[0]
        for item in inputs[1:]:
            result = function(result, item)
        return result

    return call


simple("Add", lambda a, b: a + b)
simple("Sub", lambda a, b: a - b)
simple("Mul", lambda a, b: a * b)
simple("Pow", lambda a, b: a ** (float(b) if b.numel() == 1 else b))
simple("Max", folded(torch.maximum))
simple("Min", folded(torch.minimum))
simple("Sum", folded(torch.add))
simple("Neg", torch.neg)
simple("Abs", torch.abs)
simple("Exp", torch.exp)
simple("Log", torch.log)
simple("Sqrt", torch.sqrt)
simple("Reciprocal", torch.reciprocal)
simple("Sin", torch.sin)
simple("Cos", torch.cos)
simple("Erf", torch.erf)
simple("Relu", F.relu)
simple("Sigmoid", torch.sigmoid)
simple("Tanh", torch.tanh)
simple("Softplus", F.softplus)
simple("Softsign", F.softsign)
simple("HardSwish", F.hardswish)
simple("Mish", F.mish)
simple("Identity", lambda x: x)
simple("Where", torch.where)
simple("Not", torch.logical_not)
simple("And", torch.logical_and)
simple("Or", torch.logical_or)
simple("Equal", torch.eq)
simple("Less", torch.lt)
simple("Greater", torch.gt)
simple("LessOrEqual", torch.le)
simple("GreaterOrEqual", torch.ge)
simple("Floor", torch.floor)
simple("Ceil", torch.ceil)
simple("Sign", torch.sign)
simple("MatMul", torch.matmul)
simple("GlobalAveragePool", lambda x: x.mean(tuple(range(2, x.dim())), keepdim=True))
simple("GlobalMaxPool", lambda x: x.amax(tuple(range(2, x.dim())), keepdim=True))
simple("Range", lambda start, end, step: torch.arange(start.item(), end.item(), step.item()))


@operator("Div")
def div(attributes, a, b):
    if not a.is_floating_point() and not b.is_floating_point():
        return torch.div(a, b, rounding_mode="trunc")
    return a / b


@operator("LeakyRelu")
def leaky_relu(attributes, x):
    return F.leaky_relu(x, attributes.get("alpha", 0.01))


@operator("Elu")
def elu(attributes, x):
    return F.elu(x, attributes.get("alpha", 1.0))


@operator("Selu")
def selu(attributes, x):
    return F.selu(x)


@operator("Gelu")
def gelu(attributes, x):
    return F.gelu(x, approximate=attributes.get("approximate", "none"))


@operator("HardSigmoid")
def hard_sigmoid(attributes, x):
    return (attributes.get("alpha", 0.2) * x + attributes.get("beta", 0.5)).clamp(0, 1)


@operator("PRelu")
def prelu(attributes, x, slope):
    return F.prelu(x, slope.reshape(-1))


@operator("Clip")
def clip(attributes, x, low=None, high=None):
    return x.clamp(None if low is None else float(low), None if high is None else float(high))


@operator("Cast", "CastLike")
def cast(attributes, x, like=None):
    kinds = {6: torch.int32, 7: torch.int64, 9: torch.bool}
    return x.to(kinds[attributes["to"]]) if attributes.get("to") in kinds else x.double()


@operator("Dropout")
def dropout(attributes, x, ratio=None, training=None):
    return x


# ---- Layers


def sides(pads):
    """ONNX's pads, all begins then all ends, as F.pad takes them: the last dimension first."""
    count = len(pads) // 2
    return [side for axis in reversed(range(count)) for side in (pads[axis], pads[axis + count])]


def padded(attributes, x, kernel, strides, dilations, value=0.0):
    """x and what is left for the layer itself to pad: the same on both sides, or nothing."""
    count = len(kernel)
    automatic = attributes.get("auto_pad", "NOTSET")
    pads = list(attributes.get("pads", [0] * (2 * count)))
    if automatic.startswith("SAME"):
        whole = [
            max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
            for size, k, s, d in zip(map(int, x.shape[2:]), kernel, strides, dilations)
        ]
        less, more = [size // 2 for size in whole], [size - size // 2 for size in whole]
        pads = less + more if automatic == "SAME_UPPER" else more + less
    if pads[:count] == pads[count:]:
        return x, pads[:count]
    return F.pad(x, sides(pads), value=value), [0] * count


@operator("Conv")
def conv(attributes, x, weight, bias=None):
    count = weight.dim() - 2
    strides, dilations = attributes.get("strides", [1] * count), attributes.get("dilations", [1] * count)
    x, padding = padded(attributes, x, list(weight.shape[2:]), strides, dilations)
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[count]
    return function(x, weight, bias, strides, padding, dilations, attributes.get("group", 1))


@operator("ConvTranspose")
def conv_transpose(attributes, x, weight, bias=None):
    count = weight.dim() - 2
    pads = attributes.get("pads", [0] * (2 * count))
    if (
        count != 2
        or pads[:count] != pads[count:]
        or attributes.get("auto_pad", "NOTSET") != "NOTSET"
        or "output_shape" in attributes
    ):
        unsupported("but of two dimensions, padded alike on both sides, is no operator of the library")
    return F.conv_transpose2d(
        x,
        weight,
        bias,
        attributes.get("strides", [1, 1]),
        pads[:count],
        attributes.get("output_padding", [0, 0]),
        attributes.get("group", 1),
        attributes.get("dilations", [1, 1]),
    )


@operator("Gemm")
def gemm(attributes, a, b, c=None):
    a = a.t() if attributes.get("transA", 0) else a
    b = b if attributes.get("transB", 0) else b.t()
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    return F.linear(a, b if alpha == 1 else b * alpha, c if c is None or beta == 1 else c * beta)


@operator("BatchNormalization")
def batch_norm(attributes, x, scale, bias, mean, variance):
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.1, attributes.get("epsilon", 1e-5))


@operator("InstanceNormalization")
def instance_norm(attributes, x, scale, bias):
    return F.group_norm(x, int(scale.shape[0]), scale, bias, attributes.get("epsilon", 1e-5))


@operator("LayerNormalization")
def layer_norm(attributes, x, scale, bias=None):
    axis = attributes.get("axis", -1) % x.dim()
    return F.layer_norm(
        x, list(scale.shape[scale.dim() - (x.dim() - axis) :]), scale, bias, attributes.get("epsilon", 1e-5)
    )


@operator("GroupNormalization")
def group_norm(attributes, x, scale, bias):
    groups, channels = attributes["num_groups"], int(x.shape[1])
    if scale.numel() != channels:  # before opset 21 one number a group
        scale, bias = (item.repeat_interleave(channels // groups) for item in (scale, bias))
    return F.group_norm(x, groups, scale, bias, attributes.get("epsilon", 1e-5))


@operator("LpNormalization")
def lp_normalization(attributes, x):
    return F.normalize(x, p=attributes.get("p", 2), dim=attributes.get("axis", -1), eps=0.0)


def pool_of(attributes, x, value):
    kernel = attributes["kernel_shape"]
    strides = attributes.get("strides", [1] * len(kernel))
    if attributes.get("dilations", [1] * len(kernel)) != [1] * len(kernel):
        unsupported("with dilations is no operator of the library")
    x, padding = padded(attributes, x, kernel, strides, [1] * len(kernel), value)
    return x, kernel, strides, padding, bool(attributes.get("ceil_mode", 0))


@operator("MaxPool")
def max_pool(attributes, x):
    x, kernel, strides, padding, ceil = pool_of(attributes, x, -1e30)
    return (F.max_pool1d if len(kernel) == 1 else F.max_pool2d)(x, kernel, strides, padding, 1, ceil)


@operator("AveragePool")
def average_pool(attributes, x):
    included = bool(attributes.get("count_include_pad", 0))
    pads = attributes.get("pads", [])
    if not included and pads[: len(pads) // 2] != pads[len(pads) // 2 :]:
        unsupported("with different padding on two sides that does not count is no operator of the library")
    x, kernel, strides, padding, ceil = pool_of(attributes, x, 0.0)
    return (F.avg_pool1d if len(kernel) == 1 else F.avg_pool2d)(x, kernel, strides, padding, ceil, included)


@operator("Resize")
def resize(attributes, x, roi=None, scales=None, sizes=None):
    mode = attributes.get("mode", "nearest")
    way = attributes.get("coordinate_transformation_mode", "half_pixel")
    if mode not in ("nearest", "linear") or x.dim() != 4 or attributes.get("antialias", 0):
        unsupported(f"mode {mode!r} of a tensor of {x.dim()} dimensions is no operator of the library")
    given = {}
    if sizes is not None and (isinstance(sizes, Integers) or sizes.numel()):
        given["size"] = integers_of(sizes)[-2:]
    else:
        factors = [float(value) for value in scales.reshape(-1).tolist()][-2:]
        given["scale_factor"] = factors
        if mode == "nearest" and way != "asymmetric" and any(factor != int(factor) for factor in factors):
            unsupported(f"nearest, {way}, by {factors} is no operator of the library")
    if mode == "nearest":
        if (
            way == "asymmetric"
            and attributes.get("nearest_mode", "round_prefer_floor") != "floor"
            and any(factor != 1 for factor in given.get("scale_factor", [0]))
        ):
            unsupported("nearest, asymmetric and not floor, is no operator of the library")
        return F.interpolate(x, mode="nearest", **given)
    if way not in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        unsupported(f"linear, {way}, is no operator of the library")
    return F.interpolate(x, mode="bilinear", align_corners=way == "align_corners", **given)


@operator("GridSample")
def grid_sample(attributes, x, grid):
    modes = {
        "linear": "bilinear",
        "bilinear": "bilinear",
        "nearest": "nearest",
        "cubic": "bicubic",
        "bicubic": "bicubic",
    }
    return F.grid_sample(
        x,
        grid,
        modes[attributes.get("mode", "linear")],
        attributes.get("padding_mode", "zeros"),
        bool(attributes.get("align_corners", 0)),
    )


# ---- Over dimensions


@operator("Softmax")
def softmax(attributes, x):
    return x.softmax(attributes.get("axis", -1))


@operator("LogSoftmax")
def log_softmax(attributes, x):
    return F.log_softmax(x, attributes.get("axis", -1))


def reduction(function):
    def call(attributes, x, axes=None):
        dims = integers_of(axes) if axes is not None else attributes.get("axes")
        if not dims:
            if attributes.get("noop_with_empty_axes", 0):
                return x
            dims = list(range(x.dim()))
        return function(x, tuple(dims), bool(attributes.get("keepdims", 1)))

    return call


for _name, _function in {
    "ReduceMean": lambda x, d, k: x.mean(d, keepdim=k),
    "ReduceSum": lambda x, d, k: x.sum(d, keepdim=k),
    "ReduceMax": lambda x, d, k: x.amax(d, keepdim=k),
    "ReduceMin": lambda x, d, k: x.amin(d, keepdim=k),
    "ReduceSumSquare": lambda x, d, k: x.square().sum(d, keepdim=k),
    "ReduceL2": lambda x, d, k: torch.norm(x, dim=d, keepdim=k),
}.items():
    OPERATORS[_name] = reduction(_function)


@operator("ReduceProd")
def product(attributes, x, axes=None):
    dims = integers_of(axes) if axes is not None else attributes.get("axes", list(range(x.dim())))
    for dim in sorted((dim % x.dim() for dim in dims), reverse=True):
        x = x.prod(dim, keepdim=bool(attributes.get("keepdims", 1)))
    return x


@operator("EyeLike")
def eye_like(attributes, x):
    return torch.eye(int(x.shape[0]), int(x.shape[1]))


@operator("Mod")
def modulo(attributes, a, b):
    return torch.fmod(a, b) if attributes.get("fmod", 0) else torch.remainder(a, b)


@operator("CumSum")
def cumulative_sum(attributes, x, axis):
    return x.cumsum(int(axis))


@operator("Einsum")
def einsum(attributes, *inputs):
    return torch.einsum(attributes["equation"], *inputs)


@operator("Trilu")
def trilu(attributes, x, k=None):
    diagonal = 0 if k is None else int(k)
    return torch.triu(x, diagonal) if attributes.get("upper", 1) else torch.tril(x, diagonal)
