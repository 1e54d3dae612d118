#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a network file in float64 with PyTorch, node by node as docs/networks.md defines them, and compares it with the
results in the file. It shares nothing with the exporter but the reader of safetensors.

    python3 tests/networks/evaluate.py FILE...
"""

import ast
import json
import os
import struct
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))

from checkpoints import read_safetensors  # noqa: E402

TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read(path):
    """The metadata and the tensors of a file."""
    with open(path, "rb") as file:
        metadata = json.loads(file.read(struct.unpack("<Q", file.read(8))[0])).get("__metadata__", {})
    tensors = {}
    for name, tensor in read_safetensors(path).items():
        data = bytearray(tensor.data)
        tensors[name] = (
            torch.frombuffer(data, dtype=TYPES[tensor.dtype]).reshape(tensor.shape)
            if data
            else torch.zeros(tensor.shape, dtype=TYPES[tensor.dtype])
        )
    return metadata, tensors


def expression(text, sizes, values):
    """An expression of the file: integers, names, size(value, dim), + - * // % and parentheses."""

    def visit(node):
        if isinstance(node, ast.Expression):
            return visit(node.body)
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        if isinstance(node, ast.Name):
            return sizes[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -visit(node.operand)
        if isinstance(node, ast.BinOp):
            a, b = visit(node.left), visit(node.right)
            return {
                ast.Add: lambda: a + b,
                ast.Sub: lambda: a - b,
                ast.Mult: lambda: a * b,
                ast.FloorDiv: lambda: a // b,
                ast.Mod: lambda: a % b,
            }[type(node.op)]()
        if isinstance(node, ast.Call) and node.func.id == "size":
            return values[ast.unparse(node.args[0])].shape[visit(node.args[1])]
        raise ValueError(f"expression {text!r}")

    return visit(ast.parse(text, mode="eval"))


def settle(item, sizes, values, key=""):
    """A configuration with its expressions evaluated; strings that are words stay."""
    if isinstance(item, list):
        return [settle(part, sizes, values, key) for part in item]
    if (
        isinstance(item, str)
        and key
        not in ("mode", "padding_mode", "padding_kind", "approximate", "normalize", "axis_order", "border", "sampling")
        and not (key == "padding" and item in ("zeros", "border", "reflection"))
    ):
        return expression(item, sizes, values)
    return item


def pair(value, count=2):
    return list(value) if isinstance(value, list) else [value] * count


def convolution(x, config, weights, count):
    weight, bias = weights["weight"], weights.get("bias")
    padding, mode = pair(config.get("padding", 0), count), config.get("padding_mode", "zeros")
    if mode != "zeros":
        x, padding = F.pad(x, [side for size in padding[::-1] for side in (size, size)], mode=mode), 0
    return getattr(F, f"conv{count}d")(
        x, weight, bias, config.get("stride", 1), padding, config.get("dilation", 1), config.get("groups", 1)
    )


def attention(q, k, v, bias=None, scale=None, is_causal=False):
    scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    if is_causal:
        n, m = scores.shape[-2:]
        scores = scores.masked_fill(torch.ones(n, m, dtype=torch.bool).triu(1), -torch.inf)
    return scores.softmax(-1) @ v


def warp(x, motion, config):
    """By hand: each pixel's place, its four neighbours and their shares."""
    sx, sy = config.get("scale", [1, 1])
    b, c, h, w = x.shape
    rows = torch.arange(h).double().view(1, h, 1) + sy * motion[:, 1]
    columns = torch.arange(w).double().view(1, 1, w) + sx * motion[:, 0]
    zeros = config.get("padding_mode", "border") == "zeros"

    def at(i, j):
        inside = (i >= 0) & (i < h) & (j >= 0) & (j < w)
        places = (i.clamp(0, h - 1).long() * w + j.clamp(0, w - 1).long()).view(b, 1, -1).expand(-1, c, -1)
        found = x.reshape(b, c, -1).gather(2, places).view(x.shape)
        return found * inside.unsqueeze(1) if zeros else found

    if config.get("mode", "bilinear") == "nearest":
        return at(rows.round(), columns.round())
    if not zeros:
        rows, columns = rows.clamp(0, h - 1), columns.clamp(0, w - 1)
    i, j = rows.floor(), columns.floor()
    p, q = (rows - i).unsqueeze(1), (columns - j).unsqueeze(1)
    return (
        at(i, j) * (1 - p) * (1 - q)
        + at(i, j + 1) * (1 - p) * q
        + at(i + 1, j) * p * (1 - q)
        + at(i + 1, j + 1) * p * q
    )


def apply_kernels(x, kernels, config):
    k, r = config["size"], config["size"] // 2
    normalize = config.get("normalize", "none")
    if normalize == "softmax":
        kernels = kernels.softmax(1)
    elif normalize == "sum":
        kernels = kernels / kernels.sum(1, keepdim=True)
    h, w = x.shape[-2:]
    padded = F.pad(
        x, [r] * 4, mode="replicate" if config.get("padding_mode", "replicate") == "replicate" else "constant"
    )
    return sum(kernels[:, i * k + j, None] * padded[..., i : i + h, j : j + w] for i in range(k) for j in range(k))


def sliced(x, config):
    dim = config["dim"]
    places = range(x.shape[dim])[slice(config.get("start", 0), config.get("stop"), config.get("step", 1))]
    return x.index_select(dim, torch.tensor(list(places), dtype=torch.int64))


UNARY = {
    "relu": F.relu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "mish": F.mish,
    "exp": torch.exp,
    "log": torch.log,
    "log1p": torch.log1p,
    "expm1": torch.expm1,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "square": torch.square,
    "abs": torch.abs,
    "neg": torch.neg,
    "reciprocal": torch.reciprocal,
    "sin": torch.sin,
    "cos": torch.cos,
}
BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "pow": torch.pow,
}


