# SPDX-License-Identifier: Apache-2.0
"""A recurrent denoiser that predicts kernels: the last result and features come along with the motion, a small U-Net
makes a filter for each pixel and how much of the history to keep."""

import torch
from torch import nn
from torch.nn import functional as F

from saccade_layers import ApplyKernels, Blend, Warp


class Denoiser(nn.Module):
    def __init__(self, features=8, width=12, size=5):
        super().__init__()
        self.warp, self.apply_kernels, self.blend = Warp(), ApplyKernels(size, normalize="softmax"), Blend()
        self.encode0 = nn.Sequential(nn.Conv2d(3 + 3 + 3 + features, width, 3, padding=1), nn.LeakyReLU(0.1))
        self.encode1 = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.1)
        )
        self.middle = nn.Sequential(nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.LeakyReLU(0.1))
        self.decode = nn.Sequential(nn.Conv2d(3 * width, width, 3, padding=1), nn.LeakyReLU(0.1))
        self.to_kernels = nn.Conv2d(width, size * size, 1)
        self.to_weight = nn.Conv2d(width, 1, 3, padding=1)
        self.to_features = nn.Conv2d(width, features, 3, padding=1)

    def forward(self, color, guides, motion, history, features):
        """color (b, 3, h, w), linear radiance; guides: albedo or normals; motion (b, 2, h, w) in pixels of where each
        pixel was."""
        light = torch.log1p(color)
        history, features = self.warp(history, motion), self.warp(features, motion)
        x = self.encode0(torch.cat((light, guides, history, features), 1))
        y = self.middle(self.encode1(x))
        y = F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)
        y = self.decode(torch.cat((x, y), 1))
        filtered = self.apply_kernels(light, self.to_kernels(y))
        history = self.blend(history, filtered, torch.sigmoid(self.to_weight(y)))
        return torch.expm1(history), history, torch.tanh(self.to_features(y))


def frames(count=8, h=24, w=28):
    draw = torch.Generator().manual_seed(17)
    rand = lambda channels: torch.rand(1, channels, h, w, generator=draw)
    return [
        (2 * rand(3), rand(3), 6 * rand(2) - 3, torch.zeros(1, 3, h, w), torch.zeros(1, 8, h, w)) for _ in range(count)
    ]


def example():
    return frames()[0]


def options():
    return {"states": {"history": 1, "features": 2}, "outputs": {"image": 0}, "runs": frames()[1:]}
