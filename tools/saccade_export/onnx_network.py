# SPDX-License-Identifier: Apache-2.0
"""ONNX files as networks: the file becomes a module of PyTorch, a child for each node, and is exported as any other."""

import re

import numpy
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from checkpoints import ExportError, require

from . import onnx_operators, onnx_shapes  # noqa: F401: they register their operators
from .export_network import export_network
from .onnx_integers import INTEGERS, OPERATORS, Integers, is_constant_integers

OPSETS = (13, 20)
SIZES = (64, 80)  # of free dimensions, where no example says more: different ones, multiples of what networks divide by


def path_of(node, place):
    """A node's name as a module's path. PyTorch's /enc/enc.0/Conv is enc.0."""
    parts = []
    for part in (node.name or f"{node.op_type}_{place}").strip("/").split("/"):
        part = re.sub(r"[^0-9A-Za-z_.]+", "_", part).strip(".")
        if parts and part.startswith(parts[-1] + "."):
            parts[-1] = part
        elif part:
            parts.append(part)
    return "/".join(parts).replace(".", "/") or f"{node.op_type}_{place}"


def paths_of(nodes):
    """Of all nodes, without the operator's name where a module has no other node."""
    paths = [path_of(node, place) for place, node in enumerate(nodes)]
    modules = [path.rpartition("/")[0] for path in paths]
    short = [
        (
            module
            if module
            and modules.count(module) == 1
            and not any(p.startswith(module + "/") and p != path for p in paths)
            else path
        )
        for path, module in zip(paths, modules)
    ]
    taken, unique = set(), []
    for path in short:
        found, count = path, 0
        while found in taken:
            count += 1
            found = f"{path}_{count}"
        taken.add(found)
        unique.append(found)
    return unique


def attribute(item):
    value = onnx.helper.get_attribute_value(item)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return tensor_of(value)
    return shortest(value) if isinstance(value, float) else value


def shortest(value):
    """The decimal number that a float32 was written as: 1e-5 and not 9.999999747378752e-06."""
    return float(str(numpy.float32(value))) if numpy.float32(value) == value else value


def tensor_of(proto):
    array = numpy_helper.to_array(proto)
    if array.size == 1 and array.dtype == numpy.float32:
        return torch.full(array.shape, shortest(float(array.reshape(-1)[0])), dtype=torch.float64)
    return torch.from_numpy(array.copy() if array.dtype.isnative else array.astype(array.dtype.newbyteorder("=")))


class OnnxNode(nn.Module):
    names_its_node = True

    def __init__(self, node):
        super().__init__()
        self.op = node.op_type
        self.attributes = {item.name: attribute(item) for item in node.attribute}
        self.attributes["outputs"] = len(node.output)

    def forward(self, *inputs):
        """Of Integers where they are all that it takes, else of tensors."""
        if any(isinstance(item, Integers) for item in inputs):
            known = all(isinstance(item, Integers) or item is None or is_constant_integers(item) for item in inputs)
            if self.op in INTEGERS and known:
                return INTEGERS[self.op](self.attributes, *inputs)
            sizes_last = ("Reshape", "Expand", "ConstantOfShape", "Slice", "Resize", "Tile", "Pad", "Split", "Gather")
            if self.op not in sizes_last or isinstance(inputs[0], Integers) and self.op != "ConstantOfShape":
                inputs = [item.tensor() if isinstance(item, Integers) else item for item in inputs]
        if self.op not in OPERATORS:
            raise ExportError(f"{self.op} is no operator of the library")
        return OPERATORS[self.op](self.attributes, *inputs)


