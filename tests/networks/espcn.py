# SPDX-License-Identifier: Apache-2.0
"""An upscaler like ESPCN (Shi et al., arXiv 1609.05158): convolutions at low resolution, then a pixel shuffle."""

import torch
from torch import nn


class ESPCN(nn.Module):
    def __init__(self, scale=2, channels=3, width=24):
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(channels, width, 5, padding=2), nn.Tanh(), nn.Conv2d(width, width // 2, 3, padding=1), nn.Tanh()
        )
        self.last = nn.Sequential(nn.Conv2d(width // 2, channels * scale * scale, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, x):
        return self.last(self.first(x)).clamp(0, 1)


def example():
    return torch.rand(1, 3, 20, 28, generator=torch.Generator().manual_seed(12))
