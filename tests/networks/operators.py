# SPDX-License-Identifier: Apache-2.0
"""Tiny modules, one for each thing that the exporter takes: name -> (module, example). export_test.py compares them."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Lambda(nn.Module):
    """A module of a function, with layers that it may use as attributes of its first argument."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def draw(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape))) * 2 - 1


def parameter(*shape):
    return nn.Parameter(draw(*shape))


def eval_norm(norm, channels):
    """With statistics as after training."""
    norm.running_mean.copy_(draw(channels))
    norm.running_var.copy_(draw(channels).abs() + 0.5)
    return norm


IMAGE, TOKENS = draw(2, 4, 6, 8), draw(2, 5, 8)


def of(function, *inputs, **layers):
    return Lambda(lambda self, *given: function(*given), **layers), inputs or (IMAGE,)


def using(function, *inputs, **layers):
    return Lambda(function, **layers), inputs or (IMAGE,)


def layer(module, *inputs):
    return module, inputs or (IMAGE,)


def elementwise():
    functions = {
        "relu": F.relu,
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "silu": F.silu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
        "elu": F.elu,
        "softplus": F.softplus,
        "softplus_beta": lambda x: F.softplus(x, 2.0),
        "hardswish": F.hardswish,
        "hardsigmoid": F.hardsigmoid,
        "mish": F.mish,
        "exp": torch.exp,
        "log": lambda x: (x + 2).log(),
        "log1p": lambda x: torch.log1p(x + 1),
        "expm1": torch.expm1,
        "sqrt": lambda x: (x + 1.5).sqrt(),
        "rsqrt": lambda x: torch.rsqrt(x + 1.5),
        "square": torch.square,
        "abs": lambda x: abs(x),
        "neg": lambda x: -x,
        "reciprocal": lambda x: 1 / (x + 2),
        "sin": torch.sin,
        "cos": lambda x: x.cos(),
        "clamp": lambda x: x.clamp(-0.5, 0.25),
        "clamp_min": lambda x: x.clamp(min=0.1),
        "relu6": F.relu6,
        "hardtanh": F.hardtanh,
        "selu": F.selu,
        "softsign": F.softsign,
        "logsigmoid": F.logsigmoid,
        "glu": lambda x: F.glu(x, 1),
        "exp2": torch.exp2,
        "log2": lambda x: torch.log2(x + 2),
        "log10": lambda x: torch.log10(x + 2),
        "add": lambda x: x + 1,
        "radd": lambda x: 2.5 + x,
        "sub": lambda x: x - 0.5,
        "rsub": lambda x: 1 - x,
        "mul": lambda x: -3 * x,
        "div": lambda x: x / 4,
        "rdiv": lambda x: 2 / (x + 3),
        "pow2": lambda x: x**2,
        "pow3": lambda x: x**3,
        "pow_half": lambda x: (x + 2) ** 0.5,
        "rpow": lambda x: 2**x,
        "add_alpha": lambda x: torch.add(x, x.sin(), alpha=2),
        "maximum": lambda x: torch.maximum(x, torch.tensor(0.1)),
        "minimum": lambda x: torch.minimum(x, x.cos()),
        "max_of_two": lambda x: torch.max(x, -x),
        "lerp": lambda x: torch.lerp(x, x.sin(), 0.25),
        "lerp_map": lambda x: torch.lerp(x, x.sin(), x.sigmoid()),
        "celu": lambda x: F.celu(x, 0.5),
        "tanhshrink": F.tanhshrink,
        "addcmul": lambda x: torch.addcmul(x, x, x.cos(), value=0.5),
        "in_place": lambda x: F.relu(x.clone().mul_(2).add_(1), inplace=True),
        "iadd": iadd,
        "gelu_by_hand": lambda x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))),
        "gelu_by_hand_2": lambda x: 0.5 * x * (1.0 + torch.erf(x * 0.7071067811865476)),
        "casts": lambda x: x.float()
        .to(torch.float32)
        .double()
        .type(torch.float16)
        .type_as(x)
        .cpu()
        .contiguous()
        .detach(),
        "swish_by_hand": lambda x: x * torch.sigmoid(x),
        "doubled": lambda x: -(-x) * 1.0 + 0,
    }
    return {name: of(function) for name, function in functions.items()}


