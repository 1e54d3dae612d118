// SPDX-License-Identifier: Apache-2.0
// PyTorch layers that several systems share, in float64. Shapes and defaults are PyTorch's.
#pragma once

#include <functional>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// What PyTorch modules write over a hidden score: -FLT_MAX. A row of nothing else averages all its values.
inline constexpr double maskedScore = -3.4028234663852886e38;

/// Exact form: x/2 (1 + erf(x / sqrt 2)).
double gelu(double x);

/// Softmax in place. A row of -infinity only becomes zeros.
void softmax(std::vector<double>& row);

/// x (..., in), weight (out, in), bias (out) or null -> (..., out).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor* bias = nullptr);

/// Over the last axis, eps 1e-5. `beta` may be null.
Tensor layerNorm(const Tensor& x, const Tensor& gamma, const Tensor* beta);

/// One entry an axis. Empty: stride 1, no padding, dilation 1.
struct ConvOptions {
    Shape stride;
    Shape before; ///< zeros before the first element
    Shape after;  ///< zeros after the last element
    int64_t groups = 1;
    Shape dilation;
};

/// Cross-correlation over 1 to 3 axes: x (b, in, *S), weight (out, in / groups, *K), bias (out) or null.
Tensor conv(const Tensor& x, const Tensor& weight, const Tensor* bias, const ConvOptions& options = {});

/// (b, n, heads * d) -> (b, heads, n, d), and back.
Tensor splitHeads(const Tensor& x, int64_t heads);
Tensor mergeHeads(const Tensor& x);

/// Columns first .. first + count - 1 of the last axis.
Tensor lastAxisSlice(const Tensor& x, int64_t first, int64_t count);

/// Elementwise sum of tensors of one shape.
Tensor add(const Tensor& a, const Tensor& b);

/// Score of query i and key j in batch b and head h, given the dot product of their features.
using Score = std::function<double(int64_t b, int64_t h, int64_t i, int64_t j, double dot)>;

/// q (b, h, i, d), k (b, h, j, d), v (b, h, j, e) -> (b, h, i, e): softmax of the scores over j, times v. The softmax
/// itself, (b, h, i, j), goes to `weights`.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Score& score, Tensor* weights = nullptr);

} // namespace saccade::reference
