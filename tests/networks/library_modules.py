# SPDX-License-Identifier: Apache-2.0
"""Classes that the library has under their names, in plain PyTorch: DeformableAttention2D as the package
deformable-attention publishes it, MSDeformAttn as Deformable-DETR does, without its own CUDA kernel."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Scale(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return x * self.scale


class CPB(nn.Module):
    """The bias of a query's distance to a key, by a network of it (Swin V2, arXiv 2111.09883)."""

    def __init__(self, dim, outputs):
        super().__init__()
        self.mlp = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(2, dim), nn.ReLU()),
                nn.Sequential(nn.Linear(dim, dim), nn.ReLU()),
                nn.Linear(dim, outputs),
            ]
        )

    def forward(self, grid_q, grid_kv):
        distance = grid_q.reshape(1, -1, 1, 2) - grid_kv.reshape(grid_kv.shape[0], 1, -1, 2)
        bias = torch.sign(distance) * torch.log(distance.abs() + 1)
        for layer in self.mlp:
            bias = layer(bias)
        return bias.permute(0, 3, 1, 2)  # (b g, heads of a group, queries, keys)


def grid_of(like):
    """Channels x, y of each pixel."""
    h, w = like.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack((columns, rows)).to(like)


def normalised(grid, extents):
    """(..., 2, h, w) in pixels -> (..., h, w, 2) in [-1, 1]."""
    x, y = grid.unbind(-3)
    return torch.stack((2 * x / max(extents[0] - 1, 1) - 1, 2 * y / max(extents[1] - 1, 1) - 1), -1)


class DeformableAttention2D(nn.Module):
    """Xia et al., arXiv 2201.00520. axis_order reference: upstream divides x by the height and y by the width."""

    def __init__(
        self,
        *,
        dim,
        dim_head=64,
        heads=8,
        dropout=0.0,
        downsample_factor=4,
        offset_scale=None,
        offset_groups=None,
        offset_kernel_size=6,
        group_queries=True,
        group_key_values=True,
        axis_order="reference",
    ):
        super().__init__()
        offset_scale = downsample_factor if offset_scale is None else offset_scale
        offset_groups = heads if offset_groups is None else offset_groups
        inner = dim_head * heads
        channels = inner // offset_groups
        self.scale, self.heads, self.offset_groups = dim_head**-0.5, heads, offset_groups
        self.downsample_factor, self.axis_order = downsample_factor, axis_order
        self.to_offsets = nn.Sequential(
            nn.Conv2d(
                channels,
                channels,
                offset_kernel_size,
                groups=channels,
                stride=downsample_factor,
                padding=(offset_kernel_size - downsample_factor) // 2,
            ),
            nn.GELU(),
            nn.Conv2d(channels, 2, 1, bias=False),
            nn.Tanh(),
            Scale(offset_scale),
        )
        self.rel_pos_bias = CPB(dim // 4, heads // offset_groups)
        self.dropout = nn.Dropout(dropout)
        self.to_q = nn.Conv2d(dim, inner, 1, groups=offset_groups if group_queries else 1, bias=False)
        self.to_k = nn.Conv2d(dim, inner, 1, groups=offset_groups if group_key_values else 1, bias=False)
        self.to_v = nn.Conv2d(dim, inner, 1, groups=offset_groups if group_key_values else 1, bias=False)
        self.to_out = nn.Conv2d(inner, dim, 1)

    def forward(self, x):
        b, c, h, w = x.shape
        groups, order = self.offset_groups, 1 if self.axis_order == "reference" else -1
        q = self.to_q(x)
        offsets = self.to_offsets(q.reshape(b * groups, -1, h, w))
        vgrid = normalised(grid_of(offsets) + offsets, offsets.shape[-2:][::order])
        features = F.grid_sample(
            x.reshape(b * groups, c // groups, h, w), vgrid, mode="bilinear", padding_mode="zeros", align_corners=False
        ).reshape(b, c, *offsets.shape[-2:])
        q, k, v = (
            item.reshape(b, self.heads, -1, item.shape[-2] * item.shape[-1]).transpose(-1, -2)
            for item in (q * self.scale, self.to_k(features), self.to_v(features))
        )
        scores = q @ k.transpose(-1, -2)
        bias = self.rel_pos_bias(normalised(grid_of(x), (h, w)[::order]), vgrid)
        scores = scores + bias.reshape(scores.shape)
        y = self.dropout(scores.softmax(-1)) @ v
        return self.to_out(y.transpose(-1, -2).reshape(b, -1, h, w))


class MSDeformAttn(nn.Module):
    """Zhu et al., arXiv 2010.04159."""

    def __init__(self, d_model=256, n_levels=4, n_heads=8, n_points=4):
        super().__init__()
        self.d_model, self.n_levels, self.n_heads, self.n_points = d_model, n_levels, n_heads, n_points
        self.sampling_offsets = nn.Linear(d_model, n_heads * n_levels * n_points * 2)
        self.attention_weights = nn.Linear(d_model, n_heads * n_levels * n_points)
        self.value_proj = nn.Linear(d_model, d_model)
        self.output_proj = nn.Linear(d_model, d_model)
        angles = torch.arange(n_heads) * (2 * math.pi / n_heads)
        ring = torch.stack((angles.cos(), angles.sin()), -1)
        ring = (ring / ring.abs().max(-1, keepdim=True)[0]).view(n_heads, 1, 1, 2).repeat(1, n_levels, n_points, 1)
        for i in range(n_points):
            ring[:, :, i, :] *= i + 1
        with torch.no_grad():
            self.sampling_offsets.weight.mul_(2)
            self.sampling_offsets.bias.copy_(ring.reshape(-1))

    def forward(
        self,
        query,
        reference_points,
        input_flatten,
        input_spatial_shapes,
        input_level_start_index=None,
        input_padding_mask=None,
    ):
        n, queries, _ = query.shape
        heads, levels, points = self.n_heads, self.n_levels, self.n_points
        value = self.value_proj(input_flatten)
        if input_padding_mask is not None:
            value = value.masked_fill(input_padding_mask[..., None], 0.0)
        value = value.view(n, -1, heads, self.d_model // heads)
        offsets = self.sampling_offsets(query).view(n, queries, heads, levels, points, 2)
        weights = self.attention_weights(query).view(n, queries, heads, levels * points).softmax(-1)
        sizes = torch.as_tensor(input_spatial_shapes)
        reference = reference_points[:, :, None, :, None]
        if reference_points.shape[-1] == 2:
            locations = reference + offsets / sizes.flip(-1).to(offsets)[None, None, None, :, None, :]
        else:
            locations = reference[..., :2] + offsets / points * reference[..., 2:] * 0.5
        grids = (2 * locations - 1).transpose(1, 2).flatten(0, 1)  # (n heads, queries, levels, points, 2)
        sampled, begin = [], 0
        for level, (h, w) in enumerate(sizes.tolist()):
            rows = value[:, begin : begin + h * w].permute(0, 2, 3, 1).reshape(n * heads, -1, h, w)
            sampled.append(
                F.grid_sample(rows, grids[:, :, level], mode="bilinear", padding_mode="zeros", align_corners=False)
            )
            begin += h * w
        weights = weights.transpose(1, 2).reshape(n * heads, 1, queries, levels * points)
        output = (torch.stack(sampled, -2).flatten(-2) * weights).sum(-1)
        return self.output_proj(output.view(n, self.d_model, queries).transpose(1, 2))
