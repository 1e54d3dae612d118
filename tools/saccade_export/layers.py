# SPDX-License-Identifier: Apache-2.0
"""Functions with weights, pooling, resizing and products of matrices."""

import math

import torch

from .graph import Value, pair
from .shaping import pad, permute_to, reshape_to
from .sizes import Size
from .trace import Refused, plain, takes


def numbers(value):
    """A configuration's numbers: one where all axes share it."""
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return values[0] if all(item == values[0] for item in values) else values


def chosen(**settings):
    """The settings that are not None, which stands for the default."""
    return {name: value for name, value in settings.items() if value is not None}


# ---- Linear and convolution


@takes("linear")
def linear(t, x, weight, bias=None):
    weights = {"weight": t.weight(weight), "bias": t.weight(bias, "bias")}
    return t.graph.node("linear", [x], weights=weights)


def convolve(t, x, weight, bias, stride, padding, dilation, groups, count):
    weight, bias = t.weight(weight), t.weight(bias, "bias")
    unbatched = x.rank == count + 1
    if unbatched:
        x = reshape_to(t, x, [1, *x.shape])
    if padding == "valid":
        padding = 0
    if padding == "same":
        whole = [d * (k - 1) for k, d in zip(weight.shape[2:], pair(dilation, count))]
        padding = [size // 2 for size in whole]
        if any(size % 2 for size in whole):
            x = pad(t, x, [side for size in whole[::-1] for side in (0, size % 2)])
    config = chosen(
        stride=numbers(stride) if numbers(stride) != 1 else None,
        padding=numbers(padding) if numbers(padding) != 0 else None,
        dilation=numbers(dilation) if numbers(dilation) != 1 else None,
        groups=groups if groups != 1 else None,
    )
    y = t.graph.node(f"conv{count}d", [x], config, {"weight": weight, "bias": bias})
    return reshape_to(t, y, y.shape[1:]) if unbatched else y


for _count in (1, 2, 3):
    takes(f"conv{_count}d")(
        lambda t, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, count=_count: convolve(
            t, x, weight, bias, stride, padding, dilation, groups, count
        )
    )


@takes("conv_transpose2d")
def conv_transpose2d(t, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    config = chosen(
        stride=numbers(stride) if numbers(stride) != 1 else None,
        padding=numbers(padding) if numbers(padding) != 0 else None,
        output_padding=numbers(output_padding) if numbers(output_padding) != 0 else None,
        dilation=numbers(dilation) if numbers(dilation) != 1 else None,
        groups=groups if groups != 1 else None,
    )
    return t.graph.node("conv_transpose2d", [x], config, {"weight": t.weight(weight), "bias": t.weight(bias, "bias")})


# ---- Norms


@takes("batch_norm")
def batch_norm(t, x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if training or running_mean is None:
        raise Refused("takes statistics of the batch; call eval()")
    mean, variance = t.weight(running_mean).double(), t.weight(running_var).double()
    scale = (1 if weight is None else t.weight(weight).double()) / torch.sqrt(variance + eps)
    shift = (0 if bias is None else t.weight(bias).double()) - mean * scale
    return t.graph.node("batch_norm", [x], weights={"scale": scale, "shift": shift})


def norm_weights(t, weight, bias):
    return {"weight": t.weight(weight), "bias": t.weight(bias, "bias")}


@takes("layer_norm")
def layer_norm(t, x, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    for size in x.shape[x.rank - len(normalized_shape) :]:
        t.book.fix(size)
    return t.graph.node("layer_norm", [x], layer_norm_config(len(normalized_shape), eps), norm_weights(t, weight, bias))


def layer_norm_config(dims, eps):
    return {"eps": float(eps), **({"dims": dims} if dims != 1 else {})}


@takes("rms_norm")
def rms_norm(t, x, normalized_shape, weight=None, eps=None):
    eps = torch.finfo(torch.float32).eps if eps is None else eps
    return t.graph.node("rms_norm", [x], layer_norm_config(len(normalized_shape), eps), {"weight": t.weight(weight)})


@takes("group_norm")
def group_norm(t, x, num_groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True):
    return t.graph.node(
        "group_norm", [x], {"num_groups": int(num_groups), "eps": float(eps)}, norm_weights(t, weight, bias)
    )


@takes("instance_norm")
def instance_norm(
    t,
    x,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
    cudnn_enabled=True,
):
    if not use_input_stats:
        return batch_norm(t, x, running_mean, running_var, weight, bias, False, momentum, eps)
    return group_norm(t, x, x.shape[1], weight, bias, eps)


# ---- Pooling and resizing


def pooled(t, op, x, kernel_size, stride, padding, more=None):
    stride = kernel_size if stride is None or stride == [] else stride
    config = {"kernel_size": numbers(kernel_size), **(more or {})}
    if pair(stride) != pair(kernel_size):
        config["stride"] = numbers(stride)
    if numbers(padding) != 0:
        config["padding"] = numbers(padding)
    return t.graph.node(op, [x], config)


def check_ceil(t, x, kernel_size, stride, padding, ceil_mode):
    """ceil_mode is nothing where windows fit; then they have to fit in a plan too."""
    if ceil_mode:
        stride = kernel_size if stride is None or stride == [] else stride
        for size, k, s, p in zip(x.shape[-2:], pair(kernel_size), pair(stride), pair(padding)):
            if (size + 2 * p - k) % s != 0:
                raise Refused("with ceil_mode and windows that do not fit is no operator of the library")


@takes("max_pool2d", "max_pool2d_with_indices")
def max_pool2d(t, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    if pair(dilation) != [1, 1]:
        raise Refused("with dilation is no operator of the library")
    if return_indices:
        raise Refused("with return_indices is no operator of the library")
    stride = kernel_size if stride is None or stride == [] else stride
    if ceil_mode:  # what lies beyond the last whole window is padded for it, with what no maximum is
        missing = [
            -(size + 2 * p - k) % s
            for size, k, s, p in zip(x.shape[-2:], pair(kernel_size), pair(stride), pair(padding))
        ]
        # Where windows fit, they have to in a plan too: the comparison requires it.
        if any(map(plain, missing)) or any(size != 0 for size in missing):
            (rows, columns), (down, right) = pair(padding), missing
            x, padding = pad(t, x, [columns, columns + right, rows, rows + down], value=-1e30), 0
    return pooled(t, "max_pool2d", x, kernel_size, stride, padding)


@takes("avg_pool2d")
def avg_pool2d(
    t, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    if divisor_override is not None:
        raise Refused("with divisor_override is no operator of the library")
    check_ceil(t, x, kernel_size, stride, padding, ceil_mode)
    return pooled(
        t,
        "avg_pool2d",
        x,
        kernel_size,
        stride,
        padding,
        {} if count_include_pad or numbers(padding) == 0 else {"count_include_pad": False},
    )


def flat(t, pool, x, kernel_size, stride, padding, *rest):
    """A pool along one dimension."""
    one = lambda value: value[0] if isinstance(value, (list, tuple)) else value
    stride = one(kernel_size if stride is None or stride == [] else stride)
    rows = reshape_to(t, x, [*x.shape[:-1], 1, x.shape[-1]])
    y = pool(t, rows, [1, one(kernel_size)], [1, stride], [0, one(padding)], *rest)
    return reshape_to(t, y, [*y.shape[:-2], y.shape[-1]])


@takes("max_pool1d")
def max_pool1d(t, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    return flat(t, max_pool2d, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@takes("avg_pool1d")
def avg_pool1d(t, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    return flat(t, avg_pool2d, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def adaptive(t, x, output_size, count, op, pool):
    sizes = list(output_size) if isinstance(output_size, (list, tuple)) else [output_size] * count
    sizes = [own if size is None else size for size, own in zip(sizes, x.shape[-count:])]
    if all(type(size) is int and size == 1 for size in sizes):
        return t.graph.node(op, [x], {"dims": list(range(x.rank - count, x.rank)), "keepdim": True})
    if all(size == own for size, own in zip(sizes, x.shape[-count:])):
        return x
    if count != 2 or any(own % size != 0 for size, own in zip(sizes, x.shape[-count:])):
        raise Refused("to sizes that do not divide those of the input is no operator of the library")
    kernel = [own // size for size, own in zip(sizes, x.shape[-count:])]
    if any(isinstance(size, Size) for size in kernel):
        t.book.fix(*x.shape[-count:])
        kernel = [int.__add__(size, 0) for size in kernel]
    return pool(t, x, kernel)


for _count in (1, 2, 3):
    takes(f"adaptive_avg_pool{_count}d")(
        lambda t, x, output_size, count=_count: adaptive(t, x, output_size, count, "mean", avg_pool2d)
    )
    takes(f"adaptive_max_pool{_count}d")(
        lambda t, x, output_size, return_indices=False, count=_count: adaptive(
            t, x, output_size, count, "amax", max_pool2d
        )
    )


@takes("interpolate", "upsample", "upsample_nearest", "upsample_bilinear")
def interpolate(
    t,
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,  # noqa: A002
    recompute_scale_factor=None,
    antialias=False,
):
    x = input
    if mode not in ("nearest", "bilinear") or antialias:
        raise Refused(
            f"mode {mode!r}{' with antialias' if antialias else ''} is no operator of the library; "
            "nearest and bilinear are"
        )
    if x.rank != 4:
        raise Refused(f"of a tensor of {x.rank} dimensions is no operator of the library; of 4 is")
    config = {"mode": mode, "align_corners": True} if align_corners else {"mode": mode}
    if size is not None:
        sizes = [*size] if isinstance(size, (list, tuple)) else [size, size]
        factors = [wanted // own if wanted is not own else 1 for wanted, own in zip(sizes, x.shape[2:])]
        if all(
            type(factor) is int
            and factor > 0
            and own * factor is not None
            and t.book.text(own * factor) == t.book.text(wanted)
            for factor, wanted, own in zip(factors, sizes, x.shape[2:])
        ):
            config["scale_factor"] = numbers(factors)  # the same for every size of a plan
        else:
            config["size"] = sizes
        return t.graph.node("interpolate", [x], config)
    factors = [float(f) for f in (scale_factor if isinstance(scale_factor, (list, tuple)) else [scale_factor] * 2)]
    whole = [int(f) if f == int(f) else f for f in factors]
    return t.graph.node("interpolate", [x], {**config, "scale_factor": numbers(whole)})


@takes("grid_sample")
def grid_sample(t, x, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    grid = t.operand(grid, 0) if isinstance(grid, Value) else t.constant(grid)
    x = x if isinstance(x, Value) else t.constant(x)
    config = {"dims": x.rank - 2, "mode": mode, "padding": padding_mode, "align_corners": bool(align_corners)}
    return t.graph.node("grid_sample", [x, grid], config, shapes=[(*x.shape[:2], *grid.shape[1:-1])])


# ---- Products


@takes("matmul", "mm", "bmm", "__matmul__", "__rmatmul__")
def matmul(t, a, b, mat2=None):
    b = mat2 if b is None else b
    if torch.is_tensor(b) and b.dim() == 2:
        return t.graph.node("linear", [a], weights={"weight": t.weight(b).t()})
    if any((item.rank if isinstance(item, Value) else item.dim()) < 2 for item in (a, b)):
        raise Refused("with a vector is no operator of the library")
    return t.graph.node("matmul", [item if isinstance(item, Value) else t.constant(item) for item in (a, b)])


@takes("addmm", "addbmm", "baddbmm")
def addmm(t, bias, a, b, beta=1, alpha=1):
    if beta != 1 or alpha != 1:
        raise Refused("with beta or alpha is no operator of the library")
    if torch.is_tensor(b) and torch.is_tensor(bias) and bias.dim() == 1 and b.dim() == 2:
        return t.graph.node("linear", [a], weights={"weight": t.weight(b).t(), "bias": t.weight(bias)})
    return t.graph.node("add", [matmul(t, a, b), t.operand(bias)])


def product(sizes):
    return math.prod(sizes)


@takes("einsum")
def einsum(t, equation, *operands):
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    inputs, _, wanted = equation.replace(" ", "").partition("->")
    letters = inputs.split(",")
    spare = [chr(code) for code in range(ord("A"), ord("Z")) if chr(code) not in equation]
    values = [item if isinstance(item, Value) else t.constant(item) for item in operands]
    most = max(value.rank - len(names.replace("...", "")) for names, value in zip(letters, values))
    for place, (names, value) in enumerate(zip(letters, values)):
        if "..." in names:
            letters[place] = names.replace("...", "".join(spare[:most][most - value.rank + len(names) - 3 :]))
    if "->" not in equation:
        every = "".join(letters)
        wanted = "".join(sorted(name for name in set(every) if every.count(name) == 1))
    wanted = wanted.replace("...", "".join(spare[:most]))
    if any(len(set(names)) != len(names) for names in letters):
        raise Refused(f"{equation!r} is no operator of the library: a name twice in one operand")
    names, value = letters[0], values[0]
    for place in range(1, len(values)):
        needed = set(wanted) | set("".join(letters[place + 1 :]))
        last = place == len(values) - 1
        names, value = contract(t, names, value, letters[place], values[place], needed, wanted if last else None)
    gone = [axis for axis, name in enumerate(names) if name not in wanted]
    if gone:
        value = t.graph.node("sum", [value], {"dims": gone, "keepdim": False})
        names = "".join(name for name in names if name in wanted)
    return permute_to(t, value, [names.index(name) for name in wanted])


def contract(t, left, a, right, b, needed, wanted):
    """The product of two operands, summed over the names that nothing else has."""
    sizes = dict(zip(right, b.shape))
    sizes.update(zip(left, a.shape))
    batch = [name for name in (wanted or left) if name in left and name in right and name in needed]
    batch += [name for name in left if name in right and name in needed and name not in batch]
    summed = [name for name in left if name in right and name not in needed]
    rows = [name for name in left if name not in right]
    columns = [name for name in right if name not in left]

    def arranged(value, names, *groups):
        value = permute_to(t, value, [names.index(name) for group in (batch, *groups) for name in group])
        return reshape_to(
            t, value, [*(sizes[name] for name in batch), *(product(sizes[name] for name in group) for group in groups)]
        )

    if not summed:  # an outer product, or elementwise
        first = reshape_to(
            t,
            permute_to(t, a, [left.index(n) for n in batch + rows]),
            [sizes[n] for n in batch + rows] + [1] * len(columns),
        )
        second = reshape_to(
            t,
            permute_to(t, b, [right.index(n) for n in batch + columns]),
            [sizes[n] for n in batch] + [1] * len(rows) + [sizes[n] for n in columns],
        )
        return "".join(batch + rows + columns), t.graph.node("mul", [first, second])
    result = t.graph.node("matmul", [arranged(a, left, rows, summed), arranged(b, right, summed, columns)])
    names = batch + rows + columns
    return "".join(names), reshape_to(t, result, [sizes[name] for name in names])
