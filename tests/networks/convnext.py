# SPDX-License-Identifier: Apache-2.0
"""Blocks of ConvNeXt (Liu et al., arXiv 2201.03545), with a step down between two stages."""

import torch
from torch import nn
from torch.nn import functional as F


class LayerNorm(nn.Module):
    """Over channels, wherever they are."""

    def __init__(self, channels, eps=1e-6, data_format="channels_last"):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.1 * torch.randn(channels))
        self.bias = nn.Parameter(0.1 * torch.randn(channels))
        self.eps, self.data_format, self.normalized_shape = eps, data_format, (channels,)

    def forward(self, x):
        if self.data_format == "channels_last":
            return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class DropPath(nn.Module):
    def __init__(self, share):
        super().__init__()
        self.share = share

    def forward(self, x):
        if self.share == 0 or not self.training:
            return x
        kept = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(1 - self.share)
        return x * kept.div_(1 - self.share)


class Block(nn.Module):
    def __init__(self, dim, drop_path=0.1, scale=0.5):
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = LayerNorm(dim)
        self.pwconv1 = nn.Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(4 * dim, dim)
        self.gamma = nn.Parameter(scale * torch.ones(dim) + 0.1 * torch.randn(dim))
        self.drop_path = DropPath(drop_path)

    def forward(self, x):
        shortcut = x
        x = self.dwconv(x)
        x = x.permute(0, 2, 3, 1)  # (b, c, h, w) -> (b, h, w, c)
        x = self.norm(x)
        x = self.pwconv2(self.act(self.pwconv1(x)))
        if self.gamma is not None:
            x = self.gamma * x
        x = x.permute(0, 3, 1, 2)
        return shortcut + self.drop_path(x)


class ConvNeXt(nn.Module):
    def __init__(self, in_channels=3, dims=(16, 32), depths=(2, 2)):
        super().__init__()
        steps = [
            nn.Sequential(
                nn.Conv2d(in_channels, dims[0], 4, stride=4), LayerNorm(dims[0], data_format="channels_first")
            )
        ]
        for a, b in zip(dims, dims[1:]):
            steps.append(nn.Sequential(LayerNorm(a, data_format="channels_first"), nn.Conv2d(a, b, 2, stride=2)))
        self.downsample_layers = nn.ModuleList(steps)
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(dim) for _ in range(depth))) for dim, depth in zip(dims, depths)
        )

    def forward(self, x):
        for step, stage in zip(self.downsample_layers, self.stages):
            x = stage(step(x))
        return x


def example():
    return torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(13)) * 2 - 1
