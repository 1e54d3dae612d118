# SPDX-License-Identifier: Apache-2.0
"""Which nodes keep float32 in a plan of half precision: positions that something is sampled at, and what the caller says."""

from .graph import BINARY, UNARY, Value

# Arithmetic that makes positions of positions. What a layer computes has the precision that the layer has.
ARITHMETIC = (*UNARY, *BINARY, "lerp", "reshape", "permute", "slice", "expand", "concat", "pad", "constant", "roll")
POSITIONS = {"grid_sample": 1, "warp": 1, "MSDeformAttn": 1}  # operator -> its input of positions


def keep_float32(graph, module, chosen):
    """Marks the nodes. chosen: paths of modules, their classes, or the names of these."""
    kept = []
    for node in graph.nodes:
        if node.op in POSITIONS:
            kept.append(node.inputs[POSITIONS[node.op]])
    while kept:
        node = kept.pop().node
        if node is not None and node.op in ARITHMETIC and node.precision is None:
            node.precision = "float32"
            kept += [item for item in node.inputs if isinstance(item, Value)]
    paths = [path for path, child in module.named_modules() if is_chosen(path, child, chosen)]
    for node in graph.nodes:
        if any(not path or node.path == path or node.path.startswith(path + ".") for path in paths):
            node.precision = "float32"


def is_chosen(path, module, chosen):
    return any(
        item in (path, type(module).__name__) if isinstance(item, str) else isinstance(module, item) for item in chosen
    )
