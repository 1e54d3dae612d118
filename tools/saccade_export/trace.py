# SPDX-License-Identifier: Apache-2.0
"""Runs a module on an example in float64 and notes what it does: the nodes that make its results of its inputs.

Every call of a function of PyTorch comes by here (torch.overrides.TorchFunctionMode) with real tensors, so any Python
code runs as it is. A tensor that depends on an input has a Value of the graph; any other is a constant, which PyTorch
computes. Shapes are given as Sizes, which carry their expressions through the module's own arithmetic.
"""

import contextlib
import os
import sys

import torch
from torch.overrides import TorchFunctionMode

from checkpoints import ExportError

from .calls import CASTS, HIDDEN, LIKE, PLAIN, RANDOM, SAME, flattened, in_place, mapped, name_of, plain
from .graph import Value
from .sizes import Ratio, Shape, Size

HERE = os.path.dirname(os.path.abspath(__file__))
TORCH = os.path.dirname(os.path.abspath(torch.__file__))
FUNCTIONS = {}  # name of a function of PyTorch -> what makes nodes of it
MODULES = []  # (test of a module, what makes nodes of it)


def takes(*names):
    """Registers what makes nodes of functions and methods of these names: f(tracer, their arguments) -> Value."""

    def register(function):
        FUNCTIONS.update(dict.fromkeys(names, function))
        return function

    return register


class Refused(Exception):
    """What the library has no operator for. Tracing goes on, to name everything there is."""


