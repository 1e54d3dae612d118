// SPDX-License-Identifier: Apache-2.0
// ONNX operators, by their published semantics. Config holds the node's attributes under their ONNX names; inputs and
// results have the names of the operator's formal parameters.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// GridSample (opsets 16 to 22, either spelling of the modes).
Tensors runOnnxGridSample(const nlohmann::json& config, const Tensors& inputs);

/// RotaryEmbedding (opset 23), input (b, heads, n, d) or (b, n, heads * d).
Tensors runOnnxRotaryEmbedding(const nlohmann::json& config, const Tensors& inputs);

/// DeformConv (opsets 19 to 22) in 2D.
Tensors runOnnxDeformConv(const nlohmann::json& config, const Tensors& inputs);

/// Attention (opsets 23 and 24), 3D or 4D. A row that sees no key is zeros; the operator leaves it NaN.
/// "softmax_precision" changes nothing here.
Tensors runOnnxAttention(const nlohmann::json& config, const Tensors& inputs);

} // namespace saccade::reference
