// SPDX-License-Identifier: Apache-2.0
// Attention of each query to the keys that score highest with it, on maps of one to three axes and on tokens.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Input "x" (b, dim, *S) where to_q.weight is (inner, dim, 1...), or (b, n, dim) where it is (inner, dim); result "y"
/// of the same shape. Throws std::domain_error where a choice of keys turns on less than 1e-5 of the scores' scale,
/// which float32 may decide either way: such inputs test nothing. Exact ties are kept.
Tensors runDynamicSparseAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

/// The least distance, over all queries, between the bound of what is kept and the nearest score on its other side, as
/// a share of the query's largest score.
double dynamicSparseMargin(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
