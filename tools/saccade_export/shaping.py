# SPDX-License-Identifier: Apache-2.0
"""Functions that move numbers without changing them: reshapes, permutations, slices, concatenation, repetition."""

import torch

from checkpoints import require

from .graph import Value, pair, taps
from .sizes import Size
from .trace import Refused, takes

MOST_INPUTS = 64  # of one concat


def listed(rest, named=None):
    """Sizes or dimensions given one by one or as a list."""
    if named is not None:
        return list(named)
    return list(rest[0]) if len(rest) == 1 and isinstance(rest[0], (list, tuple)) else list(rest)


def reshape_to(t, x, shape):
    return t.graph.node("reshape", [x], {"shape": list(shape)})


def permute_to(t, x, dims):
    return t.graph.node("permute", [x], {"dims": [int(dim) % x.rank for dim in dims]})


def slice_of(t, x, dim, start=0, stop=None, step=1):
    config = {"dim": dim % x.rank, "start": start}
    if stop is not None:
        config["stop"] = stop
    if step != 1:
        config["step"] = step
    return t.graph.node("slice", [x], config)


def concat(t, parts, dim):
    parts = [part if isinstance(part, Value) else t.constant(part) for part in parts]
    dim %= parts[0].rank
    while len(parts) > MOST_INPUTS:
        parts = [
            t.graph.node("concat", parts[at : at + MOST_INPUTS], {"dim": dim})
            for at in range(0, len(parts), MOST_INPUTS)
        ]
    return t.graph.node("concat", parts, {"dim": dim}) if len(parts) > 1 else parts[0]


@takes("view", "reshape")
def reshape(t, x, *rest, shape=None, size=None):
    if rest and isinstance(rest[0], torch.dtype):
        raise Refused("of another type is no operator of the library")
    return reshape_to(t, x, listed(rest, shape if shape is not None else size))


@takes("view_as", "reshape_as")
def reshape_as(t, x, other):
    return reshape_to(t, x, other.shape)


@takes("flatten")
def flatten(t, x, start_dim=0, end_dim=-1):
    first, last = start_dim % x.rank, end_dim % x.rank
    merged = 1
    for size in x.shape[first : last + 1]:
        merged = merged * size
    return reshape_to(t, x, [*x.shape[:first], merged, *x.shape[last + 1 :]])


@takes("unflatten")
def unflatten(t, x, dim, sizes):
    dim, sizes = dim % x.rank, list(sizes)
    if -1 in [size for size in sizes if not isinstance(size, Size)]:
        at = sizes.index(-1)
        rest = 1
        for place, size in enumerate(sizes):
            rest = rest if place == at else rest * size
        sizes[at] = x.shape[dim] // rest
    return reshape_to(t, x, [*x.shape[:dim], *sizes, *x.shape[dim + 1 :]])


@takes("squeeze")
def squeeze(t, x, dim=None):
    if dim is None:
        dims = [axis for axis, size in enumerate(x.shape) if type(size) is int and size == 1]
    else:
        dims = [d % x.rank for d in (dim if isinstance(dim, (list, tuple)) else [dim])]
        dims = [d for d in dims if x.shape[d] == 1]
    return reshape_to(t, x, [size for axis, size in enumerate(x.shape) if axis not in dims])


@takes("unsqueeze")
def unsqueeze(t, x, dim):
    dim %= x.rank + 1
    return reshape_to(t, x, [*x.shape[:dim], 1, *x.shape[dim:]])


@takes("permute")
def permute(t, x, *rest, dims=None):
    return permute_to(t, x, listed(rest, dims))


@takes("transpose", "swapaxes", "swapdims")
def transpose(t, x, dim0=None, dim1=None, axis0=None, axis1=None):
    a, b = (dim0 if dim0 is not None else axis0) % x.rank, (dim1 if dim1 is not None else axis1) % x.rank
    dims = list(range(x.rank))
    dims[a], dims[b] = b, a
    return permute_to(t, x, dims)


