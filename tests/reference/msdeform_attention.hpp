// SPDX-License-Identifier: Apache-2.0
// Multi-scale deformable attention (Zhu et al., arXiv 2010.04159).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Inputs "query" (n, q, d_model), "x" (n, sum of h * w, d_model), "reference_points" (n, q, levels, 2 or 4) in
/// [0, 1], "spatial_shapes" (levels, 2) as (h, w), and perhaps "padding_mask" (n, sum of h * w), nonzero where a pixel
/// is padding. Results "y" (n, q, d_model) and "sampling_locations" (n, q, heads, levels, points, 2).
Tensors runMSDeformAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
