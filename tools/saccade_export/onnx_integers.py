# SPDX-License-Identifier: Apache-2.0
"""Integers of ONNX files that are sizes: what Shape gives and what is computed of it, as far as Sizes go through it."""

import math

import torch

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


for _name, _function in {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: a // b,
    "Mod": lambda a, b: a % b,
    "Max": max,
    "Min": min,
}.items():
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
    return Integers(x.values[start : end if end < END else None : step])


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
    return Integers(
        [p if chosen else q for chosen, p, q in zip(mask.reshape(-1).tolist(), integers_of(a), integers_of(b))]
    )