def module_of(op, config, weights):
    """A module of the library in plain PyTorch, with the node's weights."""
    if op == "grid_sample":
        return lambda x, grid: F.grid_sample(
            x,
            grid,
            mode=config.get("mode", "bilinear"),
            padding_mode=config.get("padding", "zeros"),
            align_corners=config.get("align_corners", False),
        )
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import library_modules

    module = getattr(library_modules, op)(**config).double().eval()
    module.load_state_dict(weights)

    def call(*inputs):
        with torch.no_grad():
            return module(*(torch.tensor(item) if isinstance(item, list) else item for item in inputs))

    return call


def evaluate_node(op, inputs, config, weights):
    x = inputs[0] if inputs else None
    if op in UNARY:
        return UNARY[op](x)
    if op in BINARY:
        return BINARY[op](*(torch.as_tensor(item, dtype=torch.float64) for item in inputs))
    get = config.get
    norm_dims = lambda: list(x.shape[-get("dims", 1) :])
    table = {
        "reshape": lambda: x.reshape(config["shape"]),
        "permute": lambda: x.permute(config["dims"]),
        "slice": lambda: sliced(x, config),
        "expand": lambda: x.expand(config["shape"]),
        "concat": lambda: torch.cat(inputs, config["dim"]),
        "pad": lambda: F.pad(
            x,
            config["padding"],
            mode=get("mode", "constant"),
            **({"value": get("value", 0)} if get("mode", "constant") == "constant" else {}),
        ),
        "roll": lambda: x.roll(config["shifts"], config["dims"]),
        "pixel_shuffle": lambda: F.pixel_shuffle(x, config["upscale_factor"]),
        "pixel_unshuffle": lambda: F.pixel_unshuffle(x, config["downscale_factor"]),
        "constant": lambda: weights["value"],
        "lerp": lambda: inputs[0] + inputs[2] * (inputs[1] - inputs[0]),
        "gelu": lambda: F.gelu(x, approximate=get("approximate", "none")),
        "leaky_relu": lambda: F.leaky_relu(x, get("negative_slope", 0.01)),
        "elu": lambda: F.elu(x, get("alpha", 1)),
        "clamp": lambda: x.clamp(get("min"), get("max")),
        "mean": lambda: x.mean(config["dims"], keepdim=get("keepdim", False)),
        "sum": lambda: x.sum(config["dims"], keepdim=get("keepdim", False)),
        "amax": lambda: x.amax(config["dims"], keepdim=get("keepdim", False)),
        "softmax": lambda: x.softmax(config["dim"]),
        "matmul": lambda: inputs[0] @ inputs[1],
        "linear": lambda: F.linear(x, weights["weight"], weights.get("bias")),
        "conv1d": lambda: convolution(x, config, weights, 1),
        "conv2d": lambda: convolution(x, config, weights, 2),
        "conv3d": lambda: convolution(x, config, weights, 3),
        "conv_transpose2d": lambda: F.conv_transpose2d(
            x,
            weights["weight"],
            weights.get("bias"),
            get("stride", 1),
            get("padding", 0),
            get("output_padding", 0),
            get("groups", 1),
            get("dilation", 1),
        ),
        "layer_norm": lambda: F.layer_norm(
            x, norm_dims(), weights.get("weight"), weights.get("bias"), get("eps", 1e-5)
        ),
        "rms_norm": lambda: x
        * torch.rsqrt(x.square().mean(list(range(-get("dims", 1), 0)), keepdim=True) + get("eps", 1e-5))
        * weights.get("weight", 1),
        "group_norm": lambda: F.group_norm(
            x, config["num_groups"], weights.get("weight"), weights.get("bias"), get("eps", 1e-5)
        ),
        "normalize": lambda: F.normalize(x, dim=get("dim", 1), eps=get("eps", 1e-12)),
        "max_pool2d": lambda: F.max_pool2d(x, config["kernel_size"], get("stride"), get("padding", 0)),
        "avg_pool2d": lambda: F.avg_pool2d(
            x, config["kernel_size"], get("stride"), get("padding", 0), count_include_pad=get("count_include_pad", True)
        ),
        "interpolate": lambda: F.interpolate(
            x,
            config.get("size"),
            get("scale_factor"),
            mode=get("mode", "nearest"),
            **({} if get("mode", "nearest") == "nearest" else {"align_corners": get("align_corners", False)}),
        ),
        "scaled_dot_product_attention": lambda: attention(
            *inputs, scale=get("scale"), is_causal=get("is_causal", False)
        ),
        "warp": lambda: warp(x, inputs[1], config),
        "apply_kernels": lambda: apply_kernels(x, inputs[1], config),
        "identity": lambda: x,
        "dropout": lambda: x,
    }
    return table[op]() if op in table else module_of(op, config, weights)(*inputs)


