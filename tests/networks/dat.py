# SPDX-License-Identifier: Apache-2.0
"""A stage of the Vision Transformer with Deformable Attention (Xia et al., arXiv 2201.00520): attention in windows and
deformable attention in turn, each followed by an MLP with a depthwise convolution."""

import torch
from torch import nn

from library_modules import DeformableAttention2D


class LayerNormProxy(nn.Module):
    """Over the channels of a map."""

    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class WindowedAttention(nn.Module):
    def __init__(self, dim, heads, window_size):
        super().__init__()
        self.heads, self.window_size, self.scale = heads, window_size, (dim // heads) ** -0.5
        self.proj_qkv, self.proj_out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.relative_position_bias_table = nn.Parameter(0.5 * torch.randn((2 * window_size - 1) ** 2, heads))
        places = torch.stack(torch.meshgrid(*[torch.arange(window_size)] * 2, indexing="ij")).flatten(1)
        apart = (places[:, :, None] - places[:, None]) + window_size - 1
        self.register_buffer("relative_position_index", apart[0] * (2 * window_size - 1) + apart[1])

    def forward(self, x):
        b, c, h, w = x.shape
        size, heads = self.window_size, self.heads
        rows, columns = h // size, w // size
        tokens = (
            x.reshape(b, c, rows, size, columns, size)
            .permute(0, 2, 4, 3, 5, 1)
            .reshape(b * rows * columns, size * size, c)
        )
        q, k, v = torch.chunk(self.proj_qkv(tokens), 3, dim=2)
        q = q * self.scale
        q, k, v = (t.reshape(t.shape[0], t.shape[1], heads, c // heads).permute(0, 2, 1, 3) for t in (q, k, v))
        scores = torch.einsum("bhmc,bhnc->bhmn", q, k)
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        scores = scores + bias.view(size * size, size * size, heads).permute(2, 0, 1).unsqueeze(0)
        y = torch.einsum("bhmn,bhnc->bhmc", scores.softmax(-1), v)
        y = self.proj_out(y.permute(0, 2, 1, 3).reshape(b * rows * columns, size * size, c))
        return y.view(b, rows, columns, size, size, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)


class TransformerMLPWithConv(nn.Module):
    def __init__(self, dim, expansion=2, drop=0.1):
        super().__init__()
        hidden = dim * expansion
        self.linear1 = nn.Sequential(nn.Conv2d(dim, hidden, 1))
        self.drop1, self.drop2 = nn.Dropout(drop, inplace=True), nn.Dropout(drop, inplace=True)
        self.act = nn.GELU()
        self.linear2 = nn.Sequential(nn.Conv2d(hidden, dim, 1))
        self.dwc = nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden)

    def forward(self, x):
        x = self.drop1(self.linear1(x))
        x = x + self.dwc(x)
        x = self.act(x)
        return self.drop2(self.linear2(x))


class DATStage(nn.Module):
    def __init__(self, dim=32, heads=4, window_size=4, spec="LDLD", groups=2):
        super().__init__()
        self.attns = nn.ModuleList(
            (
                WindowedAttention(dim, heads, window_size)
                if kind == "L"
                else DeformableAttention2D(
                    dim=dim,
                    dim_head=dim // heads,
                    heads=heads,
                    downsample_factor=2,
                    offset_scale=2,
                    offset_groups=groups,
                    offset_kernel_size=4,
                )
            )
            for kind in spec
        )
        self.mlps = nn.ModuleList(TransformerMLPWithConv(dim) for _ in spec)
        self.layer_norms = nn.ModuleList(LayerNormProxy(dim) for _ in range(2 * len(spec)))

    def forward(self, x):
        for place, (attn, mlp) in enumerate(zip(self.attns, self.mlps)):
            x = x + attn(self.layer_norms[2 * place](x))
            x = x + mlp(self.layer_norms[2 * place + 1](x))
        return x


def example():
    return torch.rand(1, 32, 16, 20, generator=torch.Generator().manual_seed(15)) * 2 - 1
