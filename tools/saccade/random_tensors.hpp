// SPDX-License-Identifier: Apache-2.0
// Reproducible random weights and inputs: the same numbers on every platform, which std's distributions do not promise.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "host/tensor.hpp"

namespace saccade::cli {

class RandomTensors {
public:
    explicit RandomTensors(uint64_t seed) : engine_(seed) {}

    /// Uniform over [-bound, bound).
    host::Tensor uniform(const host::Shape& shape, double bound);
    /// Standard normal.
    host::Tensor normal(const host::Shape& shape);

    /// Adds `name`.weight, and `name`.bias where `bias` is set, as PyTorch initialises a convolution or Linear: uniform
    /// within 1 / sqrt(fan-in), the fan-in being all dimensions of the weight but the first.
    void layer(host::TensorMap& weights, const std::string& name, const host::Shape& shape, bool bias);

private:
    double unit(); ///< over (0, 1]

    std::mt19937_64 engine_;
};

/// Every element `value`.
host::Tensor constantTensor(const host::Shape& shape, float value);

} // namespace saccade::cli
