# SPDX-License-Identifier: Apache-2.0
"""Operators of ONNX, opsets 13 to 20, in PyTorch: f(attributes, inputs) -> result, or a list of results.

Tracing the functions that they call makes the nodes. Shapes and what is computed of them are Integers, which keep Sizes.
"""

import math

import torch
from torch.nn import functional as F

from checkpoints import ExportError

OPERATORS = {}
INTEGERS = {}
END = 1 << 31  # a slice that goes on to the end


class Integers:
    """A tensor of integers of rank 0 or 1, some of which are Sizes."""

    def __init__(self, values, scalar=False):
        self.values, self.scalar = list(values), scalar

    def tensor(self):
        return torch.tensor(self.values[0] if self.scalar else self.values, dtype=torch.int64)


def operator(*names, integers=False):
    def register(function):
        (INTEGERS if integers else OPERATORS).update(dict.fromkeys(names, function))
        return function
    return register


def unsupported(reason):
    raise ExportError(reason)


def integers_of(item):
    """The numbers of a tensor or of Integers; None where there is no tensor."""
    if item is None:
        return None
    if isinstance(item, Integers):
        return item.values
    return [int(value) for value in item.reshape(-1).tolist()]


def is_constant_integers(item):
    return torch.is_tensor(item) and not item.is_floating_point() and item.dim() <= 1 and item.numel() <= 64


# ---- Integers


def elementwise(function):
    def call(attributes, a, b):
        lists = [integers_of(item) for item in (a, b)]
        count = max(map(len, lists))
        lists = [values * count if len(values) == 1 else values for values in lists]
        scalar = all(item.scalar if isinstance(item, Integers) else item.dim() == 0 for item in (a, b))
        return Integers([function(p, q) for p, q in zip(*lists)], scalar)
    return call


for _name, _function in {"Add": lambda a, b: a + b, "Sub": lambda a, b: a - b, "Mul": lambda a, b: a * b,
                         "Div": lambda a, b: a // b, "Mod": lambda a, b: a % b, "Max": max, "Min": min}.items():
    INTEGERS[_name] = elementwise(_function)


@operator("Cast", "Identity", integers=True)
def integer_cast(attributes, x):
    return x


@operator("Gather", integers=True)
def integer_gather(attributes, x, index):
    places = integers_of(index)
    return Integers([x.values[place] for place in places], torch.is_tensor(index) and index.dim() == 0)


@operator("Slice", integers=True)
def integer_slice(attributes, x, starts, ends, axes=None, steps=None):
    start, end, step = integers_of(starts)[0], integers_of(ends)[0], (integers_of(steps) or [1])[0]
    return Integers(x.values[start:end if end < END else None:step])


@operator("Concat", integers=True)
def integer_concat(attributes, *parts):
    return Integers([value for part in parts for value in integers_of(part)])


@operator("Unsqueeze", integers=True)
def integer_unsqueeze(attributes, x, axes=None):
    return Integers(x.values)


@operator("Squeeze", integers=True)
def integer_squeeze(attributes, x, axes=None):
    return Integers(x.values, len(x.values) == 1)


@operator("Reshape", integers=True)
def integer_reshape(attributes, x, shape):
    return Integers(x.values, integers_of(shape) == [])


@operator("ReduceProd", integers=True)
def integer_product(attributes, x, axes=None):
    return Integers([math.prod(x.values)], not attributes.get("keepdims", 1))


@operator("Equal", integers=True)
def integer_equal(attributes, a, b):
    return torch.tensor([bool(p == q) for p, q in zip(integers_of(a), integers_of(b))])


@operator("Where", integers=True)
def integer_where(attributes, mask, a, b):
    return Integers([p if chosen else q for chosen, p, q in zip(mask.reshape(-1).tolist(), integers_of(a), integers_of(b))])


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
        whole = [max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
                 for size, k, s, d in zip(map(int, x.shape[2:]), kernel, strides, dilations)]
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
    if count != 2 or pads[:count] != pads[count:] or attributes.get("auto_pad", "NOTSET") != "NOTSET" or \
            "output_shape" in attributes:
        unsupported("but of two dimensions, padded alike on both sides, is no operator of the library")
    return F.conv_transpose2d(x, weight, bias, attributes.get("strides", [1, 1]), pads[:count],
                              attributes.get("output_padding", [0, 0]), attributes.get("group", 1),
                              attributes.get("dilations", [1, 1]))


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
    return F.layer_norm(x, list(scale.shape[scale.dim() - (x.dim() - axis):]), scale, bias, attributes.get("epsilon", 1e-5))


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
    if not included and pads[:len(pads) // 2] != pads[len(pads) // 2:]:
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
        if way == "asymmetric" and attributes.get("nearest_mode", "round_prefer_floor") != "floor" and \
                any(factor != 1 for factor in given.get("scale_factor", [0])):
            unsupported("nearest, asymmetric and not floor, is no operator of the library")
        return F.interpolate(x, mode="nearest", **given)
    if way not in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        unsupported(f"linear, {way}, is no operator of the library")
    return F.interpolate(x, mode="bilinear", align_corners=way == "align_corners", **given)


@operator("GridSample")
def grid_sample(attributes, x, grid):
    modes = {"linear": "bilinear", "bilinear": "bilinear", "nearest": "nearest", "cubic": "bicubic", "bicubic": "bicubic"}
    return F.grid_sample(x, grid, modes[attributes.get("mode", "linear")], attributes.get("padding_mode", "zeros"),
                         bool(attributes.get("align_corners", 0)))


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


for _name, _function in {"ReduceMean": lambda x, d, k: x.mean(d, keepdim=k), "ReduceSum": lambda x, d, k: x.sum(d, keepdim=k),
                         "ReduceMax": lambda x, d, k: x.amax(d, keepdim=k), "ReduceMin": lambda x, d, k: x.amin(d, keepdim=k),
                         "ReduceSumSquare": lambda x, d, k: x.square().sum(d, keepdim=k),
                         "ReduceL2": lambda x, d, k: torch.norm(x, dim=d, keepdim=k)}.items():
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


# ---- Shapes


@operator("Shape")
def shape_of(attributes, x):
    return Integers(list(x.shape)[attributes.get("start", 0):attributes.get("end", x.dim())])


@operator("Size")
def size_of(attributes, x):
    return Integers([x.numel()], True)


@operator("Constant")
def constant(attributes):
    for name in ("value_float", "value_int", "value_floats", "value_ints"):
        if name in attributes:
            return torch.tensor(attributes[name])
    return attributes["value"].clone()


@operator("ConstantOfShape")
def constant_of_shape(attributes, shape):
    value = attributes.get("value")
    sizes = integers_of(shape)
    return torch.full(sizes, 0.0) if value is None else torch.full(sizes, value.item(), dtype=value.dtype)


@operator("Reshape")
def reshape(attributes, x, shape):
    sizes = integers_of(shape)
    zero = lambda size: type(size) is int and size == 0 and not attributes.get("allowzero", 0)
    return x.reshape([x.shape[axis] if zero(size) else size for axis, size in enumerate(sizes)])


@operator("Flatten")
def flatten(attributes, x):
    axis = attributes.get("axis", 1) % (x.dim() + 1)
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator("Transpose")
def transpose(attributes, x):
    return x.permute(attributes.get("perm", list(range(x.dim()))[::-1]))


@operator("Squeeze")
def squeeze(attributes, x, axes=None):
    dims = integers_of(axes) if axes is not None else attributes.get("axes")
    if dims is None:
        return x.squeeze()
    for dim in sorted((dim % x.dim() for dim in dims), reverse=True):
        x = x.squeeze(dim)
    return x


@operator("Unsqueeze")
def unsqueeze(attributes, x, axes=None):
    dims = integers_of(axes) if axes is not None else attributes["axes"]
    for dim in sorted(dim % (x.dim() + len(dims)) for dim in dims):
        x = x.unsqueeze(dim)
    return x


@operator("Concat")
def concat(attributes, *parts):
    return torch.cat(parts, attributes["axis"])


@operator("Split")
def split(attributes, x, sizes=None):
    axis = attributes.get("axis", 0)
    given = integers_of(sizes) if sizes is not None else attributes.get("split")
    if given is None:
        count = attributes.get("num_outputs", attributes["outputs"])
        given = -(-x.shape[axis] // count)
    return list(x.split(given, axis))


@operator("Slice")
def slice_of(attributes, x, starts, ends, axes=None, steps=None):
    starts, ends = integers_of(starts), integers_of(ends)
    axes = integers_of(axes) or list(range(len(starts)))
    index = [slice(None)] * x.dim()
    for start, end, axis, step in zip(starts, ends, axes, integers_of(steps) or [1] * len(starts)):
        if step < 0:
            places = list(range(int(x.shape[axis]))[slice(start, end if end > -END else None, step)])
            x = x.index_select(axis, torch.tensor(places))
            continue
        far = type(end) is int and end >= END
        index[axis] = slice(start, None if far else end, step)
    return x[tuple(index)]


@operator("Gather")
def gather(attributes, x, index):
    axis = attributes.get("axis", 0)
    if isinstance(index, Integers):
        index = index.tensor()
    if index.dim() == 0:
        return x.select(axis, int(index))
    flat = x.index_select(axis, index.reshape(-1) % x.shape[axis] if bool((index < 0).any()) else index.reshape(-1))
    if index.dim() == 1:
        return flat
    return flat.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1:]])