def iadd(x):
    y = x.clone()
    y += x
    y *= 2
    y -= 1
    y /= 3
    return y


def moves():
    x3, x4 = draw(2, 5, 8), draw(2, 6, 4, 8)
    functions = {
        "view": lambda x: x.view(x.shape[0], -1, x.shape[-1]).sin(),
        "flatten": lambda x: x.flatten(1).sin(),
        "flatten_module": nn.Flatten(2),
        "unflatten": lambda x: x.unflatten(1, (2, -1)).cos(),
        "squeeze": lambda x: x.unsqueeze(1).sin().squeeze(1),
        "unsqueeze": lambda x: x.unsqueeze(-1).sin(),
        "permute": lambda x: x.permute(0, 2, 3, 1).sin(),
        "transpose": lambda x: x.transpose(1, -1).sin(),
        "mT": lambda x: x.mT.sin(),
        "movedim": lambda x: x.movedim(1, -1).sin(),
        "swapaxes": lambda x: x.swapaxes(1, 2).sin(),
        "chunk": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
        "split": lambda x: x.split([1, 2, 3], 1)[2].sin(),
        "split_even": lambda x: x.split(2, 1)[1].sin(),
        "unbind": lambda x: x.unbind(1)[3].sin(),
        "unpacked": lambda x: sum(part for part in x.unflatten(1, (3, 2)).unbind(1)),
        "stack": lambda x: torch.stack((x, x.sin()), 2),
        "cat": lambda x: torch.cat((x, x.cos()), -1),
        "index": lambda x: x[:, 1:-1, ::2, None, 3],
        "ellipsis": lambda x: x[..., -1].sin(),
        "last": lambda x: x[:, -1:].sin(),
        "index_list": lambda x: x[:, [3, 1, 2, 0]].sin(),
        "index_even": lambda x: x[:, torch.tensor([1, 3, 5])].sin(),
        "repeat": lambda x: x.repeat(1, 2, 1, 1).sin(),
        "tile": lambda x: x.tile(2, 1).sin(),
        "repeat_interleave": lambda x: x.repeat_interleave(2, 1).sin(),
        "expand": lambda x: x[:, :1].expand(-1, 3, -1, -1).sin(),
        "expand_as": lambda x: x[:, :1].expand_as(x) * x,
        "flip": lambda x: x.flip(1).sin(),
        "unfold_dimension": lambda x: x.unfold(3, 3, 2).sin(),
        "roll": lambda x: x.roll((1, -2), (2, 3)),
        "pad": lambda x: F.pad(x, (1, 2, 0, 3)).sin(),
        "pad_value": lambda x: F.pad(x, (1, 1), value=0.5).sin(),
        "pad_reflect": lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect").sin(),
        "pad_negative": lambda x: F.pad(x, (-1, 2)).sin(),
        "pad_circular": lambda x: F.pad(x, (1, 2, 2, 1), mode="circular").sin(),
        "pixel_shuffle": lambda x: F.pixel_shuffle(x[:, :4], 2),
        "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
        "channel_shuffle": nn.ChannelShuffle(3),
        "space_to_depth": lambda x: x.view(2, 6, 2, 2, 4, 2).permute(0, 1, 3, 5, 2, 4).reshape(2, 24, 2, 4).sin(),
        "where_mask": lambda x: torch.where(torch.arange(8) < 3, x, torch.zeros(())),
        "masked_fill": lambda x: x.masked_fill(torch.arange(8) > 5, 2.0),
        "unfold": lambda x: F.unfold(x, 3, padding=1).sin(),
        "select": lambda x: x.select(1, 2).sin(),
        "narrow": lambda x: x.narrow(1, 1, 3).sin(),
        "size_arithmetic": lambda x: x.reshape(x.size(0), x.size(1), x.shape[2] * x.shape[3]).sin(),
        "padded_windows": padded_windows,
    }
    found = {name: of(function, x4) for name, function in functions.items()}
    found["tokens_to_map"] = of(lambda x: x.transpose(1, 2).reshape(2, 8, 1, 5).sin(), x3)
    return found


