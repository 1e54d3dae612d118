// SPDX-License-Identifier: Apache-2.0
// Random weights and inputs for every module, so that tests can try shapes that no golden file has. The same arguments
// give the same values on every platform, all of them exact in float32.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// PyTorch's initial scales, with what would otherwise hardly show enlarged: position bias, scores, offsets. Sampling
/// offsets move points by about half a pixel around a mean of 0.4, so that even a single key lies inside as often as
/// not. Modules without weights give an empty map. Throws std::invalid_argument for an unknown module.
Tensors randomWeights(const std::string& module, const nlohmann::json& config, const nlohmann::json& sizes,
                      uint64_t seed);
/// For modules whose weights do not depend on sizes.
Tensors randomWeights(const std::string& module, const nlohmann::json& config, uint64_t seed);

/// `sizes` says what the config does not; entries with a default in brackets may be left out.
///   grid_sample, onnx.GridSample    batch, channels, size [S], out [S'] (spatial lists)
///   DeformableAttention1D/2D/3D     batch, size [S], factor (1: of x, a power of two)
///   LocalAttention1D/2D/3D          batch, size [S]
///   DynamicSparseAttention          batch, and size [S] of a map or n tokens
///   TutorialDeformableAttention     batch, size [h, w]
///   MSDeformAttn                    batch, queries, shapes [[h, w], ...], box (false), padding_mask (false)
///   PhenakiAttention                batch, n, context (0: none, else its length), mask (false), attn_bias (false)
///   PEG                             batch, size [f, h, w]
///   PhenakiFeedForward              batch, n
///   PhenakiTransformer              context (0), mask (false), context_mask (false), attn_bias (false)
///   PhenakiLayerNorm, GEGLU, l2norm, Scale   shape
///   CPB                             queries, keys: shapes of grid_q and grid_kv, in 1 + dim % 3 dimensions
///   DalleAttention                  batch, n, mask (false), static_mask (false), rotary (0 features)
///   Sparse{Conv,Axial}CausalAttention, SparseAttention   batch, n, mask (false), rotary (0);
///                                   SparseAttention also shared_layout (false: a layout for each head)
///   onnx.RotaryEmbedding            batch, heads, n, d, position_ids (false), rank (4)
///   onnx.DeformConv                 batch, in, out, size [h, w], kernel [kh, kw], bias (false), mask (false)
///   onnx.Attention                  batch, q_heads, kv_heads, queries, keys, d, v_d (d), past (0), rank (4),
///                                   mask ("none", "bool", "empty": bool, its first row keeps nothing, or "float"),
///                                   mask_shape ([queries, past + keys]), nonpad (false)
/// A mask that is "empty" instead of true keeps nothing in the last batch. Masks otherwise keep the first key.
Tensors randomInputs(const std::string& module, const nlohmann::json& config, const nlohmann::json& sizes,
                     uint64_t seed);

/// The share of a deformable attention's sampling points that read at least one pixel of x, from its result "vgrid".
/// Where it is 0 the output is the output layer's bias, and a comparison of "y" proves nothing.
double shareInside(const std::string& module, const nlohmann::json& config, const Shape& x, const Tensor& vgrid);

} // namespace saccade::reference
