// SPDX-License-Identifier: Apache-2.0
// Layers over tokens: PyTorch's Linear, which is the 1x1 convolution too, and LayerNorm. Each declares its weights of
// the checkpoint when it is made, and adds its node to a graph when it is applied.
#pragma once

#include <optional>
#include <string_view>

#include "kernels/gemm.hpp"
#include "modules/plan_builder.hpp"
#include "modules/weights.hpp"

namespace saccade {

struct LinearOptions {
    bool bias = true;
    uint32_t groups = 1;     ///< of the convolution; divides inputs and outputs
    uint32_t kernelRank = 0; ///< trailing 1s of the weight's shape: 0 for Linear, 2 for Conv2d
    Activation activation;
    WeightPrecision precision = WeightPrecision::storage; ///< float32: inputs and outputs are f32 in any plan
};

/// A projection of attention, most of which have none.
inline LinearOptions withoutBias(const Activation& activation = {}) {
    LinearOptions options;
    options.bias = false;
    options.activation = activation;
    return options;
}

/// A 1x1 convolution of a map with `dims` axes; 0: a Linear.
inline LinearOptions pointwise(uint32_t dims, bool bias, uint32_t groups = 1) {
    LinearOptions options;
    options.bias = bias;
    options.groups = groups;
    options.kernelRank = dims;
    return options;
}

/// What a Linear is applied to, beyond input and output.
struct LinearUse {
    MatrixLayout input;
    MatrixLayout output;
    TensorId residual = noTensor; ///< added to the result; in the output's layout, at residualLayout
    MatrixLayout residualLayout;
};

class Linear {
public:
    /// Declares name + ".weight", of shape (outputs, inputs / groups, 1...), and name + ".bias" if there is one.
    Linear(WeightSet& weights, std::string_view name, uint64_t inputs, uint64_t outputs, const LinearOptions& options);

    /// Adds the node out = act(in W^T + bias) (+ residual) for `batch` entries of `rows` tokens.
    void apply(PlanBuilder& plan, std::string_view label, uint64_t batch, uint64_t rows, TensorId in, TensorId out,
               const LinearUse& use = {}) const;

private:
    GemmDesc gemm_;
    WeightPrecision precision_;
    WeightId weight_ = 0;
    std::optional<WeightId> bias_;
};

/// Rows of tokens, (batch, tokens, width).
struct Sequence {
    TensorId tensor = noTensor;
    uint32_t batch = 0, tokens = 0, width = 0;
};

class LayerNorm {
public:
    /// Declares prefix + scale and prefix + shift, of `width` elements each.
    LayerNorm(WeightSet& weights, std::string_view prefix, std::string_view scale, std::string_view shift,
              uint32_t width);

    /// Adds the node that writes the normalised tokens to `result`, or to an activation of its own, which is returned.
    void apply(PlanBuilder& plan, std::string_view label, const Sequence& x, TensorId result) const;
    Sequence apply(PlanBuilder& plan, std::string_view label, const Sequence& x) const;

private:
    WeightId scale_, shift_;
};

} // namespace saccade