takes("T", "t")(lambda t, x: permute_to(t, x, range(x.rank)[::-1]))
takes("mT", "adjoint")(lambda t, x: transpose(t, x, -1, -2))


@takes("movedim", "moveaxis")
def movedim(t, x, source, destination):
    source, destination = (
        [d % x.rank for d in (item if isinstance(item, (list, tuple)) else [item])] for item in (source, destination)
    )
    dims = [axis for axis in range(x.rank) if axis not in source]
    for to, of in sorted(zip(destination, source)):
        dims.insert(to, of)
    return permute_to(t, x, dims)


# ---- Parts


@takes("chunk", "tensor_split")
def chunk(t, x, chunks, dim=0):
    dim %= x.rank
    if not isinstance(chunks, int):
        bounds = [0, *chunks, None]
        return [slice_of(t, x, dim, a, b) for a, b in zip(bounds, bounds[1:])]
    each = -(-x.shape[dim] // chunks)
    return split(t, x, each, dim)


@takes("split", "split_with_sizes")
def split(t, x, sizes, dim=0, split_size_or_sections=None):
    sizes, dim = sizes if split_size_or_sections is None else split_size_or_sections, dim % x.rank
    if isinstance(sizes, int):
        count = -(-int.__add__(x.shape[dim], 0) // int.__add__(sizes, 0))
        if isinstance(sizes, Size) or isinstance(x.shape[dim], Size):
            t.book.equal(-(-x.shape[dim] // sizes), count)
        bounds = [sizes * place for place in range(count)] + [None]
    else:
        bounds = [0]
        for size in sizes:
            bounds.append(bounds[-1] + size)
    return [slice_of(t, x, dim, a, b) for a, b in zip(bounds, bounds[1:])]


def select_at(t, x, dim, place):
    """The part of one position, the dimension gone."""
    dim %= x.rank
    part = slice_of(t, x, dim, place, None if not isinstance(place, Size) and place == -1 else place + 1)
    return reshape_to(t, part, [size for axis, size in enumerate(x.shape) if axis != dim])


@takes("unbind")
def unbind(t, x, dim=0):
    if isinstance(x.shape[dim], Size):
        t.book.fix(x.shape[dim])
    return [select_at(t, x, dim, place) for place in range(int.__add__(x.shape[dim], 0))]


takes("__iter__")(unbind)
takes("select")(lambda t, x, dim, index: select_at(t, x, dim, index))
takes("narrow")(lambda t, x, dim, start, length: slice_of(t, x, dim, start, start + length))


def gather(t, x, dim, index):
    """Positions of a dimension that constants name: a slice where they are evenly spaced, else parts one by one."""
    t.weight(index, "index")
    if index.dim() != 1 or index.dtype == torch.bool:
        raise Refused("with an index of more than one dimension, or of booleans, is no operator of the library")
    places = [int(place) for place in index]
    size = int.__add__(x.shape[dim], 0)
    if any(place < 0 for place in places) and isinstance(x.shape[dim], Size):
        t.book.fix(x.shape[dim])
    places = [place % size for place in places]
    step = places[1] - places[0] if len(places) > 1 else 1
    if step > 0 and all(b - a == step for a, b in zip(places, places[1:])):
        return slice_of(t, x, dim, places[0], places[-1] + 1, step)
    runs = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1][1] += 1
        else:
            runs.append([place, place + 1])
    if len(runs) > 4 * MOST_INPUTS:
        raise Refused(f"takes {len(runs)} pieces")
    return concat(t, [slice_of(t, x, dim, a, b) for a, b in runs], dim)


@takes("flip")
def flip(t, x, *rest, dims=None):
    for dim in listed(rest, dims):
        t.book.fix(x.shape[dim])
        x = gather(t, x, dim % x.rank, torch.arange(int.__add__(x.shape[dim], 0) - 1, -1, -1))
    return x


takes("fliplr")(lambda t, x: flip(t, x, 1))
takes("flipud")(lambda t, x: flip(t, x, 0))


@takes("index_select")
def index_select(t, x, dim, index):
    return gather(t, x, dim % x.rank, index)


@takes("__getitem__")
def getitem(t, x, index):
    index = list(index) if isinstance(index, tuple) else [index]
    if isinstance(x, torch.Tensor) or any(isinstance(item, Value) for item in index):
        raise Refused("with an index that depends on the inputs is no operator of the library")
    taken = sum(1 for item in index if item is not None and item is not Ellipsis)
    at = next((place for place, item in enumerate(index) if item is Ellipsis), len(index))
    index[at : at + 1] = [slice(None)] * (x.rank - taken)
    shape, axis, moved = [], 0, 0
    for item in index:
        if item is None:
            shape.append(1)
            continue
        if isinstance(item, slice):
            start, stop, step = item.start or 0, item.stop, 1 if item.step is None else item.step
            if (start, stop, step) != (0, None, 1):
                x = slice_of(t, x, axis, start, stop, step)
            shape.append(x.shape[axis])
        elif torch.is_tensor(item) and item.dim() == 0 or isinstance(item, int) and not isinstance(item, bool):
            place = int(item) if torch.is_tensor(item) else item
            x = slice_of(t, x, axis, place, None if not isinstance(place, Size) and place == -1 else place + 1)
        elif torch.is_tensor(item) or isinstance(item, list):
            moved += 1
            if moved > 1:
                raise Refused("with several index tensors is no operator of the library")
            x = gather(t, x, axis, torch.as_tensor(item) if isinstance(item, list) else item)
            shape.append(x.shape[axis])
        else:
            raise Refused(f"with {type(item).__name__} as an index is no operator of the library")
        axis += 1
    return reshape_to(t, x, shape) if shape != list(x.shape) or len(shape) != x.rank else x


# ---- Together, and again


takes("cat", "concat", "concatenate")(
    lambda t, tensors, dim=0, axis=None, out=None: concat(t, tensors, dim if axis is None else axis)
)


@takes("stack")
def stack(t, tensors, dim=0, out=None):
    rank = next(item.rank for item in tensors if isinstance(item, Value))
    dim %= rank + 1
    parts = [unsqueeze(t, item if isinstance(item, Value) else t.constant(item), dim) for item in tensors]
    return concat(t, parts, dim)


takes("hstack")(lambda t, tensors: concat(t, tensors, 0 if tensors[0].rank == 1 else 1))
takes("vstack")(lambda t, tensors: concat(t, tensors, 0))


@takes("expand")
def expand(t, x, *rest, size=None):
    wanted = listed(rest, size)
    x = reshape_to(t, x, [1] * (len(wanted) - x.rank) + list(x.shape)) if len(wanted) > x.rank else x
    wanted = [own if not isinstance(item, Size) and item == -1 else item for item, own in zip(wanted, x.shape)]
    return t.graph.node("expand", [x], {"shape": wanted})


@takes("expand_as")
def expand_as(t, x, other):
    return expand(t, x, list(other.shape))


@takes("broadcast_to")
def broadcast_to(t, x, shape=None, size=None):
    return expand(t, x, list(shape if shape is not None else size))


@takes("repeat", "tile")
def repeat(t, x, *rest, dims=None, repeats=None):
    counts = listed(rest, dims if dims is not None else repeats)
    counts = [1] * (x.rank - len(counts)) + counts
    shape = [1] * (len(counts) - x.rank) + list(x.shape)
    apart, wide, result = [], [], []
    for count, size in zip(counts, shape):
        if type(count) is int and count == 1:
            apart, wide = apart + [size], wide + [size]
        elif type(size) is int and size == 1:
            apart, wide = apart + [1], wide + [count]
        else:
            apart, wide = apart + [1, size], wide + [count, size]
        result.append(size * count)
    return reshape_to(t, t.graph.node("expand", [reshape_to(t, x, apart)], {"shape": wide}), result)


@takes("repeat_interleave")
def repeat_interleave(t, x, repeats, dim=None, output_size=None):
    if not isinstance(repeats, int) or dim is None:
        raise Refused("but by one number along one dimension is no operator of the library")
    dim %= x.rank
    apart = [*x.shape[: dim + 1], 1, *x.shape[dim + 1 :]]
    wide = [*x.shape[: dim + 1], repeats, *x.shape[dim + 1 :]]
    result = [*x.shape[:dim], x.shape[dim] * repeats, *x.shape[dim + 1 :]]
    return reshape_to(t, t.graph.node("expand", [reshape_to(t, x, apart)], {"shape": wide}), result)


@takes("roll")
def roll(t, x, shifts, dims=None):
    if dims is None:
        raise Refused("without dims is no operator of the library")
    shifts, dims = ([*item] if isinstance(item, (list, tuple)) else [item] for item in (shifts, dims))
    return t.graph.node("roll", [x], {"shifts": shifts, "dims": [dim % x.rank for dim in dims]})


@takes("pad")
def pad(t, x, pad, mode="constant", value=None):
    padding = list(pad)
    zeros = [type(item) is int and item == 0 for item in padding]
    for axis in range(len(padding) // 2):
        before, after = padding[2 * axis], padding[2 * axis + 1]
        if before < 0 or after < 0:
            stop = x.shape[-1 - axis] + after if after < 0 else None
            x = slice_of(t, x, -1 - axis, -before if before < 0 else 0, stop)
            padding[2 * axis : 2 * axis + 2] = [0 if before < 0 else before, 0 if after < 0 else after]
    zeros = [type(item) is int and item == 0 for item in padding]
    if all(zeros):
        return x
    while all(zeros[-2:]):
        padding, zeros = padding[:-2], zeros[:-2]
    config = {"padding": padding}
    if mode != "constant":
        config["mode"] = mode
    elif value:
        config["value"] = float(value)
    return t.graph.node("pad", [x], config)


@takes("pixel_shuffle")
def pixel_shuffle(t, x, upscale_factor):
    return t.graph.node("pixel_shuffle", [x], {"upscale_factor": upscale_factor})


@takes("pixel_unshuffle")
def pixel_unshuffle(t, x, downscale_factor):
    for size in x.shape[-2:]:
        if isinstance(size, Size):
            t.book.divide_evenly((size // downscale_factor).expression)
    return t.graph.node("pixel_unshuffle", [x], {"downscale_factor": downscale_factor})


@takes("channel_shuffle")
def channel_shuffle(t, x, groups):
    apart = reshape_to(t, x, [x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]])
    return reshape_to(t, permute_to(t, apart, [0, 2, 1, *range(3, apart.rank)]), x.shape)


@takes("unfold")
def unfold(t, x, kernel_size, dilation=1, padding=0, stride=1):
    require(x.rank == 4, "unfold takes (b, c, h, w)")
    config = {
        "kernel_size": pair(kernel_size),
        "dilation": pair(dilation),
        "padding": pair(padding),
        "stride": pair(stride),
    }
    return t.graph.node("unfold", [x], config)


def lower_unfold(t, x, config):
    """unfold, which the library has not, as a slice for each place of the kernel."""
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = (config[name] for name in ("kernel_size", "dilation", "padding", "stride"))
    rows, columns = taps(x.shape[2], kh, sh, ph, dh), taps(x.shape[3], kw, sw, pw, dw)
    padded, parts = pad(t, x, [pw, pw, ph, ph]), []
    for i in range(kh):
        line = slice_of(t, padded, 2, i * dh, i * dh + (rows - 1) * sh + 1, sh)
        for j in range(kw):
            parts.append(slice_of(t, line, 3, j * dw, j * dw + (columns - 1) * sw + 1, sw))
    b, c = x.shape[:2]
    return reshape_to(t, stack(t, parts, 2), [b, c * kh * kw, rows * columns])


@takes("unfold_dimension")
def unfold_dimension(t, x, dimension, size, step):
    dim, parts = dimension % x.rank, []
    count = (x.shape[dim] - size) // step + 1
    for place in range(size):
        parts.append(unsqueeze(t, slice_of(t, x, dim, place, place + (count - 1) * step + 1, step), x.rank))
    return concat(t, parts, x.rank)
