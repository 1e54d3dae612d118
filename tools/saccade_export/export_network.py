# SPDX-License-Identifier: Apache-2.0
"""export() of a network: inputs with their free sizes, the trace, states, and the file."""

import copy
import inspect
import warnings

import torch

from checkpoints import ExportError, require

from . import attention, elementwise, layers, shaping  # noqa: F401: they register their functions
from .free_sizes import FreeSizes, other_sizes, state_shape
from .graph import Graph, Value
from .moves import HIGHEST_RANK
from .network_file import command_line_tool, described, name_nodes, verify, write_network
from .precision import keep_float32
from .simplify import simplify
from .sizes import expression_of
from .trace import Tracer, in_float64, plain, tracing


def leaves_of(name, item):
    """The tensors of an argument or a result by name: itself, or those of a list or dictionary in it."""
    if torch.is_tensor(item):
        return [(name, item)]
    if isinstance(item, dict):
        return [leaf for key, part in item.items() for leaf in leaves_of(f"{name}_{key}" if name else str(key), part)]
    if hasattr(item, "_fields"):
        return leaves_of(name, item._asdict())
    if isinstance(item, (list, tuple)):
        return [
            leaf
            for place, part in enumerate(item)
            for leaf in leaves_of(f"{name}_{place}" if name else f"y{place}", part)
        ]
    return []


class Named:
    """Arguments by name, as inspect.BoundArguments has them, of a module whose inputs have names that no code has."""

    def __init__(self, names, example):
        items = example if isinstance(example, (dict, list, tuple)) else (example,)
        self.args, self.arguments = (), dict(items) if isinstance(items, dict) else dict(zip(names, items))

    @property
    def kwargs(self):
        return self.arguments


def arguments_of(module, example):
    """What forward is called with, by the names of its parameters."""
    if hasattr(module, "input_names"):
        bound = Named(module.input_names, example)
        return bound, dict(bound.arguments)
    signature = inspect.signature(module.forward)
    if isinstance(example, dict):
        bound = signature.bind(**example)
    else:
        bound = signature.bind(*(example if isinstance(example, (list, tuple)) else (example,)))
    named = {}
    for name, item in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            named[name] = tuple(item)
        else:
            named[name] = item
    return bound, named


def in_double(item):
    if torch.is_tensor(item):
        item = item.detach().cpu()
        return item.double() if item.is_floating_point() else item
    if isinstance(item, dict):
        return {key: in_double(part) for key, part in item.items()}
    if hasattr(item, "_fields"):
        return type(item)(*(in_double(part) for part in item))
    if isinstance(item, (list, tuple)):
        return type(item)(in_double(part) for part in item)
    return item


def pick(result, place, argument):
    """What forward returns at an index or key."""
    try:
        return result[place]
    except (KeyError, IndexError, TypeError):
        raise ExportError(f"states: forward returns nothing at {place!r} for {argument!r}") from None


def named_outputs(result, states, outputs):
    """The outputs by name. Without names: y of one tensor, y0, y1, ... of several, the keys of a dictionary."""
    if isinstance(outputs, dict):
        result = (result,) if torch.is_tensor(result) else result
        return [(name, pick(result, place, name)) for name, place in outputs.items()]
    places = list(states.values())
    if torch.is_tensor(result):
        rest = [] if places else [("y", result)]
    elif isinstance(result, dict):
        rest = leaves_of("", {key: item for key, item in result.items() if key not in places})
    else:
        fields = getattr(result, "_fields", None)
        kept = [
            (place, item)
            for place, item in enumerate(result)
            if place not in places and place - len(result) not in places
        ]
        if fields:
            rest = leaves_of("", {fields[place]: item for place, item in kept})
        else:
            rest = [
                leaf
                for count, (_, item) in enumerate(kept)
                for leaf in leaves_of("y" if len(kept) == 1 else f"y{count}", item)
            ]
    if outputs:
        names = [outputs] if isinstance(outputs, str) else list(outputs)
        require(
            len(names) == len(rest),
            f"outputs: {len(names)} names, but forward returns {len(rest)} tensors"
            f"{' besides states' if places else ''}",
        )
        rest = [(name, tensor) for name, (_, tensor) in zip(names, rest)]
    require(rest, "forward returns no tensor")
    return rest


