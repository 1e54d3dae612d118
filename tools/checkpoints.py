# SPDX-License-Identifier: Apache-2.0
"""Tensors of files, safetensors and what torch.save wrote. Takes nothing but Python, or PyTorch where it is to make
tensors of it.

Of a pickle only tensors and Python's own containers are made. Any other class becomes a Foreign that keeps its
attributes, and no code of the file's choice runs: arguments and whole modules are read without their source.
"""

import collections
import ctypes
import io
import json
import math
import os
import pickle
import struct
import sys
import zipfile

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
         "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}
WRAPPERS = ("module.", "_orig_mod.")  # what DistributedDataParallel and torch.compile put before every name


class ExportError(ValueError):
    """What cannot be exported, or an argument that has to be given and was not."""


def require(condition, message):
    if not condition:
        raise ExportError(message)


class Tensor:
    """A tensor as a safetensors file has it: the name of its type, its shape and its bytes, which `read` makes."""

    def __init__(self, dtype, shape, read):
        self.dtype, self.shape, self.read = dtype, tuple(shape), read

    @property
    def data(self):
        return self.read()

    def tolist(self):
        """The numbers of a tensor of one axis."""
        codes = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U8": "B"}
        data = self.data
        count = len(data) // SIZES[self.dtype]
        if self.dtype == "BF16":  # the upper half of a float32
            halves = struct.unpack(f"<{count}H", data)
            return list(struct.unpack(f"<{count}f", struct.pack(f"<{count}I", *(half << 16 for half in halves))))
        require(self.dtype in codes, f"a tensor of type {self.dtype} where numbers are read")
        return list(struct.unpack(f"<{count}{codes[self.dtype]}", data))


def is_tensor(value):
    of_torch = type(value).__module__.startswith("torch") and hasattr(value, "element_size") and hasattr(value, "shape")
    return of_torch or isinstance(value, Tensor)


# ---- safetensors


def is_safetensors(path):
    """Whether the file begins as one: a length, and the brace of a JSON object."""
    with open(path, "rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{" and struct.unpack("<Q", head[:8])[0] <= os.path.getsize(path) - 8


def read_safetensors(path):
    """The tensors of a file by name. Raises ExportError where it breaks the format."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        text, data = file.read(length), file.read()
    try:
        header = json.loads(text)
    except ValueError as error:
        raise ExportError(f"{path}: the header is not JSON: {error}") from None
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype, shape, (begin, end) = entry["dtype"], [int(size) for size in entry["shape"]], entry["data_offsets"]
        except (KeyError, TypeError, ValueError):
            raise ExportError(f"{path}: tensor {name!r} lacks dtype, shape or data_offsets") from None
        require(dtype in SIZES, f"{path}: tensor {name!r} is of type {dtype}, which is not known here")
        size = math.prod(shape) * SIZES[dtype]
        require(0 <= begin <= end <= len(data) and end - begin == size,
                f"{path}: tensor {name!r} has bytes {begin} to {end} of {len(data)}, its shape {shape} takes {size}")
        tensors[name] = Tensor(dtype, shape, lambda begin=begin, end=end: data[begin:end])
    return tensors


def contained(name, tensor):
    """A tensor of either kind as a file has it."""
    if isinstance(tensor, Tensor):
        return tensor
    import torch

    types = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
             torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
             torch.bool: "BOOL"}
    tensor = tensor.detach().cpu().contiguous()
    require(tensor.dtype in types, f"tensor {name!r}: type {tensor.dtype} is not one of safetensors")
    size = tensor.numel() * tensor.element_size()
    data = bytes((ctypes.c_char * size).from_address(tensor.data_ptr())) if size else b""
    return Tensor(types[tensor.dtype], tensor.shape, lambda: data)


def write_safetensors(path, tensors, metadata):
    """Writes `tensors` (by name) and `metadata` (string to string). Each begins at a multiple of its element size."""
    require(sys.byteorder == "little", "safetensors are little-endian; this machine is not")
    tensors = {name: contained(name, tensor) for name, tensor in tensors.items()}
    # Wide elements first keeps the rest aligned without gaps, which the format forbids.
    order = sorted(tensors, key=lambda name: (-SIZES[tensors[name].dtype], name))
    header, offset = {"__metadata__": metadata}, 0
    for name in order:
        end = offset + math.prod(tensors[name].shape) * SIZES[tensors[name].dtype]
        header[name] = {"dtype": tensors[name].dtype, "shape": list(tensors[name].shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(tensors[name].data)


def converted(state, name):
    """The tensors as PyTorch's, floating-point ones of this type; None leaves them theirs."""
    try:
        import torch
    except ImportError:
        raise ExportError("--dtype takes PyTorch, which is not installed") from None
    types = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
             "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
             "BOOL": torch.bool}

    def convert(tensor):
        if not torch.is_tensor(tensor):
            if tensor.dtype not in types:
                return tensor
            data = bytearray(tensor.data)
            tensor = torch.frombuffer(data, dtype=types[tensor.dtype]).reshape(tensor.shape) if data else \
                torch.zeros(tensor.shape, dtype=types[tensor.dtype])
        return tensor.to(getattr(torch, name)) if name and tensor.is_floating_point() else tensor

    return {key: convert(tensor) for key, tensor in state.items()}


