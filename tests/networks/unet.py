# SPDX-License-Identifier: Apache-2.0
"""A U-Net of the shape of Open Image Denoise's: colour, albedo and normal in, colour out, four levels."""

import torch
from torch import nn
from torch.nn import functional as F


class UNet(nn.Module):
    def __init__(self, in_channels=9, out_channels=3, widths=(8, 12, 16, 20, 24), decoder=(20, 16, 12, 8)):
        super().__init__()
        conv = lambda a, b: nn.Conv2d(a, b, 3, padding=1)
        first, second, third, fourth, bottom = widths
        self.enc_conv0 = conv(in_channels, first)
        self.enc_conv1 = conv(first, first)
        self.enc_conv2 = conv(first, second)
        self.enc_conv3 = conv(second, third)
        self.enc_conv4 = conv(third, fourth)
        self.enc_conv5a = conv(fourth, bottom)
        self.enc_conv5b = conv(bottom, bottom)
        self.dec_conv4a = conv(bottom + third, decoder[0])
        self.dec_conv4b = conv(decoder[0], decoder[0])
        self.dec_conv3a = conv(decoder[0] + second, decoder[1])
        self.dec_conv3b = conv(decoder[1], decoder[1])
        self.dec_conv2a = conv(decoder[1] + first, decoder[2])
        self.dec_conv2b = conv(decoder[2], decoder[2])
        self.dec_conv1a = conv(decoder[2] + in_channels, decoder[3])
        self.dec_conv1b = conv(decoder[3], decoder[3])
        self.dec_conv0 = conv(decoder[3], out_channels)

    def forward(self, color, albedo, normal):
        x0 = torch.cat((color, albedo, normal), 1)
        x = F.relu(self.enc_conv0(x0))
        x1 = x = F.max_pool2d(F.relu(self.enc_conv1(x)), 2)
        x2 = x = F.max_pool2d(F.relu(self.enc_conv2(x)), 2)
        x3 = x = F.max_pool2d(F.relu(self.enc_conv3(x)), 2)
        x = F.max_pool2d(F.relu(self.enc_conv4(x)), 2)
        x = F.relu(self.enc_conv5b(F.relu(self.enc_conv5a(x))))
        for skip, a, b in (
            (x3, self.dec_conv4a, self.dec_conv4b),
            (x2, self.dec_conv3a, self.dec_conv3b),
            (x1, self.dec_conv2a, self.dec_conv2b),
            (x0, self.dec_conv1a, self.dec_conv1b),
        ):
            x = torch.cat((F.interpolate(x, scale_factor=2, mode="nearest"), skip), 1)
            x = F.relu(b(F.relu(a(x))))
        return self.dec_conv0(x)


def example():
    draw = torch.Generator().manual_seed(11)
    return tuple(torch.rand(1, 3, 32, 48, generator=draw) for _ in range(3))
