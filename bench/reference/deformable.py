# SPDX-License-Identifier: Apache-2.0
"""Deformable attention over sequences, images and videos in eager PyTorch.

The layer of Xia et al. 2022 (arXiv 2201.00520) with the continuous position bias of Swin V2 (arXiv 2111.09883), as the
package deformable-attention publishes it: the same class names, constructor arguments, attributes and state_dict keys,
so a checkpoint passes between the two. The arithmetic is evaluated whole, position bias of every (query, key, group)
included, so that time and memory are those of the published layer.

Beyond upstream's arguments there are the two that the library has: `axis_order` and, in 1D, `sampling`.
"""

import torch
import torch.nn.functional as F
from torch import nn

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def require(condition, message):
    if not condition:
        raise ValueError(message)


def triple(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * 3


def index_grid(size, like):
    """Positions of a grid, (D, *size), in the layer's channel order: position | x, y | frame, row, column."""
    axes = torch.meshgrid(*(torch.arange(n, device=like.device, dtype=like.dtype) for n in size), indexing="ij")
    return torch.stack(axes[::-1] if len(size) == 2 else axes)


class Scale(nn.Module):
    """Times a number, or, in 3D, times one number per channel, which the checkpoint holds."""

    def __init__(self, scale):
        super().__init__()
        if isinstance(scale, tuple):
            self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        else:
            self.scale = scale

    def forward(self, x):
        return x * (self.scale.view(1, -1, 1, 1, 1) if torch.is_tensor(self.scale) else self.scale)


class CPB(nn.Module):
    """Bias per head from the signed log distance between a query and a sampled key, by an MLP of two hidden layers."""

    def __init__(self, dims, hidden, outputs, log_distance=True):
        super().__init__()
        self.log_distance = log_distance
        self.mlp = nn.ModuleList([
            nn.Sequential(nn.Linear(dims, hidden), nn.ReLU()),
            nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU()),
            nn.Linear(hidden, outputs),
        ])

    def forward(self, queries, keys):
        """queries (n, D), keys (b*g, m, D), normalised -> (b*g, outputs, n, m)"""
        u = queries[None, :, None] - keys[:, None]
        if self.log_distance:
            u = u.sign() * torch.log(u.abs() + 1)
        for layer in self.mlp:
            u = layer(u)
        return u.permute(0, 3, 1, 2)


