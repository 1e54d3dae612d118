// SPDX-License-Identifier: Apache-2.0
// The attention forms of DALLE-pytorch. In all of them a mask is nonzero where a key is kept.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Queries, keys and values as (b, heads, n, d).
struct Heads {
    Tensor q, k, v;
};

/// The fused projection, split into heads. `rotary` (1, n or more, features), which may be null, turns the first
/// features of all three, from its row `offset` on.
Heads dalleHeads(const Tensors& weights, const Tensor& x, int64_t heads, const Tensor* rotary, int64_t offset = 0);

/// (b, heads, n, d) -> (b, n, dim) through the output layer.
Tensor dalleOutput(const Tensors& weights, const Tensor& attended);

/// x (b, n, dim) with `count` zero tokens behind; dropped again by firstTokens, which keeps `count`.
Tensor padTokens(const Tensor& x, int64_t count);
Tensor firstTokens(const Tensor& x, int64_t count);

/// Inputs "x" (b, n, dim), perhaps "mask" (b, n), "static_mask" (seq, seq), "rotary_pos_emb"; result "y". With config
/// "cache_steps" the tokens arrive in pieces of those lengths, each attending the cached keys before it and, without a
/// causal mask, all of its own piece, except the first, which is causal if the module is.
Tensors runDalleAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

/// Inputs as above, without "static_mask", "mask" (b, text or more): text attends text, image pixels attend text and a
/// window that ends at them.
Tensors runSparseConvAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

/// The same, but pixels attend their row (axis 0) or column (axis 1) up to themselves.
Tensors runSparseAxialAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

/// Inputs "x" (b, n, dim), "layout" (heads, blocks, blocks), nonzero = block attended, perhaps "mask" (b, n). Results
/// "y_exclude" (padded keys hidden), "y_reference_add" (1 added to their scores), and "y", whichever config "padding"
/// chooses.
Tensors runSparseAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
