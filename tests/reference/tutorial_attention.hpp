// SPDX-License-Identifier: Apache-2.0
// Dense deformable attention of the tutorial: every position samples keys and values at its own displaced place.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Input "x" (b, in, h, w); results "y" (b, out, h, w) and "grid" (b * heads, h, w, 2), the sampling positions (x, y)
/// normalised so that -1 and 1 are the centres of the outermost pixels.
Tensors runTutorialAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
