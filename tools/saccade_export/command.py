# SPDX-License-Identifier: Apache-2.0
"""export.py's command line for networks: a class of a Python file with a checkpoint, or an ONNX file. Imported without
PyTorch."""

import importlib.util
import json
import os
import re
import sys

from checkpoints import ExportError, converted, read_state, require


def is_network(arguments):
    """Whether the command line asks for a network, and not for one module of the library."""
    return arguments.paths[0].endswith(".onnx") or ".py:" in (arguments.module or "")


def add_options(parser):
    group = parser.add_argument_group("networks")
    group.add_argument("--args", metavar="JSON", help="arguments of the class: an object of named ones, or a list")
    group.add_argument("--weights", metavar="FILE", help="the checkpoint, as the one that a module is exported of")
    group.add_argument(
        "--example",
        action="append",
        default=[],
        metavar="[NAME=]SIZES",
        help="shape of an input, 1x3x256x256, in forward's order or by name; without it what the file's "
        "function example() returns, or what the ONNX file says",
    )
    group.add_argument(
        "--state",
        action="append",
        default=[],
        metavar="NAME=PLACE",
        help="forward's argument that is kept from run to run, and the index or key of what it returns as the next",
    )
    group.add_argument(
        "--outputs", metavar="NAMES", help="names of the results that are no states, separated by commas"
    )
    group.add_argument(
        "--channels-last",
        action="append",
        default=[],
        metavar="NAME",
        help="input or output whose channels are its last dimension",
    )
    group.add_argument("--static", action="store_true", help="fix height and width too")
    group.add_argument("--no-example", action="store_true", help="leave inputs and results out of the file")
    group.add_argument("--no-verify", action="store_true", help="do not run the file with the program saccade")


def packages(*names):
    for name, package in names:
        if importlib.util.find_spec(name) is None:
            raise ExportError(f"networks take {package}, which is not installed")


def place_of(text):
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def assignment(text, option):
    name, equals, value = text.partition("=")
    require(equals and name and value, f"{option} {text}: not NAME={'SIZES' if option == '--example' else 'PLACE'}")
    return name, value


def sizes_of(text):
    require(re.fullmatch(r"\d+([x,]\d+)*", text), f"--example {text}: sizes are written 1x3x256x256")
    return [int(size) for size in re.split("[x,]", text)]


def examples(arguments):
    """Tensors by name, or in order under numbers."""
    import torch

    found = {}
    for place, text in enumerate(arguments.example):
        name, sizes = assignment(text, "--example") if "=" in text else (place, text)
        found[name] = torch.rand(*sizes_of(sizes), generator=torch.Generator().manual_seed(place + 1))
    return found


def source_of(path):
    """A Python file as a module; what lies beside it can be imported."""
    require(os.path.exists(path), f"{path}: No such file")
    sys.path[:0] = [os.path.dirname(os.path.abspath(path))]
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


def make_module(arguments):
    """The module of --module file.py:Class with its weights, and the file's own module."""
    path, _, name = arguments.module.rpartition(":")
    source = source_of(path)
    require(hasattr(source, name), f"{path}: has no {name!r}")
    given = json.loads(arguments.args) if arguments.args else {}
    require(isinstance(given, (dict, list)), "--args: neither an object nor a list")
    try:
        module = getattr(source, name)(**given) if isinstance(given, dict) else getattr(source, name)(*given)
    except TypeError as error:
        raise ExportError(f"--args: {error}") from None
    weights = arguments.weights or (arguments.paths[0] if len(arguments.paths) == 2 else None)
    require(weights, "--weights: must be given")
    state = converted(read_state(weights, arguments.key, arguments.strip_prefix), None)
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ExportError(f"{weights}: " + " ".join(str(error).split())) from None
    return module, source


def example_of(arguments, source):
    found = examples(arguments)
    if not found:
        require(hasattr(source, "example"), "--example: must be given, as the file has no function example()")
        return source.example()
    if all(isinstance(name, int) for name in found):
        return tuple(found.values())
    require(all(isinstance(name, str) for name in found), "--example: some have names and some have none")
    return found


def export_network_file(arguments):
    """Does what the command line says and returns the configuration written."""
    require(
        arguments.config is None and not arguments.prefix,
        "--config and --prefix are of single modules, not of networks",
    )
    options = {"with_example": not arguments.no_example, "check": False if arguments.no_verify else None}
    if arguments.dtype:
        packages(("torch", "PyTorch"))
        import torch

        options["dtype"] = getattr(torch, arguments.dtype)
    if arguments.static:
        options["free"] = False
    if arguments.state:
        options["states"] = {
            name: place_of(value) for name, value in (assignment(text, "--state") for text in arguments.state)
        }
    if arguments.outputs:
        options["outputs"] = arguments.outputs.split(",")
    if arguments.channels_last:
        options["channels"] = dict.fromkeys(arguments.channels_last, "last")
    if arguments.paths[0].endswith(".onnx"):
        require(len(arguments.paths) == 2, "an ONNX file and the file to write must be given")
        require(arguments.module is None and arguments.weights is None, "--module and --weights: an ONNX file has both")
        packages(("torch", "PyTorch"), ("onnx", "onnx (python3-onnx)"))
        from .onnx_network import export_onnx

        found = examples(arguments)
        require(all(isinstance(name, str) for name in found), "--example: an ONNX file's inputs are named, NAME=SIZES")
        return export_onnx(arguments.paths[0], arguments.paths[-1], example=found, **options)
    packages(("torch", "PyTorch"))
    from .export_network import export_network

    module, source = make_module(arguments)
    if hasattr(source, "options") and not arguments.example:
        options = {**source.options(), **options}
    return export_network(module, arguments.paths[-1], example_of(arguments, source), **options)
