// SPDX-License-Identifier: Apache-2.0
// The attention, position biases and blocks of phenaki-pytorch.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Inputs "x" (b, i, dim), perhaps "context" (b, j, dim_context), "mask" (b, j), nonzero = keep, and "attn_bias"
/// (heads, i, j); result "y" (b, i, dim).
Tensors runPhenakiAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

/// ALiBi with the published slopes: "bias" (heads, i, j) from config "heads", "i", "j".
Tensors runAlibi(const nlohmann::json& config);

/// "bias" (heads, N, N) over all pairs of positions of a grid of config "dimensions", N their product.
Tensors runContinuousPositionBias(const nlohmann::json& config, const Tensors& weights);

/// Depthwise convolution over video: input "x" (b, f, h, w, dim), result "y" of the same shape.
Tensors runPeg(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

/// Input "x" (..., dim), result "y" of the same shape.
Tensors runPhenakiFeedForward(const Tensors& weights, const Tensors& inputs);

/// Inputs "x" (b, n, dim) and perhaps "context", "self_attn_mask", "cross_attn_context_mask", "attn_bias"; result "y".
/// Config "video_shape" (b, f, h, w) is what the position encoding sees the tokens as.
Tensors runPhenakiTransformer(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
