#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a model file of the library from a live PyTorch module, a safetensors file or what torch.save wrote.

    from export import export
    export(attention, "attention.safetensors")                                     # a DeformableAttention1D | 2D | 3D
    export(block, "block.safetensors", "PhenakiAttention", {"dim": 64, "heads": 4})  # any other module

    python3 export.py checkpoint.pt attention.safetensors --module DeformableAttention2D --config config.json

The file is a safetensors container: tensors under their state_dict names, and in `__metadata__` the entries `module`
and `config`, the constructor's arguments as JSON. Files are read without PyTorch. README.md beside this file
says which arguments are found in a module, which in a state_dict, and which must be given.
"""

import argparse
import copy
import json
import math
import sys

from checkpoints import ExportError, is_tensor, read_state, require, write_safetensors

MODULES = ("DeformableAttention1D", "DeformableAttention2D", "DeformableAttention3D", "TutorialDeformableAttention",
           "MSDeformAttn", "PhenakiAttention", "PhenakiFeedForward", "PhenakiTransformer", "AlibiPositionalBias",
           "ContinuousPositionBias", "PEG", "DalleAttention", "SparseConvCausalAttention", "SparseAxialCausalAttention",
           "SparseAttention", "grid_sample", "LocalAttention1D", "LocalAttention2D", "LocalAttention3D",
           "DynamicSparseAttention", "ShiftedWindowAttention", "PhenakiLayerNorm", "GEGLU", "l2norm", "Scale", "CPB")
DEFORMABLE = {f"DeformableAttention{d}D": d for d in (1, 2, 3)}
SHARED_ARGUMENTS = ("dim", "dim_head", "heads", "downsample_factor", "offset_scale", "offset_groups",
                    "offset_kernel_size", "group_queries", "group_key_values")
OWN_ARGUMENTS = {1: ("cpb_log_distance", "sampling"), 2: ("axis_order",), 3: ("axis_order",)}


# ---- Constructor arguments of deformable attention


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


# ---- Export


def export_state(state, path, module_name, config, module=None, *, prefix="", tensors=None, metadata=None, dtype=None):
    """As export, from the tensors of a state_dict; `module` is the live module they are of, if there is one."""
    require(config is None or isinstance(config, dict), "config: not a JSON object")
    require(module_name in MODULES, f"module {module_name!r}: not one of {', '.join(MODULES)}")
    if module_name in DEFORMABLE:
        config = deformable_config(module_name, state, module, config or {})
    else:
        require(config is not None, f"config: the constructor's arguments of {module_name} must be given")
    convert = lambda tensor: tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor
    if prefix:
        metadata = {**(metadata or {}), "prefix": prefix}
    contents = {prefix + name: convert(tensor) for name, tensor in state.items()}
    for name, tensor in (tensors or {}).items():
        require(name not in contents, f"tensor {name!r}: the module has one of that name")
        contents[name] = tensor
    write_safetensors(path, contents, {**(metadata or {}), "module": module_name, "config": json.dumps(config)})
    return config


def export(module, path, module_name=None, config=None, **options):
    """Writes `module` to `path` and returns the config written.

    module_name: one of MODULES; None takes the name of the class, where it is one of them.
    config: constructor arguments. For DeformableAttention1D | 2D | 3D only what cannot be found; a given value that the
        module contradicts is an error. For every other module all of them; those left out take the library's defaults.
    options: prefix goes before every state_dict name, and into the metadata, where the library finds it; tensors are
        written beside them as they are named; metadata adds entries; dtype converts floats of the module.
    """
    name = module_name or type(module).__name__
    require(name in MODULES, f"module_name must be given: class {name!r} is not one of {', '.join(MODULES)}")
    return export_state(module.state_dict(), path, name, config, module, **options)


def converted(state, name):
    """The tensors with floating-point ones of this type, which is PyTorch's to do."""
    try:
        import torch
    except ImportError:
        raise ExportError("--dtype takes PyTorch, which is not installed") from None
    types = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

    def convert(tensor):
        if not torch.is_tensor(tensor):
            if tensor.dtype not in types:
                return tensor
            tensor = torch.frombuffer(bytearray(tensor.data), dtype=types[tensor.dtype]).reshape(tensor.shape)
        return tensor.to(getattr(torch, name)) if tensor.is_floating_point() else tensor

    return {key: convert(tensor) for key, tensor in state.items()}


def main():
    parser = argparse.ArgumentParser(description="Writes a model file from a file of tensors.")
    parser.add_argument("checkpoint", help="safetensors file, or file of torch.save: a state_dict, a dictionary that "
                                           "holds one, or a whole module")
    parser.add_argument("output", help="safetensors file to write")
    parser.add_argument("--module", required=True, choices=MODULES, metavar="NAME", help="one of " + ", ".join(MODULES))
    parser.add_argument("--config", metavar="JSON", help="constructor arguments: a file, or the object itself")
    parser.add_argument("--key", action="append", default=[],
                        help="entry of the file that holds the state_dict or module; repeat to go deeper")
    parser.add_argument("--strip-prefix", help="take only tensors whose names begin so, without it; by default the "
                                               "module. and _orig_mod. of wrappers are taken away")
    parser.add_argument("--prefix", default="", help="put this before every name, and into the metadata")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), help="convert floating-point tensors")
    arguments = parser.parse_args()
    try:
        state = read_state(arguments.checkpoint, arguments.key, arguments.strip_prefix)
        if arguments.dtype:
            state = converted(state, arguments.dtype)
        config = arguments.config
        if config is not None and not config.lstrip().startswith("{"):
            with open(config, encoding="utf-8") as file:
                config = file.read()
        config = export_state(state, arguments.output, arguments.module, json.loads(config) if config else None,
                              prefix=arguments.prefix)
    except json.JSONDecodeError as error:
        sys.exit(f"export: --config is not JSON: {error}")
    except (ExportError, OSError) as error:
        sys.exit(f"export: {error}")
    print(arguments.output, arguments.module, json.dumps(config))


if __name__ == "__main__":
    main()