class Network:
    """A file's network. `states` are kept from run to run."""

    def __init__(self, path):
        metadata, self.tensors = read(path)
        self.config = json.loads(metadata["config"])
        self.states = {}

    def weights(self, node):
        prefix = node.get("weights", node["name"]) + "."
        found = {name[len(prefix) :]: tensor for name, tensor in self.tensors.items() if name.startswith(prefix)}
        others = {other["name"] for other in self.config["nodes"]}
        found = {
            name: tensor
            for name, tensor in found.items()  # not those of a node whose name only begins so
            if not any(prefix + name.rsplit(".", cut)[0] in others for cut in range(1, name.count(".") + 1))
        }
        return {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in found.items()}

    def run(self, inputs):
        """The outputs by name. Raises ValueError where the sizes are not the network's."""
        sizes, values = {}, {}
        for entry in self.config["inputs"]:
            tensor = inputs[entry["name"]].double()
            for wanted, size in zip(entry["shape"], tensor.shape, strict=True):
                wanted = sizes.setdefault(wanted, size) if isinstance(wanted, str) else wanted
                if wanted != size:
                    raise ValueError(f"input {entry['name']}: {list(tensor.shape)} for {entry['shape']}")
            values[entry["name"]] = tensor
        for state in self.config.get("states", []):
            shape = settle(state["shape"], sizes, values)
            values[state["name"]] = self.states.get(state["name"], torch.zeros(shape, dtype=torch.float64))
        for node in self.config["nodes"]:
            config = {key: settle(item, sizes, values, key) for key, item in node.get("config", {}).items()}
            given = [values[item] if isinstance(item, str) else item for item in node["inputs"]]
            values[node["name"]] = evaluate_node(node["op"], given, config, self.weights(node))
        for entry in self.config.get("requires", []):
            if expression(entry["expression"], sizes, values) != entry["equals"]:
                raise ValueError(f"requires {entry['expression']} to be {entry['equals']}")
        self.states = {state["name"]: values[state["next"]] for state in self.config.get("states", [])}
        return {entry["name"]: values[entry["value"]] for entry in self.config["outputs"]}


def compare(path):
    """(output, relative error) of every run that the file has."""
    network, place, errors = Network(path), 0, []
    while True:
        prefix = f"{place}." if place else ""
        inputs = {
            name[len(prefix) + 3 :]: tensor
            for name, tensor in network.tensors.items()
            if name.startswith(f"{prefix}in.")
        }
        wanted = {
            name[len(prefix) + 4 :]: tensor
            for name, tensor in network.tensors.items()
            if name.startswith(f"{prefix}out.")
        }
        if not wanted:
            return errors
        outputs = network.run(inputs)
        for name, tensor in wanted.items():
            if outputs[name].shape != tensor.shape:
                errors.append((prefix + name, float("inf")))
            else:
                errors.append((prefix + name, float((outputs[name] - tensor).norm() / tensor.norm())))
        place += 1


def main():
    wrong = 0
    for path in sys.argv[1:]:
        for name, error in compare(path):
            good = error <= 1e-10
            wrong += not good
            print(f"{'ok   ' if good else 'WRONG'} {os.path.basename(path)} {name} {error:.1e}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
