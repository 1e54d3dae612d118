# SPDX-License-Identifier: Apache-2.0
"""A graph as a file: names, the node list in the metadata, weights, and an example with its results."""

import json
import os
import shutil
import subprocess
import warnings

import torch

from checkpoints import ExportError, write_safetensors

from .graph import Value
from .sizes import Ratio, Size


def name_nodes(graph, root):
    """Names from the paths of modules: a layer's node has its path, any other the path and its operator."""
    layers = {
        path
        for path, module in root.named_modules()
        if path
        and not any(True for _ in module.children())
        and (type(module).__module__.startswith("torch.nn.") or hasattr(module, "names_its_node"))
    }
    taken = {item.name for item in graph.inputs} | {state["value"].name for state in graph.states}

    def unique(name):
        first, dot, rest = name.replace("/", ".").partition(".")
        name = first + ("_" if first in ("in", "out") or first.isdigit() else "") + dot + rest
        found, count = name, 0
        while found in taken:
            count += 1
            found = f"{name}_{count}"
        taken.add(found)
        return found

    mains = set()
    for place, node in enumerate(graph.nodes):
        following = graph.nodes[place + 1] if place + 1 < len(graph.nodes) else None
        alone = node.path in layers and (following is None or following.path != node.path)
        if node.whole or node.path in layers and node.op != "constant" and (node.weights or alone):
            mains.add(node)
    for node in graph.nodes:
        if node.parameter:
            name = node.parameter
        elif node in mains and node.path:
            name = node.path
        else:
            name = f"{node.path}.{node.op}" if node.path else node.op
        node.name = unique(name)
        node.output.name = node.name


def share_weights(graph):
    """Nodes of the same weights name the first that has them."""
    first = {}
    for node in graph.nodes:
        if node.weights:
            key = tuple(sorted((name, id(tensor)) for name, tensor in node.weights.items()))
            node.share = first.setdefault(key, node.name)


def setting(graph, item):
    """A part of a configuration as JSON has it."""
    if isinstance(item, (Size, Ratio)):
        return graph.book.text(item)
    if isinstance(item, (list, tuple)):
        return [setting(graph, part) for part in item]
    return item


def described(graph):
    """The configuration of the module Network."""

    def shape(value):
        return [graph.book.text(size) for size in value.shape]

    def entry(node):
        inputs = [item.name if isinstance(item, Value) else setting(graph, item) for item in node.inputs]
        found = {"op": node.op, "name": node.name, "inputs": inputs}
        config = {name: setting(graph, item) for name, item in node.config.items()}
        if config:
            found["config"] = config
        if node.share not in (None, node.name):
            found["weights"] = node.share
        if node.precision:
            found["precision"] = node.precision
        return found

    inputs = []
    for value in graph.inputs:
        inputs.append({"name": value.name, "shape": shape(value)})
        if getattr(value, "channels", None):
            inputs[-1]["channels"] = value.channels
    config = {"inputs": inputs}
    if graph.states:
        config["states"] = [
            {"name": state["value"].name, "shape": shape(state["value"]), "next": state["next"].name}
            for state in graph.states
        ]
    config["nodes"] = [entry(node) for node in graph.nodes]
    config["outputs"] = []
    for name, value in graph.outputs:
        config["outputs"].append({"name": name, "value": value.name})
        if getattr(value, "channels", None):
            config["outputs"][-1]["channels"] = value.channels
    requirements = graph.book.requirements()
    if requirements:
        config["requires"] = requirements
    return config


def exactly(tensor):
    """As float32 where that holds the numbers, which those of a checkpoint are, else as float64, as folded ones are."""
    single = tensor.float()
    return single if torch.equal(single.double(), tensor.double()) else tensor.double()


def stored(tensor, dtype):
    """A weight as the file has it."""
    tensor = tensor.detach()
    if tensor.is_floating_point():
        tensor = tensor.to(dtype) if dtype else exactly(tensor)
    return tensor.contiguous()


def example_tensors(runs):
    """Tensors of an example: in.NAME and out.NAME of the first run, 1.in.NAME and so on of those after it."""
    tensors = {}
    for place, (inputs, outputs) in enumerate(runs):
        prefix = f"{place}." if place else ""
        for name, tensor in inputs.items():
            tensors[f"{prefix}in.{name}"] = exactly(tensor).contiguous()
        for name, tensor in outputs.items():
            tensors[f"{prefix}out.{name}"] = tensor.double().contiguous()
    return tensors


def write_network(graph, path, runs=(), metadata=None, dtype=None):
    """Writes the file and returns the configuration."""
    share_weights(graph)
    config = described(graph)
    tensors = {}
    for node in graph.nodes:
        if node.share == node.name:
            for name, tensor in node.weights.items():
                tensors[f"{node.name}.{name}"] = stored(tensor, dtype)
    tensors.update(example_tensors(runs))
    write_safetensors(
        path,
        tensors,
        {
            **(metadata or {}),
            "module": "Network",
            "prefix": "",
            "config": json.dumps(config, separators=(",", ":")),
        },
    )
    return config


def command_line_tool():
    """The program `saccade`: of the environment variable SACCADE, of this tree's build, or on the PATH. None
    without."""
    built = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "bin", "saccade")
    for found in (os.environ.get("SACCADE"), built, shutil.which("saccade")):
        if found and os.access(found, os.X_OK):
            return os.path.normpath(found)
    return None


NO_DEVICE = 4  # the program's exit code where there is no device, or Vulkan fails on it


def verify(path, tool):
    """Runs the file's example with the library. Raises ExportError with what the program printed where it differs."""
    result = subprocess.run([tool, "verify", path], capture_output=True, text=True, check=False)
    said = " ".join((result.stderr or result.stdout).split())
    if result.returncode == NO_DEVICE:
        warnings.warn(f"{path} is not verified: {said}", stacklevel=4)
    elif result.returncode:
        raise ExportError(f"{path}: saccade verify: {said}")
