# SPDX-License-Identifier: Apache-2.0
"""Operators of ONNX that move numbers, or make them of shapes, in PyTorch."""

import math

import torch
from torch.nn import functional as F

from .onnx_integers import END, Integers, integers_of, operator
from .onnx_operators import sides


@operator("Shape")
def shape_of(attributes, x):
    return Integers(list(x.shape)[attributes.get("start", 0) : attributes.get("end", x.dim())])


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
    return flat.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])


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
    mode = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "wrap": "circular"}[
        attributes.get("mode", "constant")
    ]
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
