# SPDX-License-Identifier: Apache-2.0
"""Constructor arguments of deformable attention: what a module, or its tensors alone, say of them. README.md has the
table."""

import copy
import math

from checkpoints import is_tensor, require

DEFORMABLE = {f"DeformableAttention{d}D": d for d in (1, 2, 3)}
SHARED_ARGUMENTS = ("dim", "dim_head", "heads", "downsample_factor", "offset_scale", "offset_groups",
                    "offset_kernel_size", "group_queries", "group_key_values")
OWN_ARGUMENTS = {1: ("cpb_log_distance", "sampling"), 2: ("axis_order",), 3: ("axis_order",)}


def plain(value):
    """A value as JSON has it: lists for tuples and tensors, whole numbers as integers."""
    if is_tensor(value):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def per_axis(value, dims):
    """One number in 1D and 2D, where the axes share it; a list in 3D."""
    values = plain(value) if isinstance(value, (list, tuple)) or is_tensor(value) else [value] * dims
    require(dims == 3 or all(item == values[0] for item in values),
            f"{values}: the axes differ, but share one number in {dims}D")
    return values if dims == 3 else plain(values[0])


def arguments_of_shapes(state, dims):
    """What the tensors alone say. Raises ExportError where they cannot be a deformable attention of `dims` axes."""
    names = ("to_q", "to_k", "to_v", "to_out", "to_offsets.0", "rel_pos_bias.mlp.0.0", "rel_pos_bias.mlp.2")
    for name in (f"{name}.weight" for name in names):
        require(name in state, f"no tensor {name!r}: not a DeformableAttention{dims}D, or its names carry a prefix")
    shape = lambda name: tuple(state[f"{name}.weight"].shape)
    dim, inner = shape("to_out")[:2]
    features, kernel = shape("to_offsets.0")[0], shape("to_offsets.0")[2:]
    outputs, hidden = shape("rel_pos_bias.mlp.2")
    require(len(kernel) == dims, f"to_offsets.0.weight has {len(kernel)} spatial axes, not {dims}")
    require(shape("rel_pos_bias.mlp.0.0") == (hidden, dims) and hidden == dim // 4,
            f"rel_pos_bias.mlp.0.0.weight is {shape('rel_pos_bias.mlp.0.0')}, not (dim / 4, {dims}) of dim {dim}")
    require(inner % features == 0, f"to_offsets.0.weight has {features} channels, no divisor of the {inner} of to_out")
    groups = inner // features
    heads = groups * outputs
    require(inner % heads == 0, f"{inner} channels do not split into {heads} heads")

    def grouped(name):
        channels = shape(name)[1]
        require(channels in (dim, dim // groups),
                f"{name}.weight takes {channels} channels, neither dim {dim} nor dim / {groups}")
        return channels != dim or groups == 1  # one group is the same function either way

    require(grouped("to_k") == grouped("to_v"), "to_k and to_v differ in their groups")
    found = {"dim": dim, "dim_head": inner // heads, "heads": heads, "offset_groups": groups,
             "offset_kernel_size": per_axis(kernel, dims), "group_queries": grouped("to_q"),
             "group_key_values": grouped("to_k")}
    if dims == 3:
        require("to_offsets.4.scale" in state, "no tensor 'to_offsets.4.scale'")
        found["offset_scale"] = plain(state["to_offsets.4.scale"])
    return found


def arguments_of_attributes(module, dims):
    """What a module keeps beside its tensors."""
    strided, scale = module.to_offsets[0], module.to_offsets[-1].scale
    found = {"heads": module.heads, "offset_groups": module.offset_groups,
             "downsample_factor": per_axis(module.downsample_factor, dims), "offset_scale": per_axis(scale, dims)}
    require(per_axis(strided.stride, dims) == found["downsample_factor"],
            f"to_offsets.0 has stride {strided.stride}, but downsample_factor is {module.downsample_factor}")
    padding = tuple((k - r) // 2 for k, r in zip(strided.kernel_size, strided.stride))
    require(tuple(strided.padding) == padding, f"to_offsets.0 has padding {tuple(strided.padding)}, not {padding}")
    if dims == 1:
        found["cpb_log_distance"] = module.rel_pos_bias.log_distance
    for name in ("axis_order", "sampling"):
        if name in OWN_ARGUMENTS[dims] and hasattr(module, name):
            found[name] = getattr(module, name)
    width = module.to_out.in_channels // module.heads
    require(math.isclose(module.scale, width ** -0.5), f"scale is {module.scale}, not dim_head {width} ** -0.5")
    return found


def observe(module, dims):
    """Runs a copy of the module on a small random map and finds `axis_order` or `sampling` in what passes through it.

    Neither is an attribute upstream: which one a class computes depends on the version of its source.
    """
    import torch
    import torch.nn.functional as F

    seen, copied = {}, copy.deepcopy(module).cpu().double().eval()

    def shrink(_, inputs, offsets):  # small offsets, whatever the weights are, so that samples stay inside the map
        seen["offsets"] = 0.25 * offsets / offsets.abs().max().clamp(min=1e-9)
        return seen["offsets"]

    copied.to_offsets.register_forward_hook(shrink)
    copied.rel_pos_bias.register_forward_pre_hook(lambda _, inputs: seen.update(grids=inputs))
    copied.to_k.register_forward_pre_hook(lambda _, inputs: seen.update(features=inputs[0]))
    groups = module.offset_groups
    sampled = {1: (5,), 2: (3, 5), 3: (3, 4, 5)}[dims]  # unequal, so that no two orders agree
    size = tuple(r * n for r, n in zip(module.to_offsets[0].stride, sampled))
    x = torch.randn(1, module.to_out.out_channels, *size, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        copied(x)

    queries, keys = (grid.double().reshape(-1, count, dims) for grid, count in
                     zip(seen["grids"], (math.prod(size), math.prod(sampled))))
    maps, features = x.reshape(groups, -1, *size), seen["features"].reshape(groups, -1, *sampled)
    near = lambda a, b: bool((a - b).norm() <= 1e-3 * b.norm())

    def sampled_at(positions):
        image = maps.unsqueeze(-1) if dims == 1 else maps
        grid = positions.view(groups, *(sampled + (1,) if dims == 1 else sampled), -1)
        return F.grid_sample(image, grid, padding_mode="zeros", align_corners=False).view_as(features)

    def normalised(positions, extents):
        return torch.stack([2 * p / max(n - 1, 1) - 1 for p, n in zip(positions, extents)], -1)

    def pixels(shape):  # x, y
        rows, columns = torch.meshgrid(*(torch.arange(n).double() for n in shape), indexing="ij")
        return columns.flatten(), rows.flatten()

    if dims == 1:
        name, fits = "sampling", {"sequence": near(sampled_at(F.pad(keys, (1, 0))), features),
                                  "listing": near(sampled_at(F.pad(keys, (0, 1))), features)}
    elif dims == 2:
        moved = seen["offsets"].reshape(groups, 2, -1)
        moved = tuple(p + moved[:, i] for i, p in enumerate(pixels(sampled)))
        fit = lambda order: near(normalised(pixels(size), size[::order]), queries[0]) and \
            near(normalised(moved, sampled[::order]), keys) and near(sampled_at(keys), features)
        name, fits = "axis_order", {"reference": fit(1), "xyz": fit(-1)}
    else:
        name, fits = "axis_order", {"reference": near(sampled_at(keys), features),
                                    "xyz": near(sampled_at(keys.flip(-1)), features)}
    matches = [value for value, fit in fits.items() if fit]
    require(matches, f"config {name!r}: the module computes neither {' nor '.join(fits)}, which is all the library has")
    return {name: matches[0]} if len(matches) == 1 else {}


def deformable_config(name, state, module, given):
    """All constructor arguments: found ones, given ones where nothing is found, and an error where the two disagree."""
    dims = DEFORMABLE[name]
    wanted = SHARED_ARGUMENTS + OWN_ARGUMENTS[dims]
    for key in given:
        require(key in wanted, f"config {key!r}: not an argument of {name}")
    found = arguments_of_shapes(state, dims)
    if module is not None:
        kept = arguments_of_attributes(module, dims)
        if not set(OWN_ARGUMENTS[dims]) <= set(kept):
            kept.update(observe(module, dims))
        for key, value in kept.items():
            require(found.setdefault(key, value) == value,
                    f"config {key!r}: the tensors say {found[key]}, the module {value}")
    # A null is the constructor's default, stated.
    defaults = {"offset_groups": "heads", "offset_scale": "downsample_factor"}
    for key, value in given.items():
        if value is None:
            require(key in defaults, f"config {key!r}: null is no value of it")
            value = given.get(defaults[key], found.get(defaults[key]))
        if dims == 3 and key in ("downsample_factor", "offset_scale", "offset_kernel_size"):
            value = per_axis(value, dims)
        value = plain(value)
        require(found.setdefault(key, value) == value,
                f"config {key!r}: {value} was given, but the module has {found[key]}")
    missing = [key for key in wanted if key not in found]
    require(not missing, f"config {', '.join(map(repr, missing))}: must be given, nothing here shows it")
    return {key: found[key] for key in wanted}