@operator("Expand")
def expand(attributes, x, shape):
    sizes = integers_of(shape)
    have = [1] * (len(sizes) - x.dim()) + list(x.shape)
    sizes = [1] * (len(have) - len(sizes)) + list(sizes)
    return x.expand([own if type(size) is int and size == 1 else size for own, size in zip(have, sizes)])


@operator("Tile")
def tile(attributes, x, repeats):
    return x.repeat(*integers_of(repeats))


@operator("Pad")
def pad(attributes, x, pads, value=None, axes=None):
    given, count = integers_of(pads), len(integers_of(pads)) // 2
    places = [axis % x.dim() for axis in integers_of(axes)] if axes is not None else range(count)
    whole = [0] * (2 * x.dim())
    for axis, before, after in zip(places, given[:count], given[count:]):
        whole[axis], whole[axis + x.dim()] = before, after
    mode = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "wrap": "circular"}[attributes.get("mode", "constant")]
    if mode == "constant":
        return F.pad(x, sides(whole), value=0.0 if value is None or not value.numel() else float(value))
    dims = sides(whole)
    while len(dims) > 4 or len(dims) > 2 and not any(dims[-2:]):
        dims = dims[:-2]
    return F.pad(x, dims, mode=mode)


@operator("DepthToSpace")
def depth_to_space(attributes, x):
    r = attributes["blocksize"]
    if attributes.get("mode", "DCR") == "DCR":  # blocks before channels
        b, c, h, w = x.shape
        x = x.reshape(b, r * r, c // (r * r), h, w).transpose(1, 2).reshape(b, c, h, w)
    return F.pixel_shuffle(x, r)


@operator("SpaceToDepth")
def space_to_depth(attributes, x):
    r = attributes["blocksize"]
    x = F.pixel_unshuffle(x, r)
    b, c, h, w = x.shape
    return x.reshape(b, c // (r * r), r * r, h, w).transpose(1, 2).reshape(b, c, h, w)