def trace(module, example, *, states=None, outputs=None, free=True, channels=None, modules=None):
    """The graph of a module: what forward makes of the example, in float64 and eval(). Raises ExportError."""
    states, channels = dict(states or {}), dict(channels or {})
    graph = Graph()
    leaves = [
        (
            lambda m, key=key: m is key
            or isinstance(key, type)
            and isinstance(m, key)
            or isinstance(key, str)
            and type(m).__name__ == key,
            attention.library_module(*entry),
        )
        for key, entry in (modules or {}).items()
    ]
    bound, named = arguments_of(module, in_double(example))
    for name in states:
        require(torch.is_tensor(named.get(name)), f"states: the example has no tensor {name!r}")
    tracer, sizes = Tracer(graph, module, leaves), FreeSizes(graph.book, free)
    tensors = [leaf for name, item in named.items() for leaf in leaves_of(name, item)]
    require(tensors, "the example has no tensor")
    for name, tensor in tensors:
        floats = tensor.is_floating_point() or name in states
        require(floats, f"input {name!r} is of {tensor.dtype}; networks take floats")
        if name not in states:
            value = Value(sizes.shape_of(name, tensor, channels.get(name)), name=name)
            value.channels = channels.get(name)
            graph.inputs.append(value)
            tracer.bind(tensor, value)
    for name, place in states.items():
        tensor = dict(tensors)[name]
        value = Value(state_shape(graph.book, sizes, name, tensor), name=name)
        graph.states.append({"value": value, "next": None, "place": place})
        tracer.bind(tensor, value)
    try:
        with tracing(tracer):
            result = module(*bound.args, **bound.kwargs)
    except Exception:
        if not tracer.refusals:  # else it may be for the values that those did not give
            raise
    if not tracer.refusals:
        collect(graph, tracer, result, states, outputs, channels)
    if tracer.refusals:
        more = f"; and {len(tracer.refusals) - 20} more" if len(tracer.refusals) > 20 else ""
        raise ExportError("cannot be taken: " + "; ".join(tracer.refusals[:20]) + more)
    return graph


def check_ranks(graph, module):
    wrong = [
        f"{node.path or type(module).__name__} at {node.place}: {node.op} makes a tensor of {node.output.rank} "
        "dimensions"
        for node in graph.nodes
        if node.output.rank > HIGHEST_RANK
    ]
    require(not wrong, f"cannot be taken: {'; '.join(wrong[:20])}; the library has {HIGHEST_RANK}")


def collect(graph, tracer, result, states, outputs, channels):
    def value_of(tensor, what):
        if id(tensor) in tracer.stale:
            raise ExportError(f"{what}: changed in place through another tensor")
        if id(tensor) not in tracer.known:
            require(torch.is_tensor(tensor), f"{what}: not a tensor")
            return tracer.constant(tensor)
        return tracer.known[id(tensor)]

    for state in graph.states:
        name = state["value"].name
        following = pick(result, state["place"], name)
        state["next"] = value_of(following, f"state {name!r}")
        shape, wanted = list(following.shape), [plain(size) for size in state["value"].shape]
        require(shape == wanted, f"state {name!r} is {wanted}, what follows it {shape}")
        for a, b in zip(state["value"].shape, state["next"].shape):
            graph.book.equal(a, b)
    for name, tensor in named_outputs(result, states, outputs):
        graph.outputs.append((name, value_of(tensor, f"output {name!r}")))
    for name, value in graph.outputs:
        if name in channels:
            value.channels = channels[name]


def run(module, example, states, outputs, memory):
    """One run: its inputs and outputs by name. `memory` has the states and is given their next contents."""
    bound, named = arguments_of(module, in_double(example))
    memory.update(in_double(memory))
    bound.arguments.update(memory)
    named.update(memory)
    with in_float64():
        result = module(*bound.args, **bound.kwargs)
    inputs = {name: tensor for key, item in named.items() if key not in states for name, tensor in leaves_of(key, item)}
    memory.update({name: pick(result, place, name) for name, place in states.items()})
    return inputs, dict(named_outputs(result, states, outputs))


def as_named(module, example):
    if isinstance(example, dict):
        return example
    return arguments_of(module, example)[1]


