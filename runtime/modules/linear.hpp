// PyTorch's Linear and 1x1 convolution over tokens: a weight of the checkpoint and the GEMM that applies it.
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
    Activation activation = Activation::none;
    WeightPrecision precision = WeightPrecision::storage; ///< float32: inputs and outputs are f32 in any plan
};

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

} // namespace saccade
