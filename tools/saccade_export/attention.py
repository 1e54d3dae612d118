# SPDX-License-Identifier: Apache-2.0
"""Attention, and modules that are operators by themselves."""

import math

import torch
from torch import nn

from checkpoints import require
from deformable_config import DEFORMABLE, deformable_config

from .attention_pattern import is_width
from .graph import Value, pair
from .sizes import Size
from .trace import HIDDEN, MODULES, Refused, plain, takes


def bias_of(t, mask):
    """What a mask adds to the scores."""
    if mask is None or isinstance(mask, Value):
        return mask
    t.weight(mask)
    if mask.dtype == torch.bool:  # true: the key counts
        added = torch.zeros(mask.shape).masked_fill(~mask, HIDDEN)
    else:
        added = mask.double().clamp(min=HIDDEN)
    return t.constant(t.tag(added, t.tagged.get(id(mask), ())))


@takes("scaled_dot_product_attention")
def attend(t, q, k, v, attn_mask=None, dropout_p=0.0, *rest, is_causal=False, scale=None, enable_gqa=False, **more):
    if rest:  # 1.13 has need_attn_weights before is_causal
        is_causal = rest[-1]
    if dropout_p or enable_gqa or more.get("need_attn_weights") or len(rest) > 1 and rest[0]:
        raise Refused("with dropout, grouped queries or weights is no operator of the library")
    q, k, v = (item if isinstance(item, Value) else t.constant(item) for item in (q, k, v))
    bias = bias_of(t, attn_mask)
    config = {}
    for size in (q.shape[-1], v.shape[-1]):
        if isinstance(size, Size) and str(size.expression) in t.book.values:  # a head is no map of a free width
            t.book.fix(size)
    if not all(is_width(t.book.size(x.shape[-1])) for x in (q, v)):
        return attend_by_products(t, q, k, v, bias, is_causal, scale)
    if scale is not None and not math.isclose(scale, int.__add__(q.shape[-1], 0) ** -0.5, rel_tol=1e-6):
        config["scale"] = float(scale)
    if is_causal:
        config["is_causal"] = True
    return t.graph.node("scaled_dot_product_attention", [q, k, v] + ([bias] if bias is not None else []), config)


def attend_by_products(t, q, k, v, bias, is_causal, scale):
    """Attention with heads that are too wide for the operator, such as that between channels."""
    transposed = t.graph.node("permute", [k], {"dims": [*range(k.rank - 2), k.rank - 1, k.rank - 2]})
    scores = t.graph.node("matmul", [q, transposed])
    if scale is None:
        t.book.fix(q.shape[-1])
        scale = plain(q.shape[-1]) ** -0.5
    scores = t.graph.node("mul", [scores, float(scale)])
    if bias is not None:
        scores = t.graph.node("add", [scores, bias])
    if is_causal:
        t.book.fix(*scores.shape[-2:])
        later = torch.ones([plain(size) for size in scores.shape[-2:]], dtype=torch.bool).triu(1)
        scores = t.graph.node("add", [scores, t.constant(torch.zeros(later.shape).masked_fill(later, HIDDEN))])
    return t.graph.node("matmul", [t.graph.node("softmax", [scores], {"dim": scores.rank - 1}), v])


def traced(test):
    """Registers how a module is taken apart: a function in PyTorch that is traced in its place."""

    def register(function):
        function.traced = True
        MODULES.append((test, function))
        return function

    return register


def operator(test):
    """Registers a module that is one operator: f(tracer, module, what forward takes) -> Value."""

    def register(function):
        MODULES.append((test, function))
        return function

    return register


def added_to_scores(mask):
    """Of a mask of floats itself, of one of truth values HIDDEN where it hides."""
    return torch.zeros(mask.shape).masked_fill(mask, HIDDEN) if mask.dtype == torch.bool else mask


