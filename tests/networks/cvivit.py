# SPDX-License-Identifier: Apache-2.0
"""The encoder of C-ViViT (Villegas et al., arXiv 2210.02399) as phenaki-pytorch computes it: patches of the first
frame and of the others, a transformer over each frame and one over time, both with position generators and attention
of unit vectors."""

import torch
from torch import nn
from torch.nn import functional as F


class LayerNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gamma = nn.Parameter(1 + 0.1 * torch.randn(dim))
        self.register_buffer("beta", torch.zeros(dim))

    def forward(self, x):
        return F.layer_norm(x, x.shape[-1:], self.gamma, self.beta)


class GEGLU(nn.Module):
    def forward(self, x):
        x, gate = x.chunk(2, dim=-1)
        return F.gelu(gate) * x


def feed_forward(dim, mult=4):
    inner = int(mult * (2 / 3) * dim)
    return nn.Sequential(
        nn.LayerNorm(dim),
        nn.Linear(dim, inner * 2, bias=False),
        GEGLU(),
        nn.Dropout(0.1),
        nn.Linear(inner, dim, bias=False),
    )


class PEG(nn.Module):
    """The position generating network: a depthwise convolution over frames, rows and columns."""

    def __init__(self, dim, causal=False):
        super().__init__()
        self.causal = causal
        self.dsconv = nn.Conv3d(dim, dim, 3, groups=dim)

    def forward(self, x, shape):
        original = x.shape
        x = x.reshape(*shape, -1).permute(0, 4, 1, 2, 3)
        x = self.dsconv(F.pad(x, (1, 1, 1, 1, *((2, 0) if self.causal else (1, 1))), value=0.0))
        return x.permute(0, 2, 3, 4, 1).reshape(original)


class AlibiPositionalBias(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.register_buffer(
            "slopes",
            torch.tensor([2.0 ** (-8 * (i + 1) / heads) for i in range(heads)]).view(-1, 1, 1),
            persistent=False,
        )

    def forward(self, scores):
        i, j = scores.shape[-2:]
        apart = (torch.arange(j)[None, None, :] - torch.arange(j - i, j)[None, :, None]).abs()
        return -apart * self.slopes


class ContinuousPositionBias(nn.Module):
    def __init__(self, dim, heads, layers=2):
        super().__init__()
        sizes = [2] + [dim] * layers
        self.net = nn.ModuleList(nn.Sequential(nn.Linear(a, b), nn.LeakyReLU(0.1)) for a, b in zip(sizes, sizes[1:]))
        self.net.append(nn.Linear(dim, heads))

    def forward(self, h, w):
        places = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")).flatten(1).t()
        apart = (places[:, None] - places[None]).to(self.net[-1].weight)
        x = apart.sign() * torch.log(apart.abs() + 1)
        for layer in self.net:
            x = layer(x)
        return x.permute(2, 0, 1)


class Attention(nn.Module):
    def __init__(self, dim, dim_head, heads, causal=False, num_null_kv=2, scale=8):
        super().__init__()
        self.heads, self.causal, self.scale, self.num_null_kv = heads, causal, scale, num_null_kv
        inner = dim_head * heads
        if causal:
            self.rel_pos_bias = AlibiPositionalBias(heads)
        self.attn_dropout = nn.Dropout(0.1)
        self.norm = LayerNorm(dim)
        self.null_kv = nn.Parameter(torch.randn(heads, 2 * num_null_kv, dim_head))
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, inner * 2, bias=False)
        self.q_scale, self.k_scale = (nn.Parameter(1 + 0.2 * torch.randn(dim_head)) for _ in range(2))
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, x, attn_bias=None):
        b = x.shape[0]
        kv_input = x
        x = self.norm(x)
        q, k, v = self.to_q(x), *self.to_kv(kv_input).chunk(2, dim=-1)
        q, k, v = (t.view(b, t.shape[1], self.heads, -1).transpose(1, 2) for t in (q, k, v))
        nk, nv = self.null_kv.view(self.heads, self.num_null_kv, 2, -1).unbind(2)
        nk, nv = (t.unsqueeze(0).expand(b, -1, -1, -1) for t in (nk, nv))
        k, v = torch.cat((nk, k), dim=-2), torch.cat((nv, v), dim=-2)
        q, k = (F.normalize(t, dim=-1) for t in (q, k))
        q, k = q * self.q_scale, k * self.k_scale
        sim = torch.einsum("b h i d, b h j d -> b h i j", q, k) * self.scale
        i, j = sim.shape[-2:]
        if attn_bias is not None:
            sim = sim + F.pad(attn_bias, (self.num_null_kv, 0), value=0.0)
        if self.causal:
            sim = sim + self.rel_pos_bias(sim)
            sim = sim.masked_fill(torch.ones((i, j), dtype=torch.bool).triu(j - i + 1), -torch.finfo(sim.dtype).max)
        attn = self.attn_dropout(sim.softmax(dim=-1))
        out = torch.einsum("b h i j, b h j d -> b h i d", attn, v)
        return self.to_out(out.transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    def __init__(self, dim, depth, dim_head, heads, causal=False, peg_causal=False):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([PEG(dim, peg_causal), Attention(dim, dim_head, heads, causal), feed_forward(dim)])
            for _ in range(depth)
        )
        self.norm_out = LayerNorm(dim)

    def forward(self, x, video_shape, attn_bias=None):
        for peg, attn, ff in self.layers:
            x = peg(x, video_shape) + x
            x = attn(x, attn_bias) + x
            x = ff(x) + x
        return self.norm_out(x)


