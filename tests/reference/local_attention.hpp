// SPDX-License-Identifier: Apache-2.0
// Attention to a window of keys around each query, on maps of one to three axes.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// The positions along an axis of `size` that the query at position `i` sees, in rising order. `neighborhood`: as many
/// for every query, the window moved inwards at a border; else what lies outside is cut off.
std::vector<int64_t> windowPositions(int64_t i, int64_t size, int64_t window, int64_t dilation, bool neighborhood);

/// Input "x" (b, dim, *S), S of `axes` axes; result "y" of the same shape.
Tensors runLocalAttention(int axes, const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
