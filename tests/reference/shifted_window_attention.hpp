// SPDX-License-Identifier: Apache-2.0
// torchvision's ShiftedWindowAttention, token by token: each query looks for the keys of its window.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Input "x" (b, h, w, dim), result "y" of the same shape.
Tensors runShiftedWindowAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