@traced(lambda module: isinstance(module, nn.MultiheadAttention))
def multihead_attention(
    module,
    query,
    key,
    value,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    average_attn_weights=True,
    is_causal=False,
):
    """nn.MultiheadAttention in eval(), without the weights that it also returns: those are None."""
    F = nn.functional
    require(module.bias_k is None and not module.add_zero_attn, "MultiheadAttention with add_bias_kv or add_zero_attn")
    batched = query.dim() == 3
    swap = lambda x: x if module.batch_first or not batched else x.transpose(0, 1)
    dim, heads = module.embed_dim, module.num_heads
    bias = module.in_proj_bias
    same = query is key and key is value
    query, key, value = swap(query), swap(key), swap(value)
    if same and module._qkv_same_embed_dim:
        parts = F.linear(query, module.in_proj_weight, bias).chunk(3, -1)
    else:
        weights = (
            module.in_proj_weight.chunk(3)
            if module._qkv_same_embed_dim
            else (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
        )
        biases = bias.chunk(3) if bias is not None else [None] * 3
        parts = [F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases)]
    split = lambda x: x.unflatten(-1, (heads, dim // heads)).transpose(-2, -3)
    q, k, v = map(split, parts)
    scores = torch.matmul(q, k.transpose(-1, -2)) * (dim // heads) ** -0.5
    if attn_mask is not None:
        if attn_mask.dim() == 3:
            attn_mask = attn_mask.unflatten(0, (-1, heads))
        scores = scores + added_to_scores(attn_mask)
    if key_padding_mask is not None:
        if batched:
            key_padding_mask = key_padding_mask.unflatten(0, (-1, 1, 1))
        scores = scores + added_to_scores(key_padding_mask)
    y = torch.matmul(scores.softmax(-1), v).transpose(-2, -3).flatten(-2)
    return swap(F.linear(y, module.out_proj.weight, module.out_proj.bias)), None


def one_operator(t, module, name, config, inputs, shape):
    """A node of a module of the library, with the tensors of the state_dict."""
    weights = {key: tensor for key, tensor in module.state_dict().items()}
    return t.graph.node(
        name,
        [item if isinstance(item, (Value, list)) or item is None else t.constant(item) for item in inputs],
        config,
        weights,
        shapes=[shape],
    )


def of_class(*names):
    return lambda module: type(module).__name__ in names and not type(module).__module__.startswith("torch.")


@operator(of_class(*DEFORMABLE))
def deformable(t, module, x):
    name = type(module).__name__
    state = dict(module.state_dict())
    return one_operator(t, module, name, deformable_config(name, state, module, {}), [x], x.shape)


def integers(t, item):
    """A constant that the plan reads, as nested lists."""
    if isinstance(item, Value):
        raise Refused("has sizes that depend on the inputs' numbers")
    return None if item is None else t.weight(item).tolist() if torch.is_tensor(item) else [*item]


@operator(of_class("MSDeformAttn"))
def ms_deformable(
    t,
    module,
    query,
    reference_points,
    input_flatten,
    input_spatial_shapes,
    input_level_start_index=None,
    input_padding_mask=None,
):
    if input_padding_mask is not None and (isinstance(input_padding_mask, Value) or bool(input_padding_mask.any())):
        raise Refused("with a padding mask is no operator of a network")
    config = {
        "d_model": module.d_model,
        "n_levels": module.n_levels,
        "n_heads": module.n_heads,
        "n_points": module.n_points,
    }
    inputs = [
        query,
        reference_points,
        input_flatten,
        integers(t, input_spatial_shapes),
        integers(t, input_level_start_index),
    ]
    return one_operator(t, module, "MSDeformAttn", config, inputs, query.shape)


@operator(
    lambda module: type(module).__name__ == "ShiftedWindowAttention"
    and all(
        hasattr(module, name)
        for name in ("window_size", "shift_size", "num_heads", "qkv", "proj", "relative_position_bias_table")
    )
)
def shifted_windows(t, module, x):
    config = {
        "dim": module.qkv.in_features,
        "window_size": list(module.window_size),
        "shift_size": list(module.shift_size),
        "num_heads": module.num_heads,
        "qkv_bias": module.qkv.bias is not None,
        "proj_bias": module.proj.bias is not None,
    }
    return one_operator(t, module, "ShiftedWindowAttention", config, [x], x.shape)


def has(module, *names):
    return all(hasattr(module, name) for name in names)


@operator(
    lambda module: type(module).__name__ in ("LocalAttention1D", "LocalAttention2D", "LocalAttention3D")
    and has(module, "heads", "window")
)
def local(t, module, x):
    name = type(module).__name__
    axes = int(name[-2])
    q = module.state_dict()["to_q.weight"]
    config = {
        "dim": q.shape[1],
        "heads": module.heads,
        "dim_head": q.shape[0] // module.heads,
        "window": pair(plain_list(module.window), axes),
        "dilation": pair(plain_list(getattr(module, "dilation", 1)), axes),
    }
    if hasattr(module, "border"):
        config["border"] = module.border
    return one_operator(t, module, name, config, [x], x.shape)


def plain_list(value):
    return list(value) if isinstance(value, (list, tuple)) else value


# ---- Layers of saccade_layers.py


@operator(of_class("Warp"))
def warp(t, module, x, motion):
    config = {
        "scale": [float(module.scale[0]), float(module.scale[1])],
        "mode": module.mode,
        "padding_mode": module.padding_mode,
    }
    defaults = {"scale": [1.0, 1.0], "mode": "bilinear", "padding_mode": "border"}
    return t.graph.node("warp", [x, motion], {key: value for key, value in config.items() if defaults[key] != value})


@operator(of_class("ApplyKernels"))
def apply_kernels(t, module, x, kernels):
    config = {"size": module.size, "normalize": module.normalize, "padding_mode": module.padding_mode}
    defaults = {"normalize": "none", "padding_mode": "replicate"}
    return t.graph.node(
        "apply_kernels", [x, kernels], {key: value for key, value in config.items() if defaults.get(key) != value}
    )


@operator(of_class("Blend"))
def blend(t, module, start, end, weight):
    return t.graph.node("lerp", [t.operand(start, 0), t.operand(end, 0), t.operand(weight)])


def library_module(name, config):
    """What makes a node of a module of the library that its class does not tell: one that takes and gives like
    tensors."""

    def lower(t, module, x, *rest, **more):
        settings = config(module) if callable(config) else config
        inputs = [
            item if torch.is_tensor(item) or item is None or isinstance(item, Value) else list(item)
            for item in (x, *rest, *more.values())
        ]
        return one_operator(t, module, name, settings, inputs, x.shape)

    return lower
