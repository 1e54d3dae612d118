// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every platform, and exact in float32 so that both sides of a comparison read the
// same values.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

#include "reference/tensor.hpp"

namespace saccade::reference {

class Random {
public:
    explicit Random(uint64_t seed) : engine_(seed) {}

    /// In [low, high), without the standard distributions, which differ between standard libraries.
    double uniform(double low, double high) {
        const double unit = static_cast<double>(engine_() >> 11) * 0x1p-53;
        return static_cast<float>(low + (high - low) * unit);
    }

    /// Mean 0, variance 1 (Box and Muller).
    double normal() {
        constexpr double twoPi = 6.283185307179586;
        const double radius = std::sqrt(-2 * std::log(1 - uniform(0, 0.9999999)));
        return static_cast<float>(radius * std::cos(uniform(0, twoPi)));
    }

    /// In [0, count).
    int64_t index(int64_t count) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(count)); }

    Tensor uniformTensor(Shape shape, double low, double high) {
        Tensor tensor(std::move(shape));
        for (double& value : tensor.data)
            value = uniform(low, high);
        return tensor;
    }

    Tensor normalTensor(Shape shape) {
        Tensor tensor(std::move(shape));
        for (double& value : tensor.data)
            value = normal();
        return tensor;
    }

    /// Booleans, three in four true, the first of each row always.
    Tensor maskTensor(Shape shape) {
        Tensor tensor(std::move(shape));
        tensor.boolean = true;
        for (int64_t i = 0; i < tensor.count(); ++i)
            tensor.data[static_cast<std::size_t>(i)] = i % tensor.size(-1) == 0 || index(4) != 0;
        return tensor;
    }

private:
    std::mt19937_64 engine_;
};

} // namespace saccade::reference
