// SPDX-License-Identifier: Apache-2.0
// Deformable attention in 1D, 2D and 3D (Xia et al., arXiv 2201.00520), as the deformable-attention package computes
// it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Input "x" (b, dim, *S) with `axes` = 1, 2 or 3 spatial axes; results "y" (b, dim, *S), "attention", the softmax
/// (b, heads, queries, keys), and "vgrid", the sampling positions in downsampled pixels: (b * groups, S') in 1D,
/// (b * groups, axes, *S') otherwise.
Tensors runDeformableAttention(int axes, const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
