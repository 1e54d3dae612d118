# SPDX-License-Identifier: Apache-2.0
"""The encoder of Deformable-DETR (Zhu et al., arXiv 2010.04159): 6 layers over feature maps of 4 sizes."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from library_modules import MSDeformAttn


class PositionEmbeddingSine(nn.Module):
    def __init__(self, features, temperature=10000):
        super().__init__()
        self.features, self.temperature = features, temperature

    def forward(self, x):
        ones = torch.ones(x.shape[0], *x.shape[-2:])
        y, z = ones.cumsum(1), ones.cumsum(2)
        y, z = (2 * math.pi * (y - 0.5) / (y[:, -1:] + 1e-6), 2 * math.pi * (z - 0.5) / (z[:, :, -1:] + 1e-6))
        periods = self.temperature ** (
            2 * torch.div(torch.arange(self.features), 2, rounding_mode="floor") / self.features
        )
        y, z = y[..., None] / periods, z[..., None] / periods
        y, z = (torch.stack((p[..., 0::2].sin(), p[..., 1::2].cos()), dim=4).flatten(3) for p in (y, z))
        return torch.cat((y, z), dim=3).permute(0, 3, 1, 2)


class DeformableTransformerEncoderLayer(nn.Module):
    def __init__(self, d_model, d_ffn, dropout, n_levels, n_heads, n_points):
        super().__init__()
        self.self_attn = MSDeformAttn(d_model, n_levels, n_heads, n_points)
        self.dropout1, self.norm1 = nn.Dropout(dropout), nn.LayerNorm(d_model)
        self.linear1, self.dropout2 = nn.Linear(d_model, d_ffn), nn.Dropout(dropout)
        self.linear2, self.dropout3, self.norm2 = nn.Linear(d_ffn, d_model), nn.Dropout(dropout), nn.LayerNorm(d_model)

    def forward(self, src, pos, reference_points, spatial_shapes, level_start_index):
        src2 = self.self_attn(src + pos, reference_points, src, spatial_shapes, level_start_index)
        src = self.norm1(src + self.dropout1(src2))
        src2 = self.linear2(self.dropout2(F.relu(self.linear1(src))))
        return self.norm2(src + self.dropout3(src2))


class DeformableTransformerEncoder(nn.Module):
    def __init__(self, d_model=32, d_ffn=64, dropout=0.1, num_layers=6, n_levels=4, n_heads=4, n_points=4):
        super().__init__()
        self.layers = nn.ModuleList(
            DeformableTransformerEncoderLayer(d_model, d_ffn, dropout, n_levels, n_heads, n_points)
            for _ in range(num_layers)
        )
        self.level_embed = nn.Parameter(torch.randn(n_levels, d_model))
        self.position = PositionEmbeddingSine(d_model // 2)

    @staticmethod
    def get_reference_points(spatial_shapes):
        points = []
        for h, w in spatial_shapes:
            y, x = torch.meshgrid(torch.linspace(0.5, h - 0.5, h), torch.linspace(0.5, w - 0.5, w), indexing="ij")
            points.append(torch.stack((x.reshape(-1)[None] / w, y.reshape(-1)[None] / h), -1))
        return torch.cat(points, 1)[:, :, None].repeat(1, 1, len(spatial_shapes), 1)

    def forward(self, srcs):
        tokens, positions, shapes = [], [], []
        for level, src in enumerate(srcs):
            shapes.append(tuple(src.shape[-2:]))
            tokens.append(src.flatten(2).transpose(1, 2))
            positions.append(self.position(src).flatten(2).transpose(1, 2) + self.level_embed[level].view(1, 1, -1))
        src, pos = torch.cat(tokens, 1), torch.cat(positions, 1)
        spatial_shapes = torch.as_tensor(shapes, dtype=torch.long)
        level_start_index = torch.cat((spatial_shapes.new_zeros((1,)), spatial_shapes.prod(1).cumsum(0)[:-1]))
        reference_points = self.get_reference_points(shapes)
        for layer in self.layers:
            src = layer(src, pos, reference_points, spatial_shapes, level_start_index)
        return src


def example():
    draw = torch.Generator().manual_seed(16)
    return ([torch.rand(1, 32, *size, generator=draw) * 2 - 1 for size in ((14, 18), (7, 9), (4, 5), (2, 3))],)