class CViViTEncoder(nn.Module):
    def __init__(self, dim=32, patch=4, temporal_patch=2, depth=2, dim_head=8, heads=4, channels=3):
        super().__init__()
        self.patch, self.temporal_patch = patch, temporal_patch
        embed = lambda size: nn.Sequential(nn.LayerNorm(size), nn.Linear(size, dim), nn.LayerNorm(dim))
        self.to_patch_emb_first_frame = embed(channels * patch * patch)
        self.to_patch_emb = embed(channels * temporal_patch * patch * patch)
        self.spatial_rel_pos_bias = ContinuousPositionBias(dim, heads)
        self.enc_spatial_transformer = Transformer(dim, depth, dim_head, heads)
        self.enc_temporal_transformer = Transformer(dim, depth, dim_head, heads, causal=True, peg_causal=True)

    def patches(self, video, frames):
        b, c, t, h, w = video.shape
        p = self.patch
        x = (
            video.view(b, c, t // frames, frames, h // p, p, w // p, p).permute(0, 2, 4, 6, 1, 3, 5, 7)
            if frames > 1
            else video.view(b, c, t, h // p, p, w // p, p).permute(0, 2, 3, 5, 1, 4, 6)
        )
        return x.flatten(4)

    def forward(self, video):
        first, rest = video[:, :, :1], video[:, :, 1:]
        tokens = torch.cat(
            (
                self.to_patch_emb_first_frame(self.patches(first, 1)),
                self.to_patch_emb(self.patches(rest, self.temporal_patch)),
            ),
            dim=1,
        )
        b, t, h, w, d = tokens.shape
        x = tokens.reshape(b * t, h * w, d)
        x = self.enc_spatial_transformer(x, (b, t, h, w), self.spatial_rel_pos_bias(h, w))
        x = x.view(b, t, h, w, d).permute(0, 2, 3, 1, 4).reshape(b * h * w, t, d)
        x = self.enc_temporal_transformer(x, (b, t, h, w))
        return x.view(b, h, w, t, d).permute(0, 3, 1, 2, 4)


def example():
    return torch.rand(1, 3, 5, 16, 20, generator=torch.Generator().manual_seed(18))
