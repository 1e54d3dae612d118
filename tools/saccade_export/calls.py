# SPDX-License-Identifier: Apache-2.0
"""Calls of PyTorch's functions: their names, their arguments, and which of them compute nothing."""

import torch

from .sizes import Ratio, Size

LIKE = {
    "zeros_like",
    "ones_like",
    "full_like",
    "empty_like",
    "new_zeros",
    "new_ones",
    "new_full",
    "new_empty",
    "new_tensor",
}
RANDOM = {"rand", "randn", "rand_like", "randn_like", "randint", "randperm", "bernoulli", "normal", "multinomial"}
PLAIN = {
    "dim",
    "ndimension",
    "is_floating_point",
    "is_complex",
    "element_size",
    "get_device",
    "stride",
    "data_ptr",
    "is_contiguous",
    "storage",
    "untyped_storage",
    "storage_offset",
    "__repr__",
    "__str__",
    "__format__",
    "__hash__",
    "is_nonzero",
    "requires_grad_",
    "is_inference",
    "is_conj",
    "is_neg",
}
HIDDEN = -1e30  # for minus infinity, which a file cannot have: added to a score it hides as well
CASTS = {"float", "double", "half", "bfloat16", "to", "type", "type_as", "cuda", "cpu"}
SAME = {
    "contiguous",
    "detach",
    "clone",
    "alias",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_dropout",
    "feature_alpha_dropout",
}


def name_of(function):
    """Of a function, method or property, without what says that it is an operator's or in place."""
    if getattr(function, "__name__", "") in ("__get__", "__set__"):
        return "." + function.__self__.__name__
    name = getattr(function, "__name__", str(function))
    if name.startswith("__") and name.endswith("__"):
        return name
    return name.rstrip("_").lstrip("_") if name != "_" else name


def in_place(function):
    name = getattr(function, "__name__", "")
    return (
        name.endswith("_")
        and not name.endswith("__")
        or name.startswith("__i")
        and name not in ("__invert__", "__iter__")
    )


def flattened(item):
    if isinstance(item, dict):
        item = list(item.values())
    if isinstance(item, slice):
        item = (item.start, item.stop, item.step)
    if isinstance(item, (list, tuple)):
        for part in item:
            yield from flattened(part)
    else:
        yield item


def mapped(item, change):
    """The arguments with every leaf changed."""
    if isinstance(item, dict):
        return {key: mapped(part, change) for key, part in item.items()}
    if isinstance(item, slice):
        return slice(*(mapped(part, change) for part in (item.start, item.stop, item.step)))
    if isinstance(item, (list, tuple)):
        parts = [mapped(part, change) for part in item]
        return parts if isinstance(item, list) else tuple(parts)
    return change(item)


def plain(item):
    """As PyTorch takes it: sizes are numbers, floating-point types are the one that everything is computed in."""
    if isinstance(item, Size):
        return item.plain
    if isinstance(item, Ratio):
        return float(item)
    if isinstance(item, torch.dtype) and item.is_floating_point:
        return torch.float64
    return item