class Tracer(TorchFunctionMode):
    def __init__(self, graph, module, leaves):
        super().__init__()
        self.graph, self.book, self.leaves = graph, graph.book, leaves
        self.known = {}  # id of a tensor -> its Value
        self.tagged = {}  # id of a constant -> the sizes it was made of
        self.stale = set()  # ids of tensors that an operation in place has changed behind their back
        self.alive = []  # so that ids stay theirs
        self.constants = {}  # id of a constant -> its Value
        self.off = 0
        self.refusals = []
        self.root = module
        self.paths = {id(child): name for name, child in module.named_modules()}
        self.parameters = {id(tensor): name for name, tensor in [*module.named_parameters(), *module.named_buffers()]}

    # ---- Tensors and values

    def bind(self, tensor, value):
        """The tensor is this value, from now on."""
        self.known[id(tensor)] = value
        self.stale.discard(id(tensor))
        self.alive.append(tensor)
        shape = tuple(map(plain, value.shape))
        assert shape == tuple(tensor.shape), f"{value.node and value.node.op}: {shape}, not {tuple(tensor.shape)}"
        return tensor

    def value(self, item):
        """The Value of a tensor that depends on the inputs; anything else as it is."""
        if not torch.is_tensor(item) or id(item) not in self.known:
            return item
        if id(item) in self.stale:
            raise Refused("reads a tensor after an operation in place has changed it through another")
        value = self.known[id(item)]
        if value.name is None and value.node is None and not self.refusals:
            raise Refused("takes indices or the like, which are no values of a network")
        return value

    def constant(self, tensor):
        """The Value of a tensor that does not depend on the inputs. Sizes that it was made of are fixed from now on."""
        self.book.fix(*self.tagged.get(id(tensor), ()))
        if id(tensor) not in self.constants:
            path = self.parameters.get(id(tensor))
            numbers = torch.nan_to_num(tensor.detach().double(), nan=float("nan"), posinf=-HIDDEN, neginf=HIDDEN)
            self.constants[id(tensor)] = self.graph.constant(numbers, path)
            self.constants[id(tensor)].node.parameter = path
            self.alive.append(tensor)
        return self.constants[id(tensor)]

    def operand(self, item, rank=6):
        """A Value, or a number where one number broadcasts to everything."""
        if isinstance(item, Value) or item is None:
            return item
        if torch.is_tensor(item):
            if item.numel() == 1 and item.dim() <= rank:
                self.book.fix(*self.tagged.get(id(item), ()))
                return float(item)
            return self.constant(item)
        if isinstance(item, (Size, Ratio)):
            return float(item)
        if isinstance(item, (bool, int, float)):
            return item
        raise Refused(f"takes {type(item).__name__}")

    def weight(self, item, what="weight"):
        """A tensor that has to be a constant."""
        if item is None:
            return None
        if isinstance(item, Value):
            raise Refused(f"has a {what} that depends on the inputs")
        self.book.fix(*self.tagged.get(id(item), ()))
        self.alive.append(item)
        return item

    @contextlib.contextmanager
    def paused(self):
        self.off += 1
        try:
            yield
        finally:
            self.off -= 1

    # ---- Calls

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if self.off:
            return function(*args, **kwargs)
        name = "unfold_dimension" if function is torch.Tensor.unfold else name_of(function)
        leaves = [item for item in flattened((args, kwargs))]
        tensors = [item for item in leaves if torch.is_tensor(item)]
        if not any(id(tensor) in self.known for tensor in tensors):
            return self.compute(function, name, leaves, args, kwargs)
        if name.startswith("."):
            return self.attribute(function, name[1:], args)
        if name in PLAIN:
            return function(*args, **kwargs)
        if name in LIKE or name in CASTS and id(args[0]) not in self.known:  # of a value only its shape, or its type
            return self.compute(function, name, leaves, args, kwargs)
        if name in ("size", "numel", "__len__", "nelement", "type", "equal") and self.is_question(name, args, kwargs):
            return self.answer(name, *args, **kwargs)
        return self.record(function, name, args, kwargs)

    def compute(self, function, name, leaves, args, kwargs):
        """A call that no input has a part in but by its shape."""
        sizes = {item for item in leaves if isinstance(item, (Size, Ratio))}
        sizes = {item.size if isinstance(item, Ratio) else item for item in sizes}
        for item in leaves:
            if torch.is_tensor(item):
                sizes |= set(self.tagged.get(id(item), ()))
                if id(item) in self.known:
                    sizes |= {size for size in self.known[id(item)].shape if isinstance(size, Size)}
        if name in (".shape", "size", "__len__", "item", "tolist", "__bool__", "__int__", "__float__", "__index__"):
            self.book.fix(*sizes)
        if name in RANDOM:
            self.refuse(f"{name}: draws random numbers")
        if name in ("float", "half", "bfloat16"):
            return self.tag(args[0].double(), sizes)
        args, kwargs = mapped(args, plain), mapped(kwargs, plain)
        result = function(*args, **kwargs)
        if (
            torch.is_tensor(result)
            and result.dtype in (torch.float32, torch.float16, torch.bfloat16)
            and not any(result is item for item in leaves)
        ):
            result = result.double()
        if sizes:
            for item in flattened(result):
                if torch.is_tensor(item):
                    self.tag(item, sizes)
            if name in ("__setitem__", "copy", "fill", "masked_fill") and args:
                self.tag(args[0], sizes)
        return result

    def tag(self, tensor, sizes):
        if sizes:
            self.tagged[id(tensor)] = set(sizes) | set(self.tagged.get(id(tensor), ()))
            self.alive.append(tensor)
        return tensor

    def attribute(self, function, name, args):
        """A property of a tensor that depends on the inputs."""
        if name == "shape":
            return Shape(self.book.size(size) for size in self.known[id(args[0])].shape)
        if name in ("T", "mT", "H", "mH"):
            return self.record(function, name, args, {})
        if name == "data":
            return args[0]
        return function(*args)

    def is_question(self, name, args, kwargs):
        return name != "type" or len(args) == 1 and not kwargs

    def answer(self, name, tensor, *rest, **named):
        shape = Shape(self.book.size(size) for size in self.known[id(tensor)].shape)
        if name == "size":
            dim = rest[0] if rest else named.get("dim")
            return shape if dim is None else shape[dim]
        if name in ("numel", "nelement"):
            return shape.numel()
        if name == "__len__":
            return plain(shape[0])
        return "torch.DoubleTensor"

    def record(self, function, name, args, kwargs):
        """A call that makes tensors of tensors that depend on the inputs."""
        self.graph.place = self.where()
        changes = in_place(function) or kwargs.get("inplace", False)
        mark = len(self.graph.nodes)
        values = None
        try:
            if kwargs.get("out") is not None:
                raise Refused("writes to out=")
            if name == "__setitem__":
                raise Refused("assigns to a part of a tensor that depends on the inputs; torch.cat or where can say it")
            if name in CASTS:
                values = self.cast(*args, **kwargs)
                result = args[0].clone()
            else:
                if name not in SAME and name not in FUNCTIONS:
                    raise Refused("is no operator of the library")
                taken = [self.value(item) for item in args if torch.is_tensor(item)]
                if name in SAME:
                    values = taken[0]
                    share = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
                    if "dropout" in name and share and (kwargs.get("training") or len(args) > 2 and args[2] is True):
                        raise Refused("drops values at random; call eval() first")
                else:
                    given = mapped(args, self.value)
                    named = {
                        key: mapped(item, self.value) for key, item in kwargs.items() if key not in ("inplace", "out")
                    }
                    if "input" in named and name != "interpolate":
                        given, named = (named.pop("input"), *given), named
                    values = FUNCTIONS[name](self, *given, **named)
        except (Refused, TypeError) as error:
            del self.graph.nodes[mark:]
            self.constants = {key: value for key, value in self.constants.items() if value.node in self.graph.nodes}
            reason = str(error)
            self.refuse(f"{name} {reason}" if isinstance(error, Refused) else f"{name}: {reason}")
        if not (name in CASTS and values is not None):
            result = function(*mapped(args, plain), **mapped(kwargs, plain))
        if changes:
            self.change(args[0])
        self.bind_all(result, values)
        return result

    def bind_all(self, result, values):
        if torch.is_tensor(result):
            if isinstance(values, (list, tuple)):
                values = values[0]
            self.bind(result, values if values is not None else Value(tuple(result.shape)))
        elif isinstance(result, (list, tuple)):
            values = values if isinstance(values, (list, tuple)) else [values]
            for part, value in zip(result, list(values) + [None] * (len(result) - len(values))):
                self.bind_all(part, value)

    def cast(self, tensor, *rest, **named):
        wanted = [item for item in (*rest, *named.values())]
        for item in wanted:
            kind = item.dtype if torch.is_tensor(item) else item
            if isinstance(kind, torch.dtype) and not kind.is_floating_point:
                raise Refused(f"makes {kind} of a value")
            if isinstance(kind, str) and not (
                kind.split(":")[0] in ("cpu", "cuda") or "Float" in kind or "Double" in kind or "Half" in kind
            ):
                raise Refused(f"makes {kind} of a value")
        if not isinstance(self.value(tensor), Value):
            raise Refused("takes its type of a value; write the type")
        return self.value(tensor)

    def change(self, tensor):
        """After an operation in place: other tensors of the same memory no longer are what their Values say."""
        memory = (
            tensor.storage().data_ptr()
            if not hasattr(tensor, "untyped_storage")
            else tensor.untyped_storage().data_ptr()
        )
        for other in self.alive:
            if other is not tensor and id(other) in self.known:
                of = other.untyped_storage() if hasattr(other, "untyped_storage") else other.storage()
                if of.data_ptr() == memory:
                    self.stale.add(id(other))

    # ---- Modules

    def call(self, module, original, args, kwargs):
        """A call of nn.Module."""
        if self.off:
            return original(module, *args, **kwargs)
        before, kind = self.graph.path, getattr(self, "kind", "")
        self.graph.path = self.paths.get(id(module), before)
        self.kind = type(module).__name__
        try:
            for test, lower in [*self.leaves, *MODULES]:
                if test(module):
                    return self.leaf(module, lower, original, args, kwargs)
            return original(module, *args, **kwargs)
        finally:
            self.graph.path, self.kind = before, kind

    def leaf(self, module, lower, original, args, kwargs):
        """A module that is one operator, or that has its own way to be taken apart. The latter returns tensors."""
        self.graph.place = self.where()
        if getattr(lower, "traced", False):
            return lower(module, *args, **kwargs)
        values = None
        try:
            with self.paused():
                values = lower(self, module, *mapped(args, self.value), **mapped(kwargs, self.value))
            values.node.whole = True
        except (Refused, ExportError, TypeError) as error:
            self.refuse(f"{type(module).__name__}: {error}")
        with self.paused():
            result = original(module, *mapped(args, plain), **mapped(kwargs, plain))
            self.bind_all(result, values)
        return result

    # ---- What cannot be taken

    def where(self):
        """File and line of the module's own code."""
        frame = sys._getframe(1)
        while frame is not None:
            file = frame.f_code.co_filename
            if not file.startswith((HERE, TORCH, "<")) and not os.path.abspath(file).startswith((HERE, TORCH)):
                return f"{os.path.basename(file)}:{frame.f_lineno}"
            frame = frame.f_back
        return ""

    def refuse(self, reason):
        path = self.graph.path or type(self.root).__name__
        kind = getattr(self, "kind", "")
        place = self.where()
        if kind == "OnnxNode":
            message = f"{path.replace('/', '.')}: {reason}"
        else:
            named = f" ({kind})" if kind and kind != path else ""
            message = f"{path}{named}{f' at {place}' if place else ''}: {reason}"
        if message not in self.refusals:
            self.refusals.append(message)