def padded_windows(x):
    """Windows of 4 x 4 after padding to whole ones, and back."""
    b, c, h, w = x.shape
    down, right = (4 - h % 4) % 4, (4 - w % 4) % 4
    y = F.pad(x, (0, right, 0, down))
    hp, wp = y.shape[2:]
    y = y.view(b, c, hp // 4, 4, wp // 4, 4).permute(0, 2, 4, 1, 3, 5).reshape(-1, c, 4, 4)
    y = y * torch.arange(16.0).view(4, 4)
    y = y.view(b, hp // 4, wp // 4, c, 4, 4).permute(0, 3, 1, 4, 2, 5).reshape(b, c, hp, wp)
    return y[:, :, :h, :w].contiguous()


def reductions():
    functions = {
        "mean": lambda x: x.mean((2, 3)),
        "mean_keep": lambda x: x.mean(1, keepdim=True),
        "mean_all": lambda x: x.mean().view(1),
        "sum": lambda x: x.sum(-1),
        "amax": lambda x: x.amax((2, 3)),
        "amin": lambda x: x.amin(1),
        "max_dim": lambda x: x.max(1)[0],
        "var": lambda x: x.var(1, unbiased=False),
        "std": lambda x: x.std(1),
        "norm": lambda x: x.norm(dim=1, keepdim=True),
        "normalize": lambda x: F.normalize(x, dim=-1),
        "softmax": lambda x: x.softmax(1),
        "softmax_module": nn.Softmax(dim=-1),
        "softmin": lambda x: F.softmin(x, 1),
        "cosine_similarity": lambda x: F.cosine_similarity(x, x.sin(), 1),
        "log_softmax": lambda x: F.log_softmax(x, 1),
    }
    return {name: of(function) for name, function in functions.items()}


def layers():
    sequence = draw(2, 4, 9)
    return {
        "linear": layer(nn.Linear(8, 5)),
        "linear_no_bias": layer(nn.Linear(8, 5, bias=False), TOKENS),
        "linear_matrix": using(lambda m, x: x @ m.w + m.b, TOKENS, w=parameter(8, 3), b=parameter(3)),
        "matmul_constant": using(lambda m, x: torch.matmul(m.w, x), TOKENS, w=parameter(7, 5)),
        "conv1d": layer(nn.Conv1d(4, 6, 3, padding=1, stride=2), sequence),
        "conv2d": layer(nn.Conv2d(4, 6, 3, 2, 1)),
        "conv2d_groups": layer(nn.Conv2d(4, 8, (3, 1), padding=(1, 0), groups=4, dilation=(2, 1))),
        "conv2d_same": layer(nn.Conv2d(4, 6, 3, padding="same")),
        "conv2d_reflect": layer(nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect")),
        "conv2d_same_even": layer(nn.Conv2d(4, 6, 2, padding="same")),
        "conv2d_replicate": layer(nn.Sequential(nn.ReplicationPad2d(2), nn.Conv2d(4, 6, 5))),
        "conv2d_zero_pad": layer(nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(4, 6, 3))),
        "conv2d_circular": layer(nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular")),
        "conv2d_patches": layer(nn.Conv2d(3, 5, 8, 8), draw(1, 3, 16, 24)),
        "conv2d_patches_cut": layer(nn.Conv2d(3, 5, (9, 2), (9, 2)), draw(1, 3, 20, 7)),
        "conv2d_large": layer(nn.Conv2d(3, 5, 9, padding=4, padding_mode="replicate"), draw(1, 3, 9, 11)),
        "conv2d_large_strided": layer(nn.Conv2d(4, 4, (1, 15), 2, (0, 7), groups=2), draw(2, 4, 5, 16)),
        "conv1d_large": layer(nn.Conv1d(4, 6, 8, stride=4, padding=2, dilation=2), draw(2, 4, 31)),
        "conv2d_large_depthwise": layer(nn.Conv2d(4, 4, 11, padding=5, groups=4)),
        "conv3d": layer(nn.Conv3d(2, 3, (1, 3, 3), padding=(0, 1, 1)), draw(1, 2, 3, 4, 5)),
        "conv_transpose2d": layer(nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)),
        "batch_norm": layer(nn.Sequential(nn.Conv2d(4, 6, 3), eval_norm(nn.BatchNorm2d(6), 6))),
        "batch_norm_alone": layer(eval_norm(nn.BatchNorm2d(4), 4)),
        "batch_norm_transposed": layer(
            nn.Sequential(nn.ConvTranspose2d(4, 6, 2, groups=2), eval_norm(nn.BatchNorm2d(6), 6))
        ),
        "batch_norm_shared": using(
            lambda m, x: m.norm(y := m.conv(x)) + y, conv=nn.Conv2d(4, 6, 1), norm=eval_norm(nn.BatchNorm2d(6), 6)
        ),
        "layer_norm": layer(nn.LayerNorm(8), TOKENS),
        "layer_norm_2": layer(nn.LayerNorm((6, 8), eps=1e-3)),
        "layer_norm_plain": of(lambda x: F.layer_norm(x, (8,)), TOKENS),
        "group_norm": layer(nn.GroupNorm(2, 4)),
        "instance_norm": layer(nn.InstanceNorm2d(4, affine=True)),
        "rms_by_hand": using(
            lambda m, x: m.w * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6), TOKENS, w=parameter(8)
        ),
        "max_pool2d": layer(nn.MaxPool2d(3, 2, 1)),
        "avg_pool2d": layer(nn.AvgPool2d(2)),
        "avg_pool2d_pad": layer(nn.AvgPool2d(3, 1, 1, count_include_pad=False)),
        "max_pool1d": layer(nn.MaxPool1d(2), sequence),
        "adaptive": layer(nn.AdaptiveAvgPool2d(1)),
        "adaptive_2": layer(nn.AdaptiveAvgPool2d((3, 4))),
        "adaptive_max": layer(nn.AdaptiveMaxPool2d(1)),
        "upsample": layer(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)),
        "upsample_nearest": layer(nn.Upsample(scale_factor=2)),
        "interpolate_size": of(lambda x: F.interpolate(x, size=(9, 7), mode="bilinear", align_corners=False)),
        "interpolate_like": using(
            lambda m, x: F.interpolate(m.down(x), size=x.shape[-2:], mode="bilinear", align_corners=False),
            down=nn.Conv2d(4, 4, 3, 2, 1),
        ),
        "interpolate_half": of(lambda x: F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)),
        "prelu": layer(nn.PReLU(4)),
        "prelu_one": layer(nn.PReLU()),
        "dropout": layer(nn.Sequential(nn.Dropout(0.5), nn.Tanh(), nn.Identity())),
        "embedding": using(lambda m, x: x + m.table(torch.arange(5)), TOKENS, table=nn.Embedding(6, 8)),
        "buffer": using(buffered, TOKENS),
        "shared": using(lambda m, x: m.a(torch.tanh(m.a(x))), TOKENS, a=nn.Linear(8, 8)),
        "pixel_shuffle_module": layer(nn.Sequential(nn.Conv2d(4, 8, 1), nn.PixelShuffle(2), nn.PixelUnshuffle(2))),
        "scalar_parameter": using(
            lambda m, x: x * m.scale + m.shift, scale=parameter(1), shift=nn.Parameter(torch.tensor(0.5))
        ),
        "weight_norm": layer(nn.utils.weight_norm(nn.Conv2d(4, 3, 3))),
        "grid_sample": of(lambda x, grid: F.grid_sample(x, grid, align_corners=False), IMAGE, draw(2, 5, 7, 2)),
        "affine_constant_grid": of(
            lambda x: F.grid_sample(
                x,
                F.affine_grid(torch.eye(2, 3).expand(2, -1, -1) * 0.7, (2, 4, 5, 5), align_corners=False),
                align_corners=False,
                padding_mode="border",
            )
        ),
        "position_grid": of(position_grid),
    }