# ---- torch.save


class Foreign:
    """Stands for an object of a class that is not loaded: its attributes, and `origin`, the class's name."""

    origin = ""

    def __new__(cls, *arguments, **named):
        return object.__new__(cls)

    def __init__(self, *arguments, **named):
        pass

    def __call__(self, *arguments, **named):
        return self

    def __setstate__(self, state):
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.__dict__.update(part)

    def __setitem__(self, key, value):  # of subclasses of dict
        self.__dict__.setdefault("items_", {})[key] = value

    def append(self, item):  # of subclasses of list
        pass

    def extend(self, items):
        pass


class Storage:
    """Elements that tensors share. `load` makes their bytes, once."""

    def __init__(self, dtype, load):
        self.dtype, self.load, self.bytes = dtype, load, None

    def view(self, offset, shape, strides):
        """The bytes of elements offset + index * strides in row-major order of the index."""
        if self.bytes is None:
            self.bytes = self.load()
        size, count = SIZES[self.dtype], math.prod(shape)
        last = offset + sum((extent - 1) * stride for extent, stride in zip(shape, strides))
        require(not count or 0 <= offset <= last < len(self.bytes) // size, "a tensor reaches beyond its storage")
        dense = [math.prod(shape[axis + 1:]) for axis in range(len(shape))]
        if all(extent == 1 or stride == wanted for extent, stride, wanted in zip(shape, strides, dense)):
            return self.bytes[offset * size:(offset + count) * size]
        places = [offset]
        for extent, stride in zip(shape, strides):
            places = [place + i * stride for place in places for i in range(extent)]
        return b"".join(self.bytes[place * size:(place + 1) * size] for place in places)


def rebuild_tensor(storage, offset, shape, strides, *_):
    return Tensor(storage.dtype, shape, lambda: storage.view(offset, tuple(shape), tuple(strides)))


# What tensors and Python's containers are rebuilt from. None of it runs code of the file's choice.
KNOWN = {("torch._utils", "_rebuild_tensor"): rebuild_tensor, ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
         ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
         ("torch._utils", "_rebuild_parameter_with_state"): lambda tensor, *_: tensor,
         ("torch", "Size"): tuple, ("collections", "OrderedDict"): collections.OrderedDict}
KNOWN.update({("builtins", kind.__name__): kind for kind in (set, frozenset, dict, list, tuple, int, float, bool, str)})
STORAGES = {"DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
            "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
            "BoolStorage": "BOOL"}


class Unpickler(pickle.Unpickler):
    """`storage(dtype, key)` makes the storages that the file names."""

    def __init__(self, file, storage):
        super().__init__(file, encoding="utf-8")
        self.storage = storage

    def find_class(self, module, name):
        module = {"__builtin__": "builtins"}.get(module, module)  # as Python 2 called it
        if module in ("torch", "torch.cuda") and name in STORAGES:
            return STORAGES[name]
        if (module, name) in KNOWN:
            return KNOWN[module, name]
        return type(name.rpartition(".")[2], (Foreign,), {"origin": f"{module}.{name}"})

    def persistent_load(self, identity):
        if identity[0] == "module":  # of old files: a class and its source
            return identity[1]
        require(identity[0] == "storage" and isinstance(identity[1], str),
                f"storage {identity[1]}: a type not known here")
        require(len(identity) < 6 or identity[5] is None, "a storage that is part of another")
        return self.storage(identity[1], identity[2])


def read_archive(path):
    """What torch.save has written since PyTorch 1.6: a zip file of a pickle and a file for each storage."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        require(not any(name.endswith("/constants.pkl") for name in names),
                f"{path}: is a TorchScript archive; save its tensors with "
                f"torch.save(torch.jit.load({path!r}).state_dict(), \"state_dict.pt\") and export that file")
        root = next((name[:-len("data.pkl")] for name in names if name.endswith("data.pkl")), None)
        require(root is not None, "a zip file without data.pkl")
        require(f"{root}byteorder" not in names or archive.read(f"{root}byteorder") == b"little", "big-endian numbers")

        def load(key):
            with zipfile.ZipFile(path) as again:
                return again.read(f"{root}data/{key}")

        storages = {}
        make = lambda dtype, key: storages.setdefault(key, Storage(dtype, lambda: load(key)))
        return Unpickler(io.BytesIO(archive.read(f"{root}data.pkl")), make).load()


def read_stream(path):
    """What torch.save wrote before: pickles one after another, and behind them the storages."""
    storages, contents = {}, {}
    make = lambda dtype, key: storages.setdefault(key, Storage(dtype, lambda: contents[key]))
    with open(path, "rb") as file:
        load = lambda: Unpickler(file, make).load()
        require(load() == 0x1950a86a20f9469cfc6c and load() == 1001, "another magic number")
        require(load().get("little_endian", True), "big-endian numbers")
        value = load()
        for key in load():
            require(key in storages, "a storage that no tensor has")
            count, = struct.unpack("<q", file.read(8))
            contents[key] = file.read(count * SIZES[storages[key].dtype])
    return value


def state_of(module, prefix=""):
    """The state_dict of a module that was pickled whole."""
    state = {}
    for name, tensor in {**getattr(module, "_parameters", {}), **getattr(module, "_buffers", {})}.items():
        if tensor is not None and name not in getattr(module, "_non_persistent_buffers_set", ()):
            state[prefix + name] = tensor
    for name, child in getattr(module, "_modules", {}).items():
        if child is not None:
            state.update(state_of(child, f"{prefix}{name}."))
    return state


def is_module(value):
    return isinstance(value, Foreign) and "_parameters" in vars(value) and "_modules" in vars(value)


def read_pickle(path):
    """What torch.save wrote. Raises ExportError."""
    try:
        return read_archive(path) if zipfile.is_zipfile(path) else read_stream(path)
    except OSError:
        raise
    except Exception as error:  # whatever a broken file makes of the reader
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if reason.startswith(f"{path}: "):
            raise
        raise ExportError(f"{path}: neither a safetensors file nor one of torch.save: {reason}") from None


# ---- A state_dict of either


def entries(value):
    """What --key can name: the entries of a dictionary, the attributes of an object."""
    return value if isinstance(value, dict) else vars(value) if isinstance(value, Foreign) else {}


def tensors_in(value):
    """The state_dict that a value is; None where it is none."""
    if is_module(value):
        return state_of(value)
    if isinstance(value, dict) and value and all(is_tensor(item) for item in value.values()):
        return dict(value)
    return None


def unwrapped(state):
    """Without what a wrapper put before every name."""
    for wrapper in WRAPPERS:
        if all(name.startswith(wrapper) for name in state):
            return unwrapped({name[len(wrapper):]: tensor for name, tensor in state.items()})
    return state


def read_state(path, keys=(), strip=None):
    """The tensors of a file by their state_dict names.

    keys: entries of the file that lead to the state_dict, or to a module. strip: only tensors whose names begin so,
    without it; None takes away what DistributedDataParallel and torch.compile put there.
    """
    value = read_safetensors(path) if is_safetensors(path) else read_pickle(path)
    for key in keys:
        known = ", ".join(map(str, entries(value))) or "none"
        require(key in entries(value), f"--key {key}: there is no such entry; there are {known}")
        value = entries(value)[key]
    state = tensors_in(value)
    if state is None:
        found = [key for key, item in entries(value).items() if tensors_in(item) is not None]
        other = [str(key) for key, item in entries(value).items() if not is_tensor(item)]
        name = getattr(value, "origin", type(value).__name__)
        what = f"not tensors: {', '.join(other)}" if other else f"it is a {name}"
        raise ExportError(f"{path}: no dictionary of tensors ({what})" +
                          (f"; --key {found[0]} names one" if found else "; --key names the entry that is one"))
    if strip is None:
        return unwrapped(state)
    state = {name[len(strip):]: tensor for name, tensor in state.items() if name.startswith(strip)}
    require(state, f"--strip-prefix {strip}: no tensor's name begins so")
    return state