class Double(TorchFunctionMode):
    """Computes in float64 whatever floating-point types a module asks for."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if name_of(function) in ("float", "half", "bfloat16"):
            return args[0].double()
        result = function(*mapped(args, plain), **mapped(kwargs or {}, plain))
        narrow = torch.is_tensor(result) and result.dtype in (torch.float32, torch.float16, torch.bfloat16)
        return result.double() if narrow and not any(result is item for item in args) else result


@contextlib.contextmanager
def in_float64():
    kind = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad(), Double():
            yield
    finally:
        torch.set_default_dtype(kind)


@contextlib.contextmanager
def tracing(tracer):
    """Within it, calls are traced."""
    original, kind = torch.nn.Module.__call__, torch.get_default_dtype()

    def call(module, *args, **kwargs):
        return tracer.call(module, original, args, kwargs)

    def part(tensor, index):  # PyTorch 1.13 passes only tuples by
        return torch._C._TensorBase.__getitem__(tensor, index if isinstance(index, tuple) else (index,))

    def apply(function, *args, **kwargs):  # a function with its own gradient computes as any other
        own = type(
            "Context",
            (),
            {
                "save_for_backward": lambda self, *tensors: None,
                "mark_dirty": lambda self, *tensors: None,
                "mark_non_differentiable": lambda self, *tensors: None,
                "set_materialize_grads": lambda self, value: None,
                "needs_input_grad": (),
            },
        )()
        separate = (
            hasattr(torch.autograd.Function, "setup_context")
            and function.setup_context is not torch.autograd.Function.setup_context
        )
        return function.forward(*args, **kwargs) if separate else function.forward(own, *args, **kwargs)

    applied = torch.autograd.Function.__dict__.get("apply")
    part.__name__ = "__getitem__"
    torch.nn.Module.__call__, torch.Tensor.__getitem__ = call, part
    torch.autograd.Function.apply = classmethod(apply)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad(), tracer:
            yield
    finally:
        torch.nn.Module.__call__ = original
        del torch.Tensor.__getitem__
        if applied is None:
            del torch.autograd.Function.apply
        else:
            torch.autograd.Function.apply = applied
        torch.set_default_dtype(kind)