class DeformableAttention(nn.Module):
    """What the three layers share. `dims` is the number of spatial axes S of x (b, dim, *S).

    query_block: None evaluates all queries at once, as upstream does. A number evaluates the position bias and the
    scores for that many queries at a time: the same function in less memory, for references in float64.
    """

    query_block = None

    def __init__(self, dims, *, dim, dim_head, heads, dropout, downsample_factor, offset_scale, offset_groups,
                 offset_kernel_size, group_queries, group_key_values, axis_order="reference", cpb_log_distance=True):
        super().__init__()
        groups = heads if offset_groups is None else offset_groups
        scale = downsample_factor if offset_scale is None else offset_scale
        strides = downsample_factor if dims == 3 else (downsample_factor,) * dims
        kernel = offset_kernel_size if dims == 3 else (offset_kernel_size,) * dims
        for k, r in zip(kernel, strides):
            require(k >= r, f"offset_kernel_size {k} is smaller than downsample_factor {r}")
            require((k - r) % 2 == 0, f"offset_kernel_size {k} minus downsample_factor {r} is odd")
            require(dims < 3 or k > r, f"offset_kernel_size {k} is not greater than downsample_factor {r}")
        require(heads % groups == 0, f"heads {heads} is not divisible by offset_groups {groups}")
        require(dim % groups == 0, f"dim {dim} is not divisible by offset_groups {groups}")
        require(axis_order in ("reference", "xyz"), f"axis_order {axis_order!r} is neither 'reference' nor 'xyz'")

        self.dims, self.heads, self.offset_groups, self.downsample_factor = dims, heads, groups, downsample_factor
        self.scale = dim_head ** -0.5
        self.axis_order = axis_order

        convolution, inner = CONVOLUTIONS[dims], dim_head * heads
        features = inner // groups
        padding = tuple((k - r) // 2 for k, r in zip(kernel, strides))
        self.to_offsets = nn.Sequential(
            convolution(features, features, kernel, stride=strides, padding=padding, groups=features),
            nn.GELU(),
            convolution(features, dims, 1, bias=False),
            nn.Tanh(),
            Scale(scale),
        )
        self.rel_pos_bias = CPB(dims, dim // 4, heads // groups, cpb_log_distance)
        self.dropout = nn.Dropout(dropout)
        query_groups = groups if group_queries else 1
        key_value_groups = groups if group_key_values else 1
        self.to_q = convolution(dim, inner, 1, groups=query_groups, bias=False)
        self.to_k = convolution(dim, inner, 1, groups=key_value_groups, bias=False)
        self.to_v = convolution(dim, inner, 1, groups=key_value_groups, bias=False)
        self.to_out = convolution(inner, dim, 1)

    def normalise(self, positions, size):
        """Pixels (*, D, *size) to [-1, 1], (*, product of size, D).

        Upstream's 2D divides x by the height and y by the width.
        """
        extents = size[::-1] if self.dims == 2 and self.axis_order == "xyz" else size
        positions = positions.flatten(-self.dims).movedim(-2, -1)
        return 2.0 * positions / positions.new_tensor([max(n - 1, 1) for n in extents]) - 1.0

    def sample(self, features, positions, size):
        """features (b*g, c, *S) at positions (b*g, product of size, D) of a grid `size` -> (b*g, c, *size)"""
        # grid_sample reads (x, y, z): upstream's 3D hands it (frame, row, column) all the same.
        order = positions.flip(-1) if self.dims == 3 and self.axis_order == "xyz" else positions
        grid = order.view(-1, *size, self.dims)
        return F.grid_sample(features, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    def forward(self, x, return_vgrid=False):
        """x (b, dim, *S) -> y (b, dim, *S) and, if asked, the sampled positions in downsampled pixels."""
        b, size = x.shape[0], x.shape[2:]
        q = self.to_q(x)
        offsets = self.to_offsets(q.view(b * self.offset_groups, -1, *size))
        sampled_size = offsets.shape[2:]
        vgrid = index_grid(sampled_size, offsets) + offsets
        keys_at = self.normalise(vgrid, sampled_size)
        queries_at = self.normalise(index_grid(size, x), size)

        features = self.sample(x.reshape(b * self.offset_groups, -1, *size), keys_at, sampled_size)
        features = features.reshape(b, -1, *sampled_size)
        per_head = lambda t: t.view(b, self.heads, -1, t[0, 0].numel()).transpose(-1, -2)
        q, k, v = per_head(q) * self.scale, per_head(self.to_k(features)), per_head(self.to_v(features))

        rows = []
        step = self.query_block or q.shape[2]
        for i in range(0, q.shape[2], step):
            scores = q[:, :, i:i + step] @ k.transpose(-1, -2)
            # Head index is group * (heads / g) + output, so the groups of the bias unfold into heads as they lie.
            scores = scores + self.rel_pos_bias(queries_at[i:i + step], keys_at).reshape(scores.shape)
            rows.append(self.dropout(scores.softmax(dim=-1)) @ v)
        y = torch.cat(rows, dim=2) if len(rows) > 1 else rows[0]
        y = self.to_out(y.transpose(-1, -2).reshape(b, -1, *size))
        if not return_vgrid:
            return y
        return y, vgrid.squeeze(1) if self.dims == 1 else vgrid


class DeformableAttention1D(DeformableAttention):
    """x (b, dim, n); the second result is (b*g, n').

    sampling "sequence": features are sampled at the position along the sequence. "listing": as an image of width 1 and
    height n at x = position, y = 0, which the published listing does: the sequence's centre, faded by |position| / 2.
    """

    def __init__(self, *, dim, dim_head=64, heads=8, dropout=0.0, downsample_factor=4, offset_scale=None,
                 offset_groups=None, offset_kernel_size=6, cpb_log_distance=True, group_queries=True,
                 group_key_values=True, sampling="sequence"):
        super().__init__(1, dim=dim, dim_head=dim_head, heads=heads, dropout=dropout,
                         downsample_factor=downsample_factor, offset_scale=offset_scale, offset_groups=offset_groups,
                         offset_kernel_size=offset_kernel_size, group_queries=group_queries,
                         group_key_values=group_key_values, cpb_log_distance=cpb_log_distance)
        require(sampling in ("sequence", "listing"), f"sampling {sampling!r} is neither 'sequence' nor 'listing'")
        self.sampling = sampling

    def sample(self, features, positions, size):
        # (x, y) of a column image: the zero is x for "sequence", y for "listing".
        grid = F.pad(positions, (1, 0) if self.sampling == "sequence" else (0, 1)).unsqueeze(2)
        return F.grid_sample(features.unsqueeze(-1), grid, mode="bilinear", padding_mode="zeros",
                             align_corners=False).squeeze(-1)


class DeformableAttention2D(DeformableAttention):
    """x (b, dim, h, w); the second result is (b*g, 2, h', w'), channels x, y."""

    def __init__(self, *, dim, dim_head=64, heads=8, dropout=0.0, downsample_factor=4, offset_scale=None,
                 offset_groups=None, offset_kernel_size=6, group_queries=True, group_key_values=True,
                 axis_order="reference"):
        super().__init__(2, dim=dim, dim_head=dim_head, heads=heads, dropout=dropout,
                         downsample_factor=downsample_factor, offset_scale=offset_scale, offset_groups=offset_groups,
                         offset_kernel_size=offset_kernel_size, group_queries=group_queries,
                         group_key_values=group_key_values, axis_order=axis_order)


class DeformableAttention3D(DeformableAttention):
    """x (b, dim, f, h, w); the second result is (b*g, 3, f', h', w'), channels frame, row, column.

    downsample_factor, offset_scale and offset_kernel_size are one number per axis; a single one stands for all three.
    """

    def __init__(self, *, dim, dim_head=64, heads=8, dropout=0.0, downsample_factor=4, offset_scale=None,
                 offset_groups=None, offset_kernel_size=6, group_queries=True, group_key_values=True,
                 axis_order="reference"):
        super().__init__(3, dim=dim, dim_head=dim_head, heads=heads, dropout=dropout,
                         downsample_factor=triple(downsample_factor),
                         offset_scale=None if offset_scale is None else triple(offset_scale),
                         offset_groups=offset_groups, offset_kernel_size=triple(offset_kernel_size),
                         group_queries=group_queries, group_key_values=group_key_values, axis_order=axis_order)


LAYERS = {cls.__name__: cls for cls in (DeformableAttention1D, DeformableAttention2D, DeformableAttention3D)}
