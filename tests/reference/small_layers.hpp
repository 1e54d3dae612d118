// SPDX-License-Identifier: Apache-2.0
// Layers that larger systems are made of, as modules of their own.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Input "x" (..., dim), result "y": LayerNorm with "gamma" and "beta".
Tensors runPhenakiLayerNorm(const Tensors& weights, const Tensors& inputs);

/// Input "x" (..., 2 c), result "y" (..., c): the first half times the GELU of the second.
Tensors runGeglu(const Tensors& inputs);

/// Input "x" (..., c), result "y": each row over its length, or over 1e-12 where that is more.
Tensors runL2Norm(const Tensors& inputs);

/// Input "x" (b, c, ...), result "y": times the tensor "scale" (c) if there is one, else config "scale".
Tensors runScale(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

/// Inputs "grid_q" (..., d) and "grid_kv" (b g, ..., d), of one dimension without d if so given; result "bias" (b,
/// heads, n, m).
Tensors runCpb(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
