# SPDX-License-Identifier: Apache-2.0
"""Layers that rendering needs and torch.nn has not, in plain PyTorch. export.py makes one operator of each.

    from saccade_layers import ApplyKernels, Blend, Warp

Maps are (b, c, h, w). docs/networks.md defines the operators `warp`, `apply_kernels` and `lerp`.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Warp(nn.Module):
    """A map moved by a motion image (b, 2, h, w): pixel (i, j) of the result is x at (i + sy * motion[1], j + sx *
    motion[0]).

    scale: (sx, sy), for motion in other units than pixels or of the other sign. mode: bilinear or nearest.
        padding_mode: what lies outside, border or zeros.
    """

    def __init__(self, scale=(1.0, 1.0), mode="bilinear", padding_mode="border"):
        super().__init__()
        if mode not in ("bilinear", "nearest") or padding_mode not in ("border", "zeros"):
            raise ValueError(f"Warp: mode {mode!r}, padding_mode {padding_mode!r}")
        self.scale, self.mode, self.padding_mode = tuple(scale), mode, padding_mode

    def forward(self, x, motion):
        h, w = x.shape[-2:]
        rows = torch.arange(h, dtype=x.dtype, device=x.device).view(1, h, 1) + self.scale[1] * motion[:, 1]
        columns = torch.arange(w, dtype=x.dtype, device=x.device).view(1, 1, w) + self.scale[0] * motion[:, 0]
        grid = torch.stack(((2 * columns + 1) / w - 1, (2 * rows + 1) / h - 1), -1)
        return F.grid_sample(x, grid, mode=self.mode, padding_mode=self.padding_mode, align_corners=False)


class ApplyKernels(nn.Module):
    """Filters each pixel of x with its own kernel: kernels (b, size * size, h, w), one for all channels of a pixel.

    The sum of kernels[i * size + j] * x at (i - size // 2, j - size // 2) from the pixel. normalize: none; softmax
    over the kernel; sum, which divides by the sum of the kernel. padding_mode: what lies outside, replicate or zeros.
    """

    def __init__(self, size, normalize="none", padding_mode="replicate"):
        super().__init__()
        if size % 2 == 0 or normalize not in ("none", "softmax", "sum") or padding_mode not in ("replicate", "zeros"):
            raise ValueError(f"ApplyKernels: size {size}, normalize {normalize!r}, padding_mode {padding_mode!r}")
        self.size, self.normalize, self.padding_mode = size, normalize, padding_mode

    def forward(self, x, kernels):
        if self.normalize == "softmax":
            kernels = kernels.softmax(1)
        elif self.normalize == "sum":
            kernels = kernels / kernels.sum(1, keepdim=True)
        b, c, h, w = x.shape
        padded = F.pad(x, [self.size // 2] * 4, mode="constant" if self.padding_mode == "zeros" else "replicate")
        parts = F.unfold(padded, self.size).view(b, c, self.size * self.size, h, w)
        return (parts * kernels.unsqueeze(1)).sum(2)


class Blend(nn.Module):
    """start where the weight is 0, end where it is 1, and a mixture between: torch.lerp."""

    def forward(self, start, end, weight):
        return torch.lerp(start, end, weight)
