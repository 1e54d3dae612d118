# SPDX-License-Identifier: Apache-2.0
"""torch.nn.TransformerEncoderLayer as it is."""

import torch
from torch import nn


class EncoderLayer(nn.TransformerEncoderLayer):
    def __init__(self, d_model=48, nhead=4, dim_feedforward=96):
        super().__init__(d_model, nhead, dim_feedforward, activation="gelu", batch_first=True)


def example():
    return torch.rand(2, 40, 48, generator=torch.Generator().manual_seed(19)) * 2 - 1
