#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a model file of the library from a live PyTorch module, an ONNX file, or a file of tensors.

    from export import export
    export(network, "network.safetensors", torch.rand(1, 3, 256, 256))               # a network, as it runs on this
    export(attention, "attention.safetensors")                                       # a DeformableAttention1D | 2D | 3D
    export(block, "block.safetensors", "PhenakiAttention", {"dim": 64, "heads": 4})  # any other module of the library

    python3 export.py checkpoint.pt attention.safetensors --module DeformableAttention2D --config config.json
    python3 export.py network.safetensors --module network.py:Network --weights checkpoint.pt --example 1x3x256x256
    python3 export.py network.onnx network.safetensors

The file is a safetensors container: tensors under their state_dict names, and in `__metadata__` the entries `module`
and `config`, the constructor's arguments as JSON. Files are read without PyTorch. README.md beside this file
says which arguments are found in a module, which in a state_dict, and which must be given.
"""

import argparse
import json
import sys

from checkpoints import ExportError, converted, read_state, require, write_safetensors
from deformable_config import DEFORMABLE, deformable_config
from saccade_export import command

MODULES = ("DeformableAttention1D", "DeformableAttention2D", "DeformableAttention3D", "TutorialDeformableAttention",
           "MSDeformAttn", "PhenakiAttention", "PhenakiFeedForward", "PhenakiTransformer", "AlibiPositionalBias",
           "ContinuousPositionBias", "PEG", "DalleAttention", "SparseConvCausalAttention", "SparseAxialCausalAttention",
           "SparseAttention", "grid_sample", "LocalAttention1D", "LocalAttention2D", "LocalAttention3D",
           "DynamicSparseAttention", "ShiftedWindowAttention", "PhenakiLayerNorm", "GEGLU", "l2norm", "Scale", "CPB")


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


def export(module, path, example=None, config=None, **options):
    """Writes a network, given an example of forward's arguments, or one module of the library.

    export(module, path, example, **options): see saccade_export/export_network.py.
    export(module, path, module_name=None, config=None, **options): see export_module.
    """
    if example is None or isinstance(example, str):
        return export_module(module, path, options.pop("module_name", example), config, **options)
    require(config is None, "config: a network has none; its options are named")
    from saccade_export.export_network import export_network

    return export_network(module, path, example, **options)


def export_module(module, path, module_name=None, config=None, **options):
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


def main():
    parser = argparse.ArgumentParser(
        description="Writes a model file from a file of tensors, from a class of a Python file, or from an ONNX file.",
        usage="%(prog)s CHECKPOINT OUTPUT --module NAME [--config JSON]\n"
              "       %(prog)s OUTPUT --module FILE.py:CLASS --weights CHECKPOINT [--args JSON] [--example SIZES]\n"
              "       %(prog)s FILE.onnx OUTPUT [--example NAME=SIZES]")
    parser.add_argument(
    "paths",
    nargs="+",
    metavar="FILE",
    help="safetensors file, or file of torch.save: a state_dict, a dictionary that holds one, or a whole "
    "module; or an ONNX file. Then the safetensors file to write")
    parser.add_argument("--module", metavar="NAME", help="FILE.py:CLASS for a network, or one of " + ", ".join(MODULES))
    parser.add_argument("--config", metavar="JSON", help="constructor arguments: a file, or the object itself")
    parser.add_argument("--key", action="append", default=[],
                        help="entry of the file that holds the state_dict or module; repeat to go deeper")
    parser.add_argument("--strip-prefix", help="take only tensors whose names begin so, without it; by default the "
                                               "module. and _orig_mod. of wrappers are taken away")
    parser.add_argument("--prefix", default="", help="put this before every name, and into the metadata")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), help="convert floating-point tensors")
    command.add_options(parser)
    arguments = parser.parse_args()
    try:
        require(len(arguments.paths) <= 2, f"{arguments.paths[2:]}: no more than two files are given")
        if command.is_network(arguments):
            config = command.export_network_file(arguments)
            print(arguments.paths[-1], "Network", f"{len(config['nodes'])} nodes")
            return
        require(len(arguments.paths) == 2, "the checkpoint and the file to write must be given")
        require(arguments.module is not None, "--module must be given")
        state = read_state(arguments.paths[0], arguments.key, arguments.strip_prefix)
        if arguments.dtype:
            state = converted(state, arguments.dtype)
        config = arguments.config
        if config is not None and not config.lstrip().startswith("{"):
            with open(config, encoding="utf-8") as file:
                config = file.read()
        config = export_state(state, arguments.paths[1], arguments.module, json.loads(config) if config else None,
                              prefix=arguments.prefix)
    except json.JSONDecodeError as error:
        sys.exit(f"export: {'--args' if command.is_network(arguments) else '--config'} is not JSON: {error}")
    except (ExportError, OSError) as error:
        sys.exit(f"export: {error}")
    print(arguments.paths[1], arguments.module, json.dumps(config))


if __name__ == "__main__":
    main()