def export_network(
    module,
    path,
    example,
    *,
    states=None,
    outputs=None,
    free=True,
    channels=None,
    modules=None,
    float32=(),
    with_example=True,
    runs=(),
    reference=None,
    metadata=None,
    dtype=None,
    check=None,
):
    """Writes the network that module.forward computes to `path` and returns its configuration.

    example: forward's arguments: a tensor, a tuple, or a dictionary by name. It says shapes and types.
    states: forward's argument -> index or key of what forward returns as its next content. Zeros at first.
    outputs: names of the results that are not states, or a dictionary of name -> index or key.
    free: True leaves height and width to the plan (dimensions 2 and 3 of rank 4, 3 and 4 of rank 5); False nothing; a
        dictionary of input -> {dimension: name} says which.
    channels: input or output -> "last", where its channels are its last dimension.
    modules: class, its name, or a module -> (name of a module of docs/modules.md, its configuration or a function of
        the module that makes it), for layers that the library has and whose class does not tell.
    float32: paths or classes of modules that keep float32 in a plan of half precision, as positions to sample at do anyway.
    with_example: the file has the example's inputs and its results in float64, and of `runs`, examples after it.
    reference: the module whose results the file has, if not the module's own.
    check: the program `saccade` that verifies the file; None takes the one at hand, False none.
    """
    module = copy.deepcopy(module).cpu().double().eval()
    states = dict(states or {})
    options = {"states": states, "outputs": outputs, "channels": channels, "modules": modules, "float32": float32}
    graph = network_of(module, example, free=free, **options)
    reason = not_free(module, example, graph, free=free, **options)
    if reason:
        warnings.warn(f"sizes are fixed as the example has them: {reason}", stacklevel=3)
        graph = network_of(module, example, free=False, **options)
    results = []
    reference = module if reference is None else copy.deepcopy(reference).cpu().double().eval()
    if with_example:
        memory = {name: torch.zeros_like(as_named(module, example)[name]) for name in states}
        for each in (example, *runs):
            results.append(run(reference, each, states, outputs, memory))
    config = write_network(graph, path, results, metadata, dtype)
    tool = command_line_tool() if check is None else check
    if with_example and tool:
        verify(path, tool)
    return config


def network_of(module, example, *, float32=(), **options):
    """The graph of a module, simplified and named. Raises ExportError."""
    graph = trace(module, copy.deepcopy(example), **options)
    simplify(graph)
    keep_float32(graph, module, float32)
    left = [node for node in graph.nodes if node.op in ("erf", "batch_norm")]
    wrong = [
        f"{node.path or type(module).__name__} at {node.place}: {node.op} is no operator of the library"
        for node in left
    ]
    require(not wrong, f"cannot be taken: {'; '.join(wrong)}")
    check_ranks(graph, module)
    name_nodes(graph, module)
    return graph


def resized(item, shapes):
    """An example with other tensors in the place of those that `shapes` has by id."""
    if torch.is_tensor(item):
        return torch.rand(*shapes[id(item)], generator=torch.Generator().manual_seed(1)) if id(item) in shapes else item
    if isinstance(item, dict):
        return {key: resized(part, shapes) for key, part in item.items()}
    if hasattr(item, "_fields"):
        return type(item)(*(resized(part, shapes) for part in item))
    if isinstance(item, (list, tuple)):
        return type(item)(resized(part, shapes) for part in item)
    return item


def not_free(module, example, graph, **options):
    """Why the network is another at other sizes, which what Python hides from the tracer can make it; else None.

    Raises ExportError where a constant is another for other numbers: then it is none.
    """
    reason = None
    named = arguments_of(module, example)[1]
    tensors = dict(leaf for name, item in named.items() for leaf in leaves_of(name, item))
    values = {value.name: value for value in graph.inputs + [state["value"] for state in graph.states]}
    for sizes in (*other_sizes(graph.book), graph.book.values):
        shapes = {
            id(tensors[name]): [
                graph.book.evaluate(expression_of(graph.book.size(size)), sizes) for size in value.shape
            ]
            for name, value in values.items()
        }
        try:
            other = network_of(module, resized(example, shapes), **options)
        except Exception as error:  # whatever a module does at sizes that it was not made for
            reason = reason or f"at {sizes} forward fails: {(str(error) or type(error).__name__).splitlines()[0]}"
            continue
        if described(other) != described(graph):
            return reason or f"at {sizes} forward does something else"
        for one, another in zip(graph.nodes, other.nodes):
            for name, tensor in one.weights.items():
                require(
                    torch.equal(tensor, another.weights[name]),
                    f"cannot be taken: {one.name}.{name}, read at {one.place}, depends on the inputs, but not by "
                    "functions of PyTorch: TorchScript, another package's kernel or numpy makes it",
                )
        return reason
    return reason