class OnnxModule(nn.Module):
    def __init__(self, model):
        super().__init__()
        graph = model.graph
        self.tensors = {}
        for place, proto in enumerate(graph.initializer):
            name = re.sub(r"\W+", "/", proto.name).strip("/") or f"tensor_{place}"
            name += f"_{place}" if hasattr(self, name) or name in self.tensors.values() else ""
            self.register_buffer(name, tensor_of(proto))
            self.tensors[proto.name] = name
        given = {proto.name for proto in graph.initializer}
        self.inputs = [item for item in graph.input if item.name not in given]
        self.output_names = [item.name for item in graph.output]
        self.steps = []
        for path, node in zip(paths_of(graph.node), graph.node):
            while hasattr(self, path):
                path += "_"
            self.add_module(path, OnnxNode(node))
            self.steps.append((path, list(node.input), list(node.output)))
        missing = sorted(
            {node.op_type for node in graph.node if node.op_type not in OPERATORS and node.op_type not in INTEGERS}
        )
        require(not missing, f"cannot be taken: {', '.join(missing)}: no operator of the library")

    def forward(self, **inputs):
        """The outputs, of inputs by the names in input_names."""
        values = {name: getattr(self, buffer) for name, buffer in self.tensors.items()}
        values.update((item.name, inputs[name]) for item, name in zip(self.inputs, self.input_names))
        for child, taken, made in self.steps:
            try:
                results = getattr(self, child)(*(values[name] if name else None for name in taken))
            except ExportError as error:
                raise ExportError(f"cannot be taken: {child.replace('/', '.')}: {error}") from None
            results = results if isinstance(results, list) else [results]
            values.update(zip(made, results))
        return tuple(values[name] for name in self.output_names)


def identifier(name):
    return re.sub(r"\W", "_", name).strip("_") or "n"


def described_inputs(module, sizes):
    """Names, example tensors and free sizes of the inputs. Dimension 0 is 1 where it is free."""
    examples, free, known = {}, {}, {}
    for item in module.inputs:
        kind = item.type.tensor_type
        require(
            kind.elem_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE),
            f"input {item.name!r}: networks take floats",
        )
        shape, named = [], {}
        for axis, dim in enumerate(kind.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                shape.append(dim.dim_value)
                continue
            if axis == 0 and item.name not in sizes:
                shape.append(1)
                continue
            label = identifier(dim.dim_param) if dim.dim_param else f"n{axis}"
            if axis:
                named[axis] = label
            shape.append(known.setdefault(label, SIZES[len(known) % 2]))
        if item.name in sizes:
            require(len(sizes[item.name]) == len(shape), f"input {item.name!r} has {len(shape)} dimensions")
            shape = list(sizes[item.name])
        draw = torch.Generator().manual_seed(len(examples) + 1)
        examples[item.name] = torch.rand(*shape, generator=draw)
        free[item.name] = named
    return examples, free


def export_onnx(source, path, *, example=None, **options):
    """Writes the network of an ONNX file (opset 13 to 20) and returns its configuration.

    example: input -> tensor, or shape; what is left out has its sizes from the file, free ones from SIZES. Dimensions
        with a name in the file stay free, but the first, the batch.
    states: input -> output that it is in the next run, or its index. Other options: as export_network.
    """
    model = onnx.load(source)
    opset = next((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), None)
    first, last = OPSETS
    require(
        opset is not None and first <= opset <= last,
        f"{source}: opset {opset}; {first} to {last} are taken, " "onnx.version_converter makes them of others",
    )
    module = OnnxModule(model)
    given = dict(example or {})
    sizes = {name: tuple(item.shape) if torch.is_tensor(item) else tuple(item) for name, item in given.items()}
    for name in given:
        require(
            any(item.name == name for item in module.inputs), f"example {name!r}: the file has no input of that name"
        )
    examples, free = described_inputs(module, sizes)
    examples.update({name: item for name, item in given.items() if torch.is_tensor(item)})
    names = {item.name: identifier(item.name) for item in module.inputs}
    module.input_names = list(names.values())
    states = {
        identifier(name): module.output_names.index(place) if place in module.output_names else place
        for name, place in (options.pop("states", None) or {}).items()
    }
    outputs = {
        identifier(name): place
        for place, name in enumerate(module.output_names)
        if place not in states.values()
    }
    options.setdefault("free", {names[name]: axes for name, axes in free.items()})
    options.setdefault("outputs", outputs)
    return export_network(module, path, tuple(examples.values()), states=states, **options)