def buffered(module, x):
    return x * torch.linspace(0, 1, 8) + torch.full((8,), 0.25)


def position_grid(x):
    h, w = x.shape[-2:]
    y, z = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.cat((x, torch.stack((y / h, z / w)).to(x).expand(x.shape[0], -1, -1, -1)), 1)


class Attention(nn.Module):
    """As in timm and many others."""

    def __init__(self, dim=8, heads=2, bias=None, way="matmul"):
        super().__init__()
        self.heads, self.scale, self.bias, self.way = heads, (dim // heads) ** -0.5, bias, way
        self.qkv, self.proj, self.drop = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim), nn.Dropout(0.1)
        self.table = parameter(heads, 5, 5)

    def forward(self, x):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        if self.way == "einsum":
            scores = torch.einsum("b h i d, b h j d -> b h i j", q, k) * self.scale
        elif self.way == "scaled_q":
            scores = (q * self.scale) @ k.transpose(-2, -1)
        else:
            scores = torch.matmul(q, k.transpose(-2, -1)) / self.scale**-1
        if self.bias == "table":
            scores = scores + self.table.unsqueeze(0)
        if self.bias == "causal":
            scores = scores.masked_fill(torch.ones(n, n, dtype=torch.bool).triu(1), float("-inf"))
        if self.bias == "both":
            scores = scores + self.table
            scores = scores + torch.where(torch.eye(n) > 0, 0.0, -2.0)
        if self.bias == "data":
            scores = scores + x.mean(-1)[:, None, None, :]
        scores = self.drop(scores.softmax(dim=-1))
        if self.way == "einsum":
            return self.proj(torch.einsum("bhij,bhjd->bhid", scores, v).permute(0, 2, 1, 3).flatten(2))
        return self.proj((scores @ v).transpose(1, 2).reshape(b, n, c))


def attentions():
    memory = draw(2, 7, 8)
    batch_first = nn.MultiheadAttention(8, 2, batch_first=True)
    return {
        **{
            f"attention_{way}_{bias}": layer(Attention(bias=bias, way=way), TOKENS)
            for way in ("matmul", "einsum", "scaled_q")
            for bias in (None, "table", "causal", "both", "data")
        },
        "multihead": using(lambda m, x: m.a(x, x, x, need_weights=False)[0], TOKENS, a=batch_first),
        "multihead_weights": using(lambda m, x: m.a(x, x, x)[0], TOKENS, a=batch_first),
        "multihead_sequence_first": using(
            lambda m, x: m.a(x, x, x, need_weights=False)[0], TOKENS, a=nn.MultiheadAttention(8, 4)
        ),
        "multihead_cross": using(lambda m, x, y: m.a(x, y, y, need_weights=False)[0], TOKENS, memory, a=batch_first),
        "multihead_dims": using(
            lambda m, x, y: m.a(x, y, y, need_weights=False)[0],
            TOKENS,
            draw(2, 7, 6),
            a=nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True),
        ),
        "multihead_mask": using(
            lambda m, x: m.a(x, x, x, attn_mask=torch.ones(5, 5, dtype=torch.bool).triu(1))[0], TOKENS, a=batch_first
        ),
        "multihead_padding": using(
            lambda m, x, y: m.a(x, y, y, key_padding_mask=torch.arange(7) >= torch.tensor([[7], [4]]))[0],
            TOKENS,
            memory,
            a=batch_first,
        ),
        "multihead_both_masks": using(
            lambda m, x: m.a(
                x,
                x,
                x,
                attn_mask=torch.ones(5, 5, dtype=torch.bool).triu(1),
                key_padding_mask=torch.arange(5) >= torch.tensor([[5], [3]]),
            )[0],
            TOKENS,
            a=batch_first,
        ),
        "encoder_layer": layer(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), TOKENS),
        "encoder_layer_norm_first": layer(
            nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", norm_first=True), TOKENS
        ),
        "encoder": layer(
            nn.TransformerEncoder(
                nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation=F.gelu), 2, nn.LayerNorm(8)
            ),
            TOKENS,
        ),
        "decoder_layer": layer(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), TOKENS, memory),
        "channel_attention": of(
            lambda x: (F.normalize(x.flatten(2), dim=-1) @ F.normalize(x.flatten(2), dim=-1).transpose(-2, -1)).softmax(
                -1
            )
            @ x.flatten(2)
        ),
        "einsum_linear": using(lambda m, x: torch.einsum("bchw,oc->bohw", x, m.w), w=parameter(5, 4)),
        "einsum_outer": of(lambda x: torch.einsum("bi,bj->bij", x[:, 0], x[:, 1]), TOKENS),
        "einsum_ellipsis": of(lambda x: torch.einsum("...ij,...kj->...ik", x, x.sin()), IMAGE),
        "einsum_hadamard": of(lambda x: torch.einsum("bnc,bnc->bn", x, x.sin()), TOKENS),
        "einsum_merged": of(lambda x: torch.einsum("bchw,bdhw->bcd", x, x.sin()), IMAGE),
        "bmm": of(lambda x: torch.bmm(x, x.transpose(1, 2)), TOKENS),
    }


def everything():
    torch.manual_seed(5)
    return {**elementwise(), **moves(), **reductions(), **layers(), **attentions()}
